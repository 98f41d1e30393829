import pytest

from contract.evaluation.section import EvaluationConfig, read_evaluation_config, read_targets
from contract.policy.targets import Targets


def written(tmp_path, text):
    (tmp_path / "moderation.yaml").write_text(text)
    return tmp_path / "moderation.yaml"


def test_the_evaluation_section_names_a_file_of_the_repository(tmp_path):
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "hatecheck.csv").write_text("")
    file = written(tmp_path, "evaluation: {show_texts: true, behaviour: ./cases/hatecheck.csv}\n")
    assert read_evaluation_config(file) == EvaluationConfig(show_texts=True, behaviour="cases/hatecheck.csv")


@pytest.mark.parametrize("path", ["cases.txt", "/cases.csv", "../cases.csv"])
def test_a_path_outside_the_repository_or_of_another_kind_is_refused(tmp_path, path):
    with pytest.raises(ValueError, match=r"expected the path of a \.csv file in this repository"):
        read_evaluation_config(written(tmp_path, f"evaluation: {{behaviour: {path}}}\n"))


def test_a_suite_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"found 'absent\.csv', but there is no such file"):
        read_evaluation_config(written(tmp_path, "evaluation: {behaviour: absent.csv}\n"))


def test_sections_that_are_not_written_have_their_defaults(tmp_path):
    assert read_evaluation_config(written(tmp_path, "gate: {}\n")) == EvaluationConfig()
    assert read_targets(written(tmp_path, "gate: {}\n")) == Targets()
