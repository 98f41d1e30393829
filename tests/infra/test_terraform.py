import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
TERRAFORM = REPOSITORY / "terraform"


def test_terraform_is_formatted():
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-recursive", str(TERRAFORM)], capture_output=True, text=True, cwd=TERRAFORM
    )
    assert done.returncode == 0, f"fix with `make format`: {done.stdout}{done.stderr}"


# The other two roots are validated by their tests.
def test_the_bootstrap_root_is_valid(initialised):
    done = initialised("bootstrap", "validate", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(300)
@pytest.mark.parametrize("root", ["", "endpoint"])
def test_the_terraform_tests_of_a_root_pass(initialised, root):
    done = initialised(root, "test", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Success! [1-9]\d* passed, 0 failed", done.stdout), done.stdout


def test_every_root_has_the_same_provider_locked_for_every_platform():
    locks = {
        path: path.read_text() for path in TERRAFORM.rglob(".terraform.lock.hcl") if ".terraform" not in path.parts
    }
    assert sorted(path.parent.relative_to(TERRAFORM).as_posix() for path in locks) == [".", "bootstrap", "endpoint"]
    assert len(set(locks.values())) == 1, "copy terraform/.terraform.lock.hcl into the other roots"
    # one zip for each of the 14 platforms that HashiCorp builds for, and the list of their sums
    assert next(iter(locks.values())).count('"zh:') == 15


@pytest.mark.timeout(180)
def test_checkov_finds_nothing_and_each_skip_gives_its_reason():
    done = subprocess.run(
        [shutil.which("checkov") or "checkov", "--config-file", str(REPOSITORY / ".checkov.yaml")],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # the run saw our resources: an empty one would be clean, too
    assert int(re.search(r"Passed checks: (\d+)", done.stdout)[1]) > 150, done.stdout
    skips = [line for path in TERRAFORM.rglob("*.tf") for line in re.findall(r"checkov:skip=.*", path.read_text())]
    assert skips
    assert [skip for skip in skips if not re.fullmatch(r"checkov:skip=CKV\w+:\S.{10,}", skip)] == []


def test_no_terraform_names_an_account_a_region_or_a_machine_of_ours():
    # images.tf is the map of AWS's own registries; examples and tests may name what they like
    for path in TERRAFORM.rglob("*.tf"):
        if path.name != "images.tf":
            assert not re.findall(r"\b\d{12}\b|us-east-1|/(?:opt|root|home)/", path.read_text()), path
