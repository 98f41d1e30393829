import csv
import gzip
import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.data.section import BadRows, DataConfig
from moderation.rows import opening
from moderation.rows.parsing import is_unicode
from moderation.rows.readers import read_files
from moderation.rows.row import Rejections, Row, normalised

LISTS = DataConfig(labels_field="labels")
COLUMNS = DataConfig(label_fields=("insult", "threat"))
CLASSES = DataConfig(class_field="label", classes={"1": "hate"})
DROP = BadRows(**dict.fromkeys(vars(BadRows()), "drop"))


def rows(directory, config=LISTS, actions=None):
    return list(read_files(directory, config, Rejections(actions or config.bad_rows)))


def write_jsonl(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_jsonl_rows_are_read_with_a_list_of_labels(tmp_path, name):
    content = b'\xef\xbb\xbf{"id": 7, "text": "hi", "labels": ["insult"]}\n{"text": "hi there", "labels": []}'
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    first, second = rows(tmp_path)
    assert (first.id, first.text, first.positive) == ("7", "hi", {"insult"})
    assert (second.positive, second.has_own_id) == (frozenset(), False)
    assert second.id.startswith("text-")
    assert second.place == f"{name}, row 2"


def test_csv_has_one_column_a_label_and_keeps_unannotated_apart_from_negative(tmp_path):
    (tmp_path / "a.csv").write_text('id,text,insult,threat\n1,"a, b",1,0\n2,"two\nlines",0.0,\n\n', encoding="utf-8")
    first, second = rows(tmp_path, COLUMNS)
    assert (first.text, first.positive, first.unannotated) == ("a, b", {"insult"}, frozenset())
    assert (second.text, second.positive, second.unannotated) == ("two\nlines", frozenset(), {"threat"})


def test_csv_lists_labels_as_json_or_with_bars(tmp_path):
    (tmp_path / "a.csv").write_text('text,labels\na,"[""x"", ""y""]"\nb,x | y\nc,\n', encoding="utf-8")
    assert [row.positive for row in rows(tmp_path)] == [{"x", "y"}, {"x", "y"}, frozenset()]


def test_parquet_has_a_list_column(tmp_path):
    table = pa.table({"id": ["a", "b"], "text": ["x", "y"], "labels": [["insult"], []], "other": [1, 2]})
    pq.write_table(table, tmp_path / "a.parquet")
    assert [(row.id, row.positive) for row in rows(tmp_path)] == [("a", {"insult"}), ("b", frozenset())]


def test_a_class_column_has_a_label_for_the_named_classes(tmp_path):
    write_jsonl(tmp_path / "a.jsonl", {"text": "a", "label": 1}, {"text": "b", "label": 0}, {"text": "c", "label": 1.0})
    assert [row.positive for row in rows(tmp_path, CLASSES)] == [{"hate"}, frozenset(), {"hate"}]


def test_without_classes_every_class_is_a_label(tmp_path):
    write_jsonl(tmp_path / "a.jsonl", {"text": "a", "label": "spam"}, {"text": "b", "label": "other"})
    config = DataConfig(class_field="label")
    assert [row.positive for row in rows(tmp_path, config)] == [{"spam"}, {"other"}]


def test_files_in_folders_are_read_in_order_and_hidden_ones_are_not(tmp_path):
    (tmp_path / "b").mkdir()
    write_jsonl(tmp_path / "b" / "1.jsonl", {"text": "second", "labels": []})
    write_jsonl(tmp_path / "a.jsonl", {"text": "first", "labels": []})
    (tmp_path / ".keep").write_text("")
    (tmp_path / "_SUCCESS").write_text("")
    assert [row.text for row in rows(tmp_path)] == ["first", "second"]


def test_a_file_of_another_kind_stops(tmp_path):
    (tmp_path / "data.xlsx").write_bytes(b"")
    with pytest.raises(
        ValueError, match=r"data\.xlsx: found a file that is not data, expected names ending in \.jsonl"
    ):
        rows(tmp_path)


BAD_LINES = [
    (b'{"text": "a", "labels": ["x"]', "broken_row", "found broken JSON"),
    (b"[1]", "broken_row", "found JSON list, expected a JSON object"),
    (b" ", "broken_row", "found an empty or endless line"),
    (b'{"labels": []}', "missing_field", "found the fields labels, expected a text in 'text'"),
    (b'{"text": "a"}', "missing_field", "found no 'labels', expected a list of labels"),
    (b'{"text": 5, "labels": []}', "broken_row", "found int in 'text', expected a string"),
    (b'{"text": " \\u200b ", "labels": []}', "empty_text", "found an empty 'text'"),
    (b'{"text": "a", "labels": "[x"}', "broken_row", "expected a JSON list"),
    (b'{"text": "a", "labels": [1]}', "broken_row", "found the number 1 in 'labels', expected the name of a label"),
    (b'{"text": "a", "labels": {"insult": 2}}', "broken_row", "found 2 in 'labels', expected 0, 1 or nothing"),
    (b'{"text": "a", "labels": ["spam"]}', "unknown_label", "found the label 'spam', expected one of insult, threat"),
    (b'{"text": "a\xff", "labels": []}', "not_utf8", "found the byte 0xff at 11, expected UTF-8"),
    (b'{"text": "a\\ud800", "labels": []}', "not_utf8", "code points that are no text"),
    (b'{"text": "a", "labels": [], "id": [1]}', "broken_row", "found list in 'id', expected a string"),
]


@pytest.mark.parametrize(("line", "kind", "reason"), BAD_LINES)
def test_a_bad_line_stops_with_file_row_found_and_expected(tmp_path, line, kind, reason):
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "good", "labels": []}\n' + line + b'\n{"text": "b", "labels": []}\n')
    config = DataConfig(labels_field="labels", labels=("insult", "threat"))
    with pytest.raises(ValueError, match=re.escape(reason)) as error:
        rows(tmp_path, config, BadRows(**dict.fromkeys(vars(BadRows()), "stop")))
    assert str(error.value).startswith("a.jsonl, row 2: found ")
    assert f"set data.bad_rows.{kind} to drop" in str(error.value)


