import re

import pytest

from contract.strict.document import read_document


def written(tmp_path, text):
    path = tmp_path / "moderation.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_document_knows_how_each_value_was_written(tmp_path):
    document = read_document(written(tmp_path, "a: {b: [no, 1.50]}\n"))
    assert document.content == {"a": {"b": [False, 1.5]}}
    assert document.written[("a", "b", 0)] == "no"
    assert document.written[("a", "b", 1)] == "1.50"


@pytest.mark.parametrize(("text", "value"), [("3e-4", 3e-4), ("1E5", 1e5), ("-2.5e3", -2500.0), (".5e1", 5.0)])
def test_a_number_with_an_exponent_is_a_number(tmp_path, text, value):
    assert read_document(written(tmp_path, f"a: {text}\n")).content["a"] == value


def test_numbers_are_names_where_they_are_keys(tmp_path):
    assert read_document(written(tmp_path, "classes: {1: hate, 02: spam}\n")).content["classes"] == {
        "1": "hate",
        "02": "spam",
    }


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path):
    assert read_document(written(tmp_path, b"\xef\xbb\xbfa: 1\n")).content == {"a": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: top level: found the key `a` twice, first in line 1"),
        ("a:\n  b: 1\n  b: 1\n", "line 3: a: found the key `b` twice, first in line 2"),
        ("a: {yes: 1}\n", 'a: found the key `yes`, which YAML reads as true or false; write "yes" in quotes'),
        ("a: {~: 1}\n", "a: found the key `~`, which YAML reads as nothing"),
        ("a: 2024-01-01\n", 'a: found 2024-01-01, which YAML reads as a date; write "2024-01-01" in quotes'),
        ("a: [1, 007]\n", 'a.1: found 007, which YAML reads as the number 7; write 7, or "007" in quotes'),
        ("a:\n\tb: 1\n", "found a tab before a key, expected spaces in line 2, column 1, at or after the key `b`"),
        ("a: [1,\n  : }", "is not valid YAML"),
        ("a: !!python/object:os.system {}\n", "is not valid YAML"),
        ("- a\n", "found a list, expected a mapping"),
        ("", "found nothing, expected a mapping"),
        (b"a: \xe4\n", "found the byte 0xe4, expected UTF-8"),
        ("? [a]\n: 1\n", "found a list as a key, expected a name"),
    ],
)
def test_what_yaml_would_pass_over_is_refused_in_one_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        read_document(written(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match="does not exist; run this from the root"):
        read_document(tmp_path / "moderation.yaml")
