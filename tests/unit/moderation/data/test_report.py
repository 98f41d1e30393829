import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from contract.data.section import BadRows, DataConfig
from moderation.data.placement import place
from moderation.data.prepare import prepare
from moderation.data.report import LanguageSample, data_report
from moderation.data.report_page import data_page
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
    return data_report("raw/", spool, place(config, spool, rejections, None), rejections, None, "there is none")


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


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.words = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.links += [value for name, value in attributes if name in ("src", "href")]

    def handle_data(self, data):
        self.words.append(data)


def page_of(tmp_path, labels, config):
    lines = [
        {"id": str(number), "text": f"secret sentence {number}", "labels": [labels[number % len(labels)], labels[0]]}
        for number in range(len(labels) * 8)
    ]
    lines += [{"id": "e", "text": "", "labels": []}, {"id": "d", "text": "secret sentence 1", "labels": []}]
    source = tmp_path / "raw"
    source.mkdir()
    (source / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    prepare(config, source, tmp_path / "out")
    return (tmp_path / "out" / "data_report.html").read_text()


@pytest.mark.parametrize("labels", [["<b>insult</b>", "threat"], [f"label {number:02d}" for number in range(28)]])
def test_the_page_is_self_contained_and_shows_every_label_and_no_text(tmp_path, labels):
    text = page_of(tmp_path, labels, DataConfig(labels_field="labels", near_duplicates=None))
    page = Page(text)
    words = " ".join(page.words)
    assert not page.tags & {"script", "img", "link", "iframe"}
    assert page.links == []
    assert all(label in words for label in labels)
    assert "secret" not in text
    assert "Text of another row" in words
    assert "data.near_duplicates is off" in words
    assert not re.search(r"\b(nan|None)\b", words)


def test_the_page_has_its_style_in_it(tmp_path):
    text = page_of(tmp_path, ["insult", "threat"], DataConfig(labels_field="labels", near_duplicates=None))
    style = text[text.index("<style>") : text.index("</style>")]
    assert set(re.findall(r"var\((--\w+)", style)) <= set(re.findall(r"(--\w+):", style)) | {"--share"}
    assert {"tile", "table", "bar"} <= set(re.findall(r"\.(\w+) ?[{,]", style))
    # where the code lies says nothing about the data
    assert "report.css" not in text


def test_the_page_says_where_the_splits_come_from(tmp_path, records):
    report = report_of(tmp_path, records) | {"languages": {"sampled_rows": 1, "guessed": {"en": 1.0}, "others": 0.0}}
    assert "of an earlier dataset, there is none" in data_page(report)
    report["previous"] |= {"dataset_version": "0123", "ignored": None}
    assert "Rows of dataset 0123 stayed in their splits" in data_page(report)
