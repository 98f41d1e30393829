import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from release.stages.variables import write_variables


def sourced(path, name):
    script = f'. "{path}"; printf %s "${name}"'
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60))
def test_a_shell_reads_back_every_value_on_one_line(tmp_path, value):
    write_variables(tmp_path / "variables.env", {"VALUE": value})
    assert sourced(tmp_path / "variables.env", "VALUE") == " ".join(value.split())


def test_a_value_is_never_run_by_the_shell(tmp_path):
    write_variables(tmp_path / "variables.env", {"GATE_SUMMARY": "it's $(touch pwned) `touch pwned`; 'done'"})
    assert sourced(tmp_path / "variables.env", "GATE_SUMMARY") == "it's $(touch pwned) `touch pwned`; 'done'"


def test_lines_have_the_form_that_the_buildspecs_source(tmp_path):
    write_variables(tmp_path / "variables.env", {"GATE": "PASS", "EMPTY": ""})
    assert (tmp_path / "variables.env").read_text() == "export GATE='PASS'\nexport EMPTY=''\n"
    assert [path.name for path in tmp_path.iterdir()] == ["variables.env"]


def test_a_name_that_codepipeline_does_not_take_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'gate'"):
        write_variables(tmp_path / "variables.env", {"gate": "PASS"})
