"""What one room writes and another reads: buildspecs, pipeline, release and terraform/endpoint name the same things."""

import importlib.util
import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from release.__main__ import build_parser
from release.aws.platform import Platform
from release.stages.deploy import ENDPOINT_ADDRESS
from release.stages.processing import tags

REPOSITORY = Path(__file__).parents[2]
MODULES = REPOSITORY / "terraform/modules"
BUILDSPECS = {path.stem: yaml.safe_load(path.read_text()) for path in (REPOSITORY / "buildspecs").glob("*.yml")}
PIPELINE = "".join(path.read_text() for path in (MODULES / "pipeline").glob("*.tf"))
BUILD_OF_STAGE = {
    "Check": "check",
    "Prepare": "prepare",
    "Train": "train",
    "Evaluate": "evaluate",
    "Staging": "deploy",
    "Prod": "deploy",
}


def commands(spec: dict) -> list[str]:
    return [command for phase in spec["phases"].values() for command in phase.get("commands", [])]


def block(text: str, start: str) -> str:
    """What stands between the braces after `start`."""
    rest = text[text.index(start) + len(start) :]
    depth = 1
    for position, character in enumerate(rest):
        depth += (character == "{") - (character == "}")
        if depth == 0:
            return rest[:position]
    raise AssertionError(f"{start} is never closed")


def names_in(text: str) -> set[str]:
    """The names that are assigned on a line of their own."""
    return set(re.findall(r"^\s*(\w+)\s+=", text, flags=re.MULTILINE))


def variables_of(path: Path) -> set[str]:
    return set(re.findall(r'^variable "(\w+)"', path.read_text(), flags=re.MULTILINE))


def test_every_build_of_the_pipeline_has_its_buildspec():
    assert set(BUILDSPECS) == set(re.findall(r'buildspec = "(\w+)"', PIPELINE)) == set(BUILD_OF_STAGE.values())


def test_what_a_stage_reads_from_an_earlier_one_is_exported_there():
    read = set(re.findall(r"#\{(\w+)\.([A-Z0-9_]+)\}", PIPELINE))
    for origin, names in re.findall(r"(\w+)\s*=\s*\[([^\]]*)\]", block(PIPELINE, "from_stages = {")):
        read |= {(origin, name) for name in re.findall(r'"(\w+)"', names)}
    exported = {
        (stage, name)
        for stage, build in BUILD_OF_STAGE.items()
        for name in BUILDSPECS[build]["env"].get("exported-variables", [])
    }
    assert read - exported == set()
    # what the deploy builds export is for the console and `make status`
    assert {stage for stage, _ in exported - read} == {"Staging", "Prod"}


def test_the_builds_are_told_everything_that_release_asks_for():
    told = names_in(block(PIPELINE, "platform_variables = {"))
    assert told == {field.name.upper() for field in fields(Platform)}


@pytest.mark.parametrize("build", sorted(BUILDSPECS))
def test_the_commands_of_a_buildspec_exist(build):
    makefile = (REPOSITORY / "Makefile").read_text()
    for command in commands(BUILDSPECS[build]):
        if target := re.fullmatch(r"make (\S+)", command):
            assert re.search(rf"^{target[1]}:", makefile, flags=re.MULTILINE), command
        for requirements in re.findall(r"-r (\S+)", command):
            assert (REPOSITORY / requirements).is_file(), command


def test_what_may_change_an_endpoint_installs_nothing_that_is_not_pinned():
    installing = [command for command in commands(BUILDSPECS["deploy"]) if "install" in command or "make" in command]
    assert installing == ["python -m pip install -q -r requirements/release.txt", "make terraform"]


@pytest.mark.parametrize("stage", ["prepare", "train", "evaluate", "deploy"])
def test_the_command_of_a_stage_answers_and_its_variables_are_read_by_the_shell(stage):
    listed = commands(BUILDSPECS[stage])
    command = next(command for command in listed if command.startswith("python -m release"))
    assert command.split()[3] == stage
    assert "--variables variables.env" in command
    assert listed[listed.index(command) + 1] == ". ./variables.env"
    done = subprocess.run(
        [sys.executable, "-m", "release", stage, "--help"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(REPOSITORY / "src"), "PATH": ""},
    )
    assert done.returncode == 0, done.stderr
    for flag in re.findall(r"--\w+", command):
        assert flag in done.stdout


