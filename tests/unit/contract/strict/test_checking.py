import re
from dataclasses import field

import pytest
from pydantic.dataclasses import dataclass

from contract.kinds.kinds import SETTINGS
from contract.strict.checking import checked_section, described, nearest
from contract.strict.document import read_document


@dataclass(frozen=True, config=SETTINGS)
class Inner:
    size: int = 1


@dataclass(frozen=True, config=SETTINGS)
class Outer:
    name: str = "a"
    inner: Inner = field(default_factory=Inner)


def checked(tmp_path, text):
    (tmp_path / "file.yaml").write_text(text)
    return checked_section(Outer, read_document(tmp_path / "file.yaml"), "outer")


def test_a_section_becomes_its_class_and_an_absent_one_its_defaults(tmp_path):
    assert checked(tmp_path, "outer: {name: b, inner: {size: 3}}\n") == Outer("b", Inner(3))
    assert checked(tmp_path, "other: {}\n") == Outer()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("outer: {nam: b}", "file.yaml: outer: found the unknown key `nam`, did you mean name?"),
        ("outer: {inner: {sise: 3}}", "file.yaml: outer.inner: found the unknown key `sise`, did you mean size?"),
        ("outer: {inner: {size: big}}", 'file.yaml: outer.inner.size: found "big", expected a whole number'),
        ("outer: {name: yes}", 'outer.name: found true, as YAML reads yes: write "yes" in quotes'),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path, text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        checked(tmp_path, text + "\n")


def test_what_was_found_is_short():
    assert described(None) == "nothing"
    assert described([1, 2]) == "a list of 2"
    assert len(described("x" * 500)) < 70
    assert nearest("batch_size", ["batch-size", "epochs"]) == "did you mean batch-size?"
    assert nearest("zzz", ["a", "b"]) == "expected one of a, b"
