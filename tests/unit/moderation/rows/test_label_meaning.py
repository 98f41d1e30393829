"""A label's value is read by what it means, however it is spelt, in every layout and format."""

import bz2
import csv
import io
import json
import lzma

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.data.section import BadRows, DataConfig
from moderation.data.prepare import prepare
from moderation.rows.labels import MISSING_WORDS, LabelReader, UnusableLabels, plain_name
from moderation.rows.readers import read_files
from moderation.rows.row import Rejections

DROP = BadRows(**dict.fromkeys(vars(BadRows()), "drop"))
SECRET = "my neighbour told me a long secret about her late uncle"


def rows(directory, config, actions=None):
    return list(read_files(directory, config, Rejections(actions or config.bad_rows)))


def labels(value, **settings):
    config = DataConfig(**(settings or {"labels_field": "labels"}))
    field = config.labels_field or config.class_field
    return LabelReader(config).labels({field: value})


@pytest.mark.parametrize("value", [1, 1.0, "1", "1.0", " 1 ", "1.", "+1", "1.00"])
def test_a_number_is_one_class_however_it_is_written(value):
    assert labels(value, class_field="label", classes={"1": "hate"})[0] == {"hate"}
    assert labels(value, class_field="label", classes={"1.0": "hate"})[0] == {"hate"}
    assert labels(value, class_field="label")[0] == {"1"}


@pytest.mark.parametrize(("value", "name"), [("007", "007"), ("1.5", "1.5"), (1.5, "1.5"), ("-0", "0"), ("-2.0", "-2")])
def test_what_only_looks_like_a_number_keeps_its_spelling(value, name):
    assert plain_name(value) == name


@pytest.mark.parametrize("value", [" spam", "spam ", "\tspam\n", "spam\u00a0", "\ufeffspam", "spam\u200b"])
def test_blanks_around_a_label_are_no_part_of_it(value):
    assert labels(value, class_field="label")[0] == {"spam"}
    assert labels([value])[0] == {"spam"}


def test_composed_and_decomposed_letters_are_one_label():
    assert labels("beleidigu\u0308ng", class_field="label") == labels("beleidig\u00fcng", class_field="label")


@pytest.mark.parametrize("word", sorted(MISSING_WORDS | {"NaN", "NULL", "None", " N/A "}))
def test_the_words_for_missing_are_no_value_in_any_layout(word):
    for settings_ in (
        {"class_field": "label"},
        {"class_field": "label", "classes": {"1": "hate"}},
        {"labels_field": "l"},
    ):
        with pytest.raises(UnusableLabels) as caught:
            labels(word, **settings_)
        assert caught.value.kind == "missing_field"
    reader = LabelReader(DataConfig(label_fields=("insult", "threat")))
    assert reader.labels({"insult": word, "threat": 1}) == ({"threat"}, {"insult"})


def test_a_word_that_moderation_yaml_names_is_a_class():
    assert labels("none", class_field="label", classes={"none": "nothing_found"})[0] == {"nothing_found"}
    assert labels("-1", class_field="label", classes={"-1": "negative"})[0] == {"negative"}


@pytest.mark.parametrize("separator", [",", ";", "#", ", ", " ; "])
def test_a_cell_of_several_known_labels_is_those(separator):
    cell = separator.join(["insult", "threat"])
    assert labels(cell, labels_field="l", labels=("insult", "threat", "spam"))[0] == {"insult", "threat"}
    assert labels([cell], labels_field="l", labels=("insult", "threat"))[0] == {"insult", "threat"}
    assert labels(cell, class_field="l", classes={"insult": "insult", "threat": "violence"})[0] == {
        "insult",
        "violence",
    }


def test_a_label_with_a_separator_of_its_own_is_one_where_it_is_named():
    assert labels("hate, violence", labels_field="l", labels=("hate, violence",))[0] == {"hate, violence"}


def test_a_cell_of_a_known_and_an_unknown_class_is_no_clean_row():
    with pytest.raises(UnusableLabels, match="insult,thread"):
        labels("insult,thread", class_field="l", classes={"insult": "insult", "threat": "threat"})


def written(path, cells):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "labels"])
        writer.writerows((f"words number {number}", cell) for number, cell in enumerate(cells))


@pytest.mark.parametrize("field", ["labels_field", "class_field"])
def test_a_cell_is_parted_where_its_parts_are_labels_of_other_rows(tmp_path, field):
    (tmp_path / "raw").mkdir()
    written(tmp_path / "raw" / "a.csv", ["insult"] * 20 + ["threat"] * 20 + ["insult,threat"] * 20 + ["other"] * 20)
    config = DataConfig(**{field: "labels"}, near_duplicates=None)
    manifest = prepare(config, tmp_path / "raw", tmp_path / "dataset")
    assert manifest["labels"] == ["insult", "other", "threat"]
    report = json.loads((tmp_path / "dataset" / "data_report.json").read_text())
    assert sum(report["labels"]["threat"]["positives"].values()) == 40