@pytest.mark.parametrize(("line", "kind", "reason"), BAD_LINES)
def test_a_bad_line_is_dropped_and_counted_where_that_is_allowed(tmp_path, line, kind, reason):
    (tmp_path / "a.jsonl").write_bytes(line + b'\n{"text": "good", "labels": []}\n')
    rejections = Rejections(DROP)
    found = list(read_files(tmp_path, DataConfig(labels_field="labels", labels=("insult", "threat")), rejections))
    assert [row.text for row in found] == ["good"]
    assert rejections.counts == {kind: 1}
    assert reason in rejections.examples[kind][0]


@pytest.mark.parametrize(
    ("content", "kind", "reason"),
    [
        (b"text,insult,threat\na,1\n", "broken_row", "found 2 fields, expected 3, as in the header"),
        (b"text,insult,threat\na,maybe,0\n", "broken_row", "found 'maybe' in the label column 'insult'"),
        (b"text,insult,threat\na,,\n", "missing_field", "no label with a value"),
        (b"text,insult,threat\n\xff,1,0\n", "not_utf8", "found bytes or code points that are no text in 'text'"),
        (b'text,insult,threat\n"a"b,1,0\n', "broken_row", "broken CSV"),
    ],
)
def test_a_bad_csv_row_is_named(tmp_path, content, kind, reason):
    (tmp_path / "a.csv").write_bytes(content)
    rejections = Rejections(DROP)
    assert list(read_files(tmp_path, COLUMNS, rejections)) == []
    assert rejections.counts == {kind: 1}
    assert rejections.examples[kind][0].startswith("a.csv, row 1: found ")
    assert reason in rejections.examples[kind][0]


def test_a_stray_quote_costs_its_own_row_and_not_those_after_it(tmp_path):
    (tmp_path / "a.csv").write_text('text,insult,threat\na,1,0\n"b,0,0\nc,0,1\nd,1,1\n')
    rejections = Rejections(DROP)
    assert [row.text for row in read_files(tmp_path, COLUMNS, rejections)] == ["a", "c", "d"]
    assert rejections.counts == {"broken_row": 1}
    assert rejections.rows_read == 4