def test_the_platform_sets_what_the_endpoint_asks_for_and_the_deploy_build_sets_the_rest():
    wanted = variables_of(REPOSITORY / "terraform/endpoint/variables.tf")
    settings = (MODULES / "endpoint_settings/main.tf").read_text()
    assert wanted - names_in(block(settings, "jsonencode({")) == {"releases", "live_release"}
    assert names_in(block(settings, "jsonencode({")) <= wanted
    assert variables_of(MODULES / "endpoint/variables.tf") == wanted


def test_the_endpoint_that_a_retry_makes_anew_is_the_one_that_terraform_holds():
    _, module, kind, name = ENDPOINT_ADDRESS.split(".")
    assert (
        f'module "{module}" {{\n  source = "../modules/endpoint"'
        in (REPOSITORY / "terraform/endpoint/main.tf").read_text()
    )
    endpoint = block((MODULES / "endpoint/main.tf").read_text(), f'resource "{kind}" "{name}" {{')
    # it has to be gone before another of its name can be
    assert "create_before_destroy" not in endpoint
    scaling = (MODULES / "endpoint/autoscaling.tf").read_text()
    assert f"replace_triggered_by = [{kind}.{name}.id]" in scaling


@pytest.mark.parametrize("page", ["README.md", "docs/runbook.md", "docs/security.md"])
def test_the_outputs_and_commands_that_a_page_names_exist(page):
    text = (REPOSITORY / page).read_text()
    outputs = set(re.findall(r'^output "(\w+)"', (REPOSITORY / "terraform/outputs.tf").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"output (?:-raw |`)(\w+)", text)) <= outputs
    known = set(build_parser()._subparsers._group_actions[0].choices)
    assert set(re.findall(r"python -m release (\w+)", text)) <= known


def test_both_environments_can_be_set_alike():
    text = (REPOSITORY / "terraform/variables.tf").read_text()
    staging = names_in(block(block(text, 'variable "staging_endpoint" {'), "object({"))
    prod = names_in(block(block(text, 'variable "prod_endpoint" {'), "object({"))
    assert staging == prod
    assert len(prod) == 10


def test_the_dashboard_watches_the_variant_that_serves():
    variant = {
        re.search(r'variant_name = "(\w+)"', (MODULES / path).read_text())[1]
        for path in ("endpoint/main.tf", "monitoring/dashboard.tf")
    }
    assert len(variant) == 1


def test_a_spot_job_may_wait_as_long_in_terraform_as_in_release():
    factor = re.search(r"use_spot \? (\d+) : 1", (MODULES / "pipeline/build_projects.tf").read_text())[1]
    assert f"SPOT_WAIT_FACTOR = {factor}\n" in (REPOSITORY / "src/release/training.py").read_text()


def test_every_region_has_the_registry_that_the_sdk_knows():
    """Where the account is not the usual one, a wrong one means an image that nobody may pull."""
    sdk = Path(importlib.util.find_spec("sagemaker").origin).parent / "image_uri_config/pytorch.json"
    newest = list(json.loads(sdk.read_text())["training"]["versions"].values())[-1]["registries"]
    images = (REPOSITORY / "terraform/images.tf").read_text()
    usual = re.search(r'local\.region, "(\d{12})"', images)[1]
    named = dict(re.findall(r'^\s+([a-z0-9-]+)\s+= "(\d{12})"$', images, flags=re.MULTILINE))
    assert named == {region: account for region, account in newest.items() if account != usual}


def test_jobs_carry_the_tag_that_the_budget_counts():
    key = re.search(r'"user:(\w+)\$', (MODULES / "monitoring/budget.tf").read_text())[1]
    assert {"Key": key, "Value": "moderation"} in tags(SimpleNamespace(project_name="moderation"), "c0ffee")
    for root in ("versions.tf", "endpoint/versions.tf"):
        default_tags = block((REPOSITORY / "terraform" / root).read_text(), "default_tags {")
        assert re.search(rf"^\s*{key}\s+= var.project_name$", default_tags, flags=re.MULTILINE), root


def test_workflows_run_pinned_actions_with_no_more_than_reading():
    for path in (REPOSITORY / ".github/workflows").glob("*.yml"):
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {"contents": "read"}, path
        used = re.findall(r"uses: (\S+)", path.read_text())
        assert used, path
        assert [action for action in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action)] == []