def test_a_cell_whose_parts_nobody_knows_stops_with_its_row(tmp_path):
    (tmp_path / "raw").mkdir()
    written(tmp_path / "raw" / "a.csv", ["insult"] * 40 + ["insult,thread"] * 5)
    config = DataConfig(labels_field="labels", near_duplicates=None)
    with pytest.raises(ValueError, match=r"a\.csv, row 41: found the label 'insult,thread', expected one label"):
        prepare(config, tmp_path / "raw", tmp_path / "dataset")


def test_labels_that_differ_in_case_only_are_not_two(tmp_path):
    (tmp_path / "raw").mkdir()
    written(tmp_path / "raw" / "a.csv", ["Insult"] * 20 + ["insult"] * 20)
    with pytest.raises(ValueError, match="found the labels 'Insult' and 'insult', which differ in case only"):
        prepare(DataConfig(labels_field="labels"), tmp_path / "raw", tmp_path / "dataset")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("yes", True), ("No", False), ("TRUE", True), ("f", False), (1.0, True), ("0.0", False), ("", None), (None, None)],
)
def test_a_label_column_is_read_by_its_meaning(value, expected):
    reader = LabelReader(DataConfig(label_fields=("insult", "threat")))
    positive, unannotated = reader.labels({"insult": value, "threat": 1})
    assert (("insult" in positive) or None if "insult" in unannotated else "insult" in positive) in (expected, None)
    assert ("insult" in unannotated) == (expected is None)
    assert ("insult" in positive) == (expected is True)


def test_other_values_of_a_label_column_are_named_in_moderation_yaml():
    with pytest.raises(UnusableLabels) as caught:
        LabelReader(DataConfig(label_fields=("toxic",))).labels({"toxic": "-1"})
    assert "data.label_values says what other values stand for" in caught.value.expected
    config = DataConfig(label_fields=("toxic", "threat"), label_values={"-1": "not_annotated", "X": "positive"})
    assert LabelReader(config).labels({"toxic": -1.0, "threat": "x"}) == ({"threat"}, {"toxic"})


def test_shares_of_annotators_are_positive_from_a_threshold_on():
    config = DataConfig(label_fields=("toxic", "threat", "insult"), positive_from=0.5)
    read = LabelReader(config).labels({"toxic": "0.7", "threat": "0,4", "insult": 0.5})
    assert read == ({"toxic", "insult"}, frozenset())


@pytest.mark.parametrize(
    "cell", ["['a', 'b']", '["a", "b"]', "('a', 'b')", "a|b", "a | b |", ["a", "b"], {"a": 1, "b": True, "c": 0}]
)
def test_a_list_of_labels_is_read_however_it_was_written(cell):
    assert labels(cell)[0] == {"a", "b"}


def test_numbers_in_a_list_have_names_in_moderation_yaml():
    assert labels("[0, 2]", labels_field="l", classes={"0": "admiration", "2": "anger"})[0] == {"admiration", "anger"}
    assert labels(["2", "0"], labels_field="l", classes={"0": "a", "2": "b"})[0] == {"a", "b"}
    with pytest.raises(UnusableLabels, match="number 0"):
        labels([0])


def test_places_in_a_list_have_names_in_moderation_yaml():
    assert labels([0, 1, "1.0"], labels_field="l", multi_hot=("a", "b", "c"))[0] == {"b", "c"}
    with pytest.raises(UnusableLabels, match="a list of 2"):
        labels([0, 1], labels_field="l", multi_hot=("a", "b", "c"))


def test_a_mapping_of_labels_to_shares_needs_a_threshold():
    assert labels({"toxic": 0.8, "threat": 0.1}, labels_field="l", positive_from=0.5)[0] == {"toxic"}
    with pytest.raises(UnusableLabels, match=r"0\.8"):
        labels({"toxic": 0.8}, labels_field="l")


def test_an_absent_key_means_nothing_unless_moderation_yaml_says_so():
    strict, open_ = (DataConfig(label_fields=("S", "H"), absent_labels=choice) for choice in ("stop", "not_annotated"))
    with pytest.raises(UnusableLabels, match="no field H"):
        LabelReader(strict).labels({"S": 1})
    assert LabelReader(open_).labels({"S": 1}) == ({"S"}, {"H"})
    with pytest.raises(UnusableLabels, match="no label with a value"):
        LabelReader(open_).labels({})


@pytest.mark.parametrize("name", ["a.TSV", "a.csv", "a.CSV.gz", "a.csv.bz2", "a.csv.xz"])
def test_a_table_is_read_whatever_parts_and_compresses_it(tmp_path, name):
    delimiter = "\t" if "TSV" in name else ";"
    content = f"text{delimiter}labels\nhello, you{delimiter}insult\n".encode()
    import gzip

    packed = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}.get(name.rpartition(".")[2], bytes)
    (tmp_path / name).write_bytes(packed(content))
    (row,) = rows(tmp_path, DataConfig(labels_field="labels"))
    assert (row.text, row.positive) == ("hello, you", {"insult"})


