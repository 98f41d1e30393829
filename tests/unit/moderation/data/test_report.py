import numpy as np
import pytest

from contract.data.section import BadRows, DataConfig
from moderation.data.placement import place
from moderation.data.report import LanguageSample, Preparation, data_report
from moderation.rows.labels import LabelReader
from moderation.rows.parsing import parse_row
from moderation.rows.row import Rejections
from moderation.rows.spool import Spool

DROP = BadRows(**dict.fromkeys(vars(BadRows()), "drop"))
COLUMNS = DataConfig(label_fields=("insult", "threat"), minimum_positives=1, bad_rows=DROP)


def report_of(directory, records, config=COLUMNS):
    rejections = Rejections(config.bad_rows)
    spool = Spool(directory / "spool", config.seed, config.near_duplicates)
    for number, record in enumerate(records, start=1):
        rejections.rows_read += 1
        row = parse_row("f", number, record, LabelReader(config))
        spool.add(row) if hasattr(row, "comparable") else rejections.add(row)
    spool.finish()
    placed = place(config, spool, rejections, None)
    return data_report(Preparation(config, spool, rejections, placed, None, "there is none"))


@pytest.fixture
def records():
    """40 rows: 20 insults, 10 of them threats too; the threat of 4 clean rows is not annotated."""
    values = [(1, 1)] * 10 + [(1, 0)] * 10 + [(0, 0)] * 16 + [(0, None)] * 4
    words = np.random.default_rng(1).permutation([f"word{number}" for number in range(400)]).reshape(40, 10)
    return [
        {"text": " ".join(line), "insult": insult, "threat": threat}
        for line, (insult, threat) in zip(words.tolist(), values, strict=True)
    ]


def test_labels_are_counted_by_split_and_together(tmp_path, records):
    report = report_of(tmp_path, records)
    assert sum(report["labels"]["insult"]["positives"].values()) == 20
    assert report["labels"]["insult"]["prevalence"] == 0.5
    assert report["labels"]["threat"]["positives"] == {"train": 7, "validation": 1, "test": 2}
    assert report["labels"]["threat"]["not_annotated"] == 4
    assert report["together"] == [{"labels": ["insult", "threat"], "rows": 10}]
    assert report["clean_rows"] == 20


def test_lengths_are_a_histogram_of_all_rows(tmp_path, records):
    for number, record in enumerate(records):
        record["text"] = f"{number:04d}" + "x" * (2000 if number == 0 else number % 2 * 100)
    lengths = report_of(tmp_path, records, DataConfig(label_fields=("insult", "threat"), near_duplicates=None))[
        "characters"
    ]
    found = {step["from"]: step["rows"] for step in lengths["histogram"]}
    assert found == {0: 19, 25: 0, 50: 0, 100: 20, 200: 0, 400: 0, 800: 0, 1600: 1}
    assert (lengths["median"], lengths["maximum"]) == (104, 2004)


def test_every_row_that_was_read_is_kept_or_counted_with_its_reason(tmp_path, records):
    records += [{"text": " "}, {"text": 4}, {"text": records[0]["text"].upper(), "insult": 1, "threat": 1}]
    report = report_of(tmp_path, records)
    assert {kind: found["count"] for kind, found in report["dropped"].items()} == {
        "broken_row": 1,
        "duplicate_text": 1,
        "empty_text": 1,
    }
    assert report["rows_read"] == 43 == sum(report["rows"].values()) + 3


def test_languages_are_guessed_from_a_sample():
    import pyarrow as pa

    german = "Das ist ein ganz gewöhnlicher Satz über das Wetter von heute und morgen"
    english = "This is a perfectly ordinary sentence about the weather of today and tomorrow"
    sample = LanguageSample(6000)
    for _ in range(60):
        sample.add(
            pa.chunked_array([[english] * 70 + [german] * 25 + ["ok"] * 5]), np.random.default_rng(1).permutation(100)
        )
    found = sample.shares()
    assert found["sampled_rows"] == 2000
    assert list(found["guessed"])[:2] == ["en", "de"]
    assert found["guessed"]["en"] == pytest.approx(0.7, abs=0.1)
    assert "too short to tell" in found["guessed"]
