import json

import pytest

from contract.data.section import BadRows, DataConfig
from moderation.rows.opening import kind_of, seems_to_be, shown_names
from moderation.rows.readers import read_files
from moderation.rows.row import Rejections


def rows(directory, config, actions=None):
    return list(read_files(directory, config, Rejections(actions or config.bad_rows)))


@pytest.mark.parametrize(
    ("name", "kind"), [("a.CSV.gz", ".csv"), ("b/c.jsonl", ".jsonl"), ("x.tsv.XZ", ".tsv"), ("gz", ""), ("a.gz", "")]
)
def test_the_ending_below_the_compression_says_how_a_file_is_read(name, kind):
    assert kind_of(name) == kind


@pytest.mark.parametrize("text", ["text,labels\n", "größe", "日本語", ""])
def test_text_in_utf8_seems_to_be_nothing_else(text):
    assert seems_to_be(text.encode()) is None


def test_names_are_shown_and_what_is_none_is_counted():
    assert shown_names(["text", "label_1", "you are a fool", "7"]) == "text, label_1 and 2 that are no plain names"
    assert shown_names([]) == "none"


DROP = BadRows(**dict.fromkeys(vars(BadRows()), "drop"))
SECRET = "my neighbour told me a long secret about her late uncle"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"PK\x03\x04rest", "found a zip archive, as .xlsx spreadsheets are, expected CSV or TSV in UTF-8"),
        ("a.csv", b"PAR1rest", "found a Parquet file, expected CSV"),
        ("a.csv", "text,labels\n".encode("utf-16"), "found text in UTF-16, expected CSV"),
        ("a.csv", "text,labels\n".encode("utf-16-le"), "found text in UTF-16, expected CSV"),
        ("a.jsonl", b"\x1f\x8brest", "found a gzip file, expected JSONL"),
        ("a.csv", "text,Höhe,größe\n".encode("cp1252"), "found the columns text and 2 that are no plain names"),
        ("a.csv", b"text,text,labels\n", "found the column text twice"),
        ("a.csv", b" text ,labels , text\n", "found the column text twice"),
        ("a.xlsx", b"", "save it as CSV"),
        ("a.jsonl", b'{"text": "a", "text": "b", "labels": []}\n', "row 1: found an object with a key twice"),
        ("a.jsonl", b'{"\\ud800": 1}\n', "found the fields 1 that are no plain name"),
        ("a.json", b'[{"text": "a"', "found broken JSON"),
        ("a.json", b"[" * 100000, "found JSON that is nested too deeply"),
        ("a.json", b'[{"text": "\xff"}]', "found the byte 0xff, expected UTF-8"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_told_so(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is looked at
        rows(tmp_path, DataConfig(labels_field="labels"))
    assert message in str(caught.value)
    str(caught.value).encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", f"{SECRET},insult\nmore of it,threat\n"),
        ("a.csv", f"text,labels\ninsult,{SECRET}\n"),
        ("a.csv", f'text,labels\na,"[{SECRET}"\n'),
        ("a.jsonl", json.dumps({SECRET: 1, "labels": []})),
        ("a.jsonl", json.dumps({"text": "a", "labels": [SECRET]})),
        ("a.jsonl", json.dumps({"text": "a", "labels": {SECRET: SECRET}})),
        ("a.jsonl", json.dumps({"text": [SECRET], "labels": []})),
        ("a.jsonl", json.dumps({"text": "a", "labels": [], "id": [SECRET]})),
        ("a.jsonl", SECRET),
        ("a.json", f'[{{"text": "{SECRET}"'),
    ],
)
def test_no_message_repeats_what_may_be_a_text(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    for config in (DataConfig(labels_field="labels", labels=("insult",)), DataConfig(class_field="labels")):
        rejections = Rejections(DROP)
        try:
            list(read_files(tmp_path, config, rejections))
            told = str(rejections.examples)
        except ValueError as error:
            told = str(error)
        assert "secret" not in told
        assert "neighbour" not in told