def test_a_table_without_a_header_gets_its_names_from_moderation_yaml(tmp_path):
    (tmp_path / "train.tsv").write_text("some text\t27\tid1\nother text\t2,25\tid2\n")
    config = DataConfig(
        labels_field="labels",
        columns=("text", "labels", "id"),
        classes={"2": "anger", "25": "sadness", "27": "neutral"},
    )
    assert [(row.id, row.positive) for row in rows(tmp_path, config)] == [
        ("id1", {"neutral"}),
        ("id2", {"anger", "sadness"}),
    ]


@pytest.mark.parametrize("content", ['[{"text": "a", "labels": ["x"]},\n {"text": "b", "labels": []}]', " [ ] "])
@pytest.mark.parametrize("name", ["a.json", "a.JSONL"])
def test_a_list_of_objects_is_read_object_by_object(tmp_path, content, name):
    (tmp_path / name).write_text(content)
    config = DataConfig(labels_field="labels")
    if name == "a.JSONL" and "{" not in content:
        return
    assert [row.text for row in rows(tmp_path, config)] == (["a", "b"] if "{" in content else [])


def test_a_blank_line_at_the_end_is_no_row_and_one_between_is(tmp_path):
    line = '{"text": "a", "labels": []}\n'
    (tmp_path / "a.jsonl").write_text(line + "\n\n")
    assert len(rows(tmp_path, DataConfig(labels_field="labels"))) == 1
    (tmp_path / "a.jsonl").write_text(line + "\n" + line.replace("a", "b", 1))
    with pytest.raises(ValueError, match=r"row 2: found an empty or endless line"):
        rows(tmp_path, DataConfig(labels_field="labels"))


def test_ids_of_a_table_with_gaps_are_whole_numbers_again(tmp_path):
    table = pa.table({"id": [12.0, None], "text": ["a", "b"], "labels": [["x"], []]})
    pq.write_table(table, tmp_path / "a.parquet")
    first, second = rows(tmp_path, DataConfig(labels_field="labels"))
    assert (first.id, second.has_own_id) == ("12", False)


def test_the_names_in_a_parquet_files_metadata_are_read(tmp_path):
    features = {"info": {"features": {"label": {"names": ["clean", "hate"], "_type": "ClassLabel"}}}}
    table = pa.table({"text": ["a", "b"], "label": [0, 1]}).replace_schema_metadata(
        {"huggingface": json.dumps(features)}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    config = DataConfig(class_field="label", classes={"hate": "hate"})
    assert [row.positive for row in rows(tmp_path, config)] == [frozenset(), {"hate"}]


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


NAMES = ("insult", "threat", "spam")
FORMATS = ("jsonl", "json", "csv", "tsv", "parquet")


def _cell(applied, separator, format_):
    if format_ in ("jsonl", "json", "parquet") and separator == "list":
        return sorted(applied)
    return {"list": json.dumps(sorted(applied)), "repr": str(sorted(applied))}.get(
        separator, separator.join(sorted(applied))
    )


def _write(path, format_, records, delimiter, encoding):
    if format_ == "jsonl":
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding=encoding)
    elif format_ == "json":
        path.write_text(json.dumps(records), encoding=encoding)
    elif format_ == "parquet":
        pq.write_table(pa.table({name: [record[name] for record in records] for name in records[0]}), path)
    else:
        stream = io.StringIO()
        writer = csv.writer(stream, delimiter="\t" if format_ == "tsv" else delimiter)
        writer.writerow(records[0])
        writer.writerows(record.values() for record in records)
        path.write_text(stream.getvalue(), encoding=encoding)


@settings(max_examples=120, deadline=None)
@given(
    applied=st.lists(st.frozensets(st.sampled_from(NAMES)), min_size=1, max_size=6),
    layout=st.sampled_from(["list", "repr", ",", ";", "#", "|", "columns"]),
    format_=st.sampled_from(FORMATS),
    delimiter=st.sampled_from([",", ";", "|", "\t"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig"]),
    missing=st.sampled_from(["", "nan", "NULL", "N/A"]),
)
def test_every_layout_separator_format_and_encoding_gives_the_same_rows(
    tmp_path_factory, applied, layout, format_, delimiter, encoding, missing
):
    directory = tmp_path_factory.mktemp("raw")
    if layout == "columns":
        config = DataConfig(label_fields=NAMES)
        records = [
            {"text": f"t {number}", **{name: "1.0" if name in labels_ else "no" for name in NAMES}}
            for number, labels_ in enumerate(applied)
        ]
        records[0]["spam"] = missing
    else:
        config = DataConfig(labels_field="labels", labels=NAMES)
        records = [
            {"text": f"t {number}", "labels": _cell(labels_, layout, format_)} for number, labels_ in enumerate(applied)
        ]
    _write(directory / f"a.{format_}", format_, records, delimiter, encoding)
    read = rows(directory, config)
    expected = [set(labels_) for labels_ in applied]
    if layout == "columns":
        expected[0] -= {"spam"}
        assert read[0].unannotated == {"spam"}
    assert [set(row.positive) for row in read] == expected
    assert [row.text for row in read] == [record["text"] for record in records]
