import json
import re
import subprocess
from pathlib import Path

import pytest

from laptop import platform
from laptop.machine import Laptop, LaptopError
from laptop.platform import Event, read_event, run_terraform_json
from laptop.screen import Screen

ROOT = Path(__file__).parents[3]


def outputs_are(monkeypatch, *names: str) -> None:
    """Terraform's state names these outputs."""
    outputs = json.dumps({name: {"value": name} for name in names})
    done = subprocess.CompletedProcess([], 0, stdout=outputs, stderr="")
    monkeypatch.setattr(platform, "terraform", lambda *arguments, **options: done)


def test_a_platform_that_is_not_applied_completely_is_said_with_the_way_out(tmp_path, monkeypatch):
    outputs_are(monkeypatch, "data_bucket")
    with pytest.raises(LaptopError, match=r"prod_endpoint_name missing.*make up.*make down"):
        platform.platform_outputs(Laptop(directory=tmp_path))
    outputs_are(monkeypatch, *platform.OUTPUTS)
    assert platform.platform_outputs(Laptop(directory=tmp_path))["pipeline_name"] == "pipeline_name"


def test_a_platform_that_was_never_applied_completely_has_no_endpoints_to_destroy(tmp_path, monkeypatch, capsys):
    outputs_are(monkeypatch)
    platform.destroy_endpoints(Laptop(directory=tmp_path), Screen())
    assert "there can be no endpoint" in capsys.readouterr().out


def test_every_output_that_the_laptop_reads_is_one_of_the_platforms():
    declared = re.findall(r'^output "(\w+)"', (ROOT / "terraform/outputs.tf").read_text(), re.MULTILINE)
    assert set(platform.OUTPUTS) <= set(declared)


DONE = {"type": "apply_complete", "hook": {"action": "create", "resource": {"addr": "aws_s3_bucket.data"}}}
READ = {"type": "apply_complete", "hook": {"action": "read", "resource": {"addr": "data.aws_region.current"}}}
WRONG = {
    "type": "diagnostic",
    "@level": "error",
    "diagnostic": {
        "summary": "no quota",
        "detail": "ask for one",
        "address": "aws_s3_bucket.data",
        "range": {"filename": "main.tf", "start": {"line": 3}},
    },
}


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (json.dumps(DONE), Event(resource="aws_s3_bucket.data")),
        (json.dumps(READ), Event()),
        (json.dumps({"type": "version"}), Event()),
        (json.dumps(WRONG), Event(problem="- aws_s3_bucket.data: no quota (main.tf:3)\n  ask for one")),
        ("panic: runtime error", Event(problem="panic: runtime error")),
    ],
)
def test_of_terraforms_events_those_count_that_change_something_or_fail(line, event):
    assert read_event(line) == event


@pytest.fixture
def laptop(tmp_path, monkeypatch):
    """A laptop whose terraform prints these events and ends with this status."""
    monkeypatch.setattr(Laptop, "environment", lambda self: {"PATH": "/usr/bin:/bin"})
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    def made(*events, status=0):
        lines = "".join(f"echo '{json.dumps(event)}'\n" for event in events)
        binary = tmp_path / "terraform"
        binary.write_text(f"#!/bin/sh\n{lines}exit {status}\n")
        binary.chmod(0o755)
        return Laptop(tmp_path)

    return made


def test_each_resource_is_named_as_it_is_done(laptop):
    assert list(run_terraform_json(laptop(READ, DONE), "apply")) == ["aws_s3_bucket.data"]


def test_a_failed_terraform_is_told_with_its_own_words_and_the_whole_log(laptop, tmp_path):
    with pytest.raises(LaptopError, match=r"terraform apply failed \(all of it: .*terraform-apply.log\):\n.*no quota"):
        list(run_terraform_json(laptop(DONE, WRONG, status=1), "apply"))
    assert len((tmp_path / "terraform-apply.log").read_text().splitlines()) == 2
