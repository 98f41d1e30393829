import stat
from pathlib import Path

import pytest

from release.toolchain.terraform import (
    TerraformRun,
    backend_arguments,
    error_lines,
    run_terraform,
    terraform_command,
    terraform_settings,
)


def test_terraforms_output_is_shown_line_by_line_and_its_status_returned(tmp_path, monkeypatch):
    binary = tmp_path / "terraform"
    binary.write_text('#!/bin/sh\necho "$1 $2"\necho "Error: no" >&2\nexit 3\n')
    binary.chmod(binary.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", str(tmp_path))
    shown = []
    run = run_terraform(["apply", "-x"], {}, shown.append)
    assert run == TerraformRun(3, ("Error: no",))
    assert shown == ["$ terraform apply", "  -chdir=terraform/endpoint apply", "  Error: no"]


def test_the_beginning_of_each_error_of_terraform_is_kept():
    output = ["Plan: 9 to add", "", "Error: first", "", "  with module.x", *["    detail"] * 20, "Error: second", "why"]
    kept = error_lines(output)
    assert kept[:2] == ("Error: first", "with module.x")
    assert kept[-2:] == ("Error: second", "why")
    assert len(kept) < 12
    assert error_lines(["Apply complete!"]) == ()


def test_a_missing_terraform_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="terraform is not on PATH"):
        run_terraform(["apply"], {}, print)


def test_a_command_runs_on_its_root_module():
    assert terraform_command(Path("terraform"), ["plan"])[1:] == ["-chdir=terraform", "plan"]


def test_commands_that_share_a_data_directory_ask_nothing_and_see_no_absent_configuration(tmp_path):
    absent = {"TF_CLI_CONFIG_FILE": str(tmp_path / "absent"), "PATH": "/bin"}
    settings = terraform_settings(tmp_path, absent)
    assert settings == {"PATH": "/bin", "TF_DATA_DIR": str(tmp_path), "TF_IN_AUTOMATION": "true", "TF_INPUT": "0"}


def test_each_environment_has_a_state_of_its_own():
    keys = {backend_arguments("state", "key", name, "eu-west-1")[1] for name in ("staging", "prod")}
    assert keys == {f"-backend-config=key=endpoint/{name}/terraform.tfstate" for name in ("staging", "prod")}
