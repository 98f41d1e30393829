import math

import pytest

from contract.data.section import DataConfig
from moderation.rows.labels import BadLabels, Class, labels_of

LISTS = DataConfig(labels_field="labels")
COLUMNS = DataConfig(label_fields=("insult", "threat"))
CLASSES = DataConfig(class_field="label", classes={"1": "hate", "yes": "hate"})


@pytest.mark.parametrize(
    ("record", "config", "positive", "unannotated"),
    [
        ({"labels": [" insult ", "threat"]}, LISTS, {"insult", "threat"}, set()),
        ({"labels": '["insult"]'}, LISTS, {"insult"}, set()),
        ({"labels": "insult | threat |"}, LISTS, {"insult", "threat"}, set()),
        ({"insult": "1.0", "threat": None}, COLUMNS, {"insult"}, {"threat"}),
        ({"insult": "FALSE", "threat": math.nan}, COLUMNS, set(), {"threat"}),
        ({"label": 1}, CLASSES, {"hate"}, set()),
        ({"label": True}, CLASSES, {"hate"}, set()),
        ({"label": Class(7, "yes")}, CLASSES, {"hate"}, set()),
        ({"label": 0}, CLASSES, set(), set()),
        ({"label": 2.0}, DataConfig(class_field="label"), {"2"}, set()),
    ],
)
def test_every_layout_says_which_labels_apply_and_which_nobody_decided(record, config, positive, unannotated):
    assert labels_of(record, config) == (positive, unannotated)


@pytest.mark.parametrize(
    ("record", "config", "kind", "found"),
    [
        ({}, LISTS, "missing_field", "no 'labels'"),
        ({"labels": [""]}, LISTS, "broken_row", "'' in 'labels'"),
        ({"insult": 1}, COLUMNS, "missing_field", "no field threat"),
        ({"insult": 2, "threat": 0}, COLUMNS, "broken_row", "2 in the label column 'insult'"),
        ({"insult": None, "threat": ""}, COLUMNS, "missing_field", "no label column with a value"),
        ({"label": -1}, CLASSES, "missing_field", "no class in 'label'"),
        ({"label": [1]}, CLASSES, "broken_row", "list in 'label'"),
    ],
)
def test_labels_that_cannot_be_used_say_why(record, config, kind, found):
    with pytest.raises(BadLabels) as bad:
        labels_of(record, config)
    assert (bad.value.kind, bad.value.found) == (kind, found)
