import json
import re
from html.parser import HTMLParser

import pytest

from contract.data.section import DataConfig
from moderation.data.prepare import prepare
from moderation.data.report_page import data_page


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


def test_the_page_says_where_the_splits_come_from(tmp_path):
    page_of(tmp_path, ["insult", "threat"], DataConfig(labels_field="labels", near_duplicates=None))
    report = json.loads((tmp_path / "out" / "data_report.json").read_text())
    assert "of an earlier dataset, there is none" in data_page(report)
    report["previous"] |= {"dataset_version": "0123", "ignored": None}
    assert "Rows of dataset 0123 stayed in their splits" in data_page(report)
