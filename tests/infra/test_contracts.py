"""What one room writes and another reads: buildspecs, pipeline, release and terraform/endpoint name the same things."""

import importlib.util
import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import hcl2
import pytest
import yaml

from release.__main__ import build_parser
from release.aws.platform import Platform
from release.stages.deploy import ENDPOINT_ADDRESS
from release.stages.processing import tags

REPOSITORY = Path(__file__).parents[2]
TERRAFORM = REPOSITORY / "terraform"
MODULES = TERRAFORM / "modules"
BUILDSPECS = {path.stem: yaml.safe_load(path.read_text()) for path in (REPOSITORY / "buildspecs").glob("*.yml")}
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


def read_terraform(folder: Path, kind: str) -> dict:
    """All blocks of a kind in a folder by their labels; of `locals`, which has none, all values by their names."""
    options = hcl2.SerializationOptions(with_comments=False, explicit_blocks=False, strip_string_quotes=True)
    found = {}
    for path in folder.glob("*.tf"):
        with path.open() as text:
            for block in hcl2.load(text, serialization_options=options).get(kind, []):
                for label, content in block.items():
                    # of a resource, the first label is its type and the second its name
                    found[label] = found.get(label, {}) | content if kind == "resource" else content
    return found


def fields_of(variable: dict) -> set[str]:
    """The fields of a variable whose type is an object."""
    return set(re.findall(r"(\w+) = ", variable["type"]))


PIPELINE = read_terraform(MODULES / "pipeline", "locals")


def test_every_build_of_the_pipeline_has_its_buildspec():
    used = {build["buildspec"] for build in PIPELINE["builds"].values()}
    assert set(BUILDSPECS) == used == set(BUILD_OF_STAGE.values())


def test_what_a_stage_reads_from_an_earlier_one_is_exported_there():
    everything = json.dumps([PIPELINE, read_terraform(MODULES / "pipeline", "resource")])
    read = set(re.findall(r"#\{(\w+)\.([A-Z0-9_]+)\}", everything))
    for origins in PIPELINE["from_stages"].values():
        read |= {(origin, name) for origin, names in origins.items() for name in names}
    exported = {
        (stage, name)
        for stage, build in BUILD_OF_STAGE.items()
        for name in BUILDSPECS[build]["env"].get("exported-variables", [])
    }
    assert read - exported == set()
    # what the deploy builds export is for the console and `make status`
    assert {stage for stage, _ in exported - read} == {"Staging", "Prod"}


def test_the_builds_are_told_everything_that_release_asks_for():
    assert set(PIPELINE["platform_variables"]) == {field.name.upper() for field in fields(Platform)}


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
    asked_for = set(read_terraform(TERRAFORM / "endpoint", "variable"))
    settings = fields_of(read_terraform(TERRAFORM, "variable")["prod_endpoint"])
    written = {"environment"} | set(read_terraform(TERRAFORM, "locals")["endpoint_facts"]) | settings
    assert written <= asked_for
    assert asked_for - written == {"releases", "live_release"}


def test_the_endpoint_that_a_retry_makes_anew_is_the_one_that_terraform_holds():
    kind, name = ENDPOINT_ADDRESS.split(".")
    resources = read_terraform(TERRAFORM / "endpoint", "resource")
    # it has to be gone before another of its name can be
    assert "lifecycle" not in resources[kind][name]
    scaling = resources["aws_appautoscaling_target"]["this"]
    assert scaling["lifecycle"] == [{"replace_triggered_by": [f"${{{kind}.{name}.id}}"]}]


@pytest.mark.parametrize("page", ["README.md", "docs/runbook.md", "docs/security.md"])
def test_the_outputs_and_commands_that_a_page_names_exist(page):
    text = (REPOSITORY / page).read_text()
    assert set(re.findall(r"output (?:-raw |`)(\w+)", text)) <= set(read_terraform(TERRAFORM, "output"))
    known = set(build_parser()._subparsers._group_actions[0].choices)
    assert set(re.findall(r"python -m release (\w+)", text)) <= known


def test_both_environments_can_be_set_alike():
    variables = read_terraform(TERRAFORM, "variable")
    assert fields_of(variables["staging_endpoint"]) == fields_of(variables["prod_endpoint"])
    assert len(fields_of(variables["prod_endpoint"])) == 10


def test_the_dashboard_watches_the_variant_that_serves():
    served = read_terraform(TERRAFORM / "endpoint", "locals")
    watched = read_terraform(MODULES / "monitoring", "locals")
    assert served["variant_name"] == watched["variant_name"]


def test_a_spot_job_may_wait_as_long_in_terraform_as_in_release():
    factor = re.search(r"use_spot \? (\d+) : 1", PIPELINE["training_minutes"])[1]
    assert f"SPOT_WAIT_FACTOR = {factor}\n" in (REPOSITORY / "src/release/stages/train.py").read_text()


def test_every_region_has_the_registry_that_the_sdk_knows():
    """Where the account is not the usual one, a wrong one means an image that nobody may pull."""
    sdk = Path(importlib.util.find_spec("sagemaker").origin).parent / "image_uri_config/pytorch.json"
    newest = list(json.loads(sdk.read_text())["training"]["versions"].values())[-1]["registries"]
    images = read_terraform(TERRAFORM, "locals")
    usual = re.search(r'local\.region, "(\d{12})"', images["image_registry"])[1]
    others = {region: account for region, account in newest.items() if account != usual}
    assert images["image_registry_accounts"] == others


def test_jobs_carry_the_tag_that_the_budget_counts():
    [counted] = read_terraform(MODULES / "monitoring", "resource")["aws_budgets_budget"]["monthly"]["cost_filter"]
    key = re.search(r'"user:(\w+)\$', counted["values"][0])[1]
    assert {"Key": key, "Value": "moderation"} in tags(SimpleNamespace(project_name="moderation"), "c0ffee")
    for root in (TERRAFORM, TERRAFORM / "endpoint"):
        [default_tags] = read_terraform(root, "provider")["aws"]["default_tags"]
        assert default_tags["tags"][key] == "${var.project_name}", root


def test_workflows_run_pinned_actions_with_no_more_than_reading():
    for path in (REPOSITORY / ".github/workflows").glob("*.yml"):
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {"contents": "read"}, path
        used = re.findall(r"uses: (\S+)", path.read_text())
        assert used, path
        assert [action for action in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action)] == []