def test_an_endless_csv_line_is_one_bad_row(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "MAXIMUM_LINE_BYTES", 100)
    (tmp_path / "a.csv").write_text(f"text,insult,threat\na,1,0\n{'x' * 1050},1,0\nb,0,1\n")
    rejections = Rejections(DROP)
    assert [row.text for row in read_files(tmp_path, COLUMNS, rejections)] == ["a", "b"]
    assert rejections.examples["broken_row"] == [
        "a.csv, row 2: found broken CSV (an endless line), expected quoted fields with commas between"
    ]


def test_a_missing_column_stops_whatever_the_actions_are(tmp_path):
    (tmp_path / "a.csv").write_text("text,insult\na,1\n")
    with pytest.raises(ValueError, match="found the columns text, insult, expected threat too"):
        rows(tmp_path, COLUMNS, DROP)


def test_a_missing_parquet_column_stops(tmp_path):
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="found the columns text, expected labels too"):
        rows(tmp_path, LISTS, DROP)


def test_a_cut_off_file_stops_even_where_rows_may_be_dropped(tmp_path):
    line = b'{"text": "a", "labels": []}\n'
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(line * 5000)[:-20])
    with pytest.raises(ValueError, match=r"a\.jsonl\.gz, after row \d+: found a damaged or cut-off file"):
        rows(tmp_path, LISTS, DROP)


def test_a_damaged_parquet_file_stops(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(ValueError, match=r"a\.parquet: found a damaged or cut-off file"):
        rows(tmp_path, LISTS, DROP)


def test_an_endless_line_is_one_bad_row_and_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "MAXIMUM_LINE_BYTES", 100)
    (tmp_path / "a.jsonl").write_bytes(b"x" * 1000 + b'\n{"text": "good", "labels": []}\n')
    rejections = Rejections(DROP)
    (row,) = read_files(tmp_path, LISTS, rejections)
    assert (row.text, row.place) == ("good", "a.jsonl, row 2")
    assert rejections.counts == {"broken_row": 1}


def test_a_message_never_shows_the_text_of_a_row(tmp_path):
    secret = "my most private sentence"
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": secret, "labels": ["unheard"]}) + "\n" + secret)
    rejections = Rejections(DROP)
    assert list(read_files(tmp_path, DataConfig(labels_field="labels", labels=("x",)), rejections)) == []
    assert sum(rejections.counts.values()) == 2
    assert secret not in str(rejections.examples)


TEXTS = st.text(min_size=1, max_size=30).filter(lambda text: normalised(text) and is_unicode(text))
LABELS = st.lists(st.sampled_from(["insult", "threat", "spam"]), unique=True)


@settings(max_examples=40, deadline=None)
@given(records=st.lists(st.tuples(TEXTS, LABELS), min_size=1, max_size=8))
def test_every_format_gives_the_same_rows(records, tmp_path_factory):
    found = []
    for ending in ("jsonl", "csv", "parquet"):
        directory = tmp_path_factory.mktemp(ending)
        path = directory / f"a.{ending}"
        if ending == "jsonl":
            write_jsonl(path, *({"text": text, "labels": labels} for text, labels in records))
        elif ending == "csv":
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, quoting=csv.QUOTE_ALL)
                writer.writerow(["text", "labels"])
                writer.writerows([text, json.dumps(labels)] for text, labels in records)
        else:
            columns = {"text": [text for text, _ in records], "labels": [labels for _, labels in records]}
            pq.write_table(
                pa.table(columns, schema=pa.schema({"text": pa.string(), "labels": pa.list_(pa.string())})), path
            )
        found.append([(row.text, row.positive) for row in rows(directory)])
    assert found[0] == found[1] == found[2] == [(text, frozenset(labels)) for text, labels in records]


@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=200), ending=st.sampled_from(["jsonl", "csv", "parquet", "jsonl.gz", "csv.gz"]))
def test_any_bytes_give_rows_or_reasons_and_never_another_error(content, ending, tmp_path_factory):
    directory = tmp_path_factory.mktemp("any")
    header = b"" if not ending.startswith("csv") else b"text,labels\n"
    content = gzip.compress(header + content) if ending.endswith("gz") else header + content
    (directory / f"a.{ending}").write_bytes(content)
    rejections = Rejections(DROP)
    try:
        found = list(read_files(directory, LISTS, rejections))
    except ValueError as error:
        found, reason = [], str(error)
        assert reason.startswith(f"a.{ending}")
    assert all(isinstance(row, Row) for row in found)
