import pytest

from release.__main__ import build_parser, main
from release.commands import stages
from release.commands.stages import from_environment


def test_an_input_comes_from_the_flag_or_from_the_stage_before(monkeypatch):
    arguments = build_parser().parse_args(["train", "--dataset-version", "v2"])
    monkeypatch.setenv("DATASET_VERSION", "v1")
    assert from_environment(arguments, "dataset_version") == "v2"
    arguments = build_parser().parse_args(["train"])
    assert from_environment(arguments, "dataset_version") == "v1"
    monkeypatch.delenv("DATASET_VERSION")
    with pytest.raises(ValueError, match="--dataset-version is missing; give it, or export DATASET_VERSION"):
        from_environment(arguments, "dataset_version")


@pytest.fixture
def deployments(monkeypatch):
    """What was deployed; nothing is."""
    asked = []

    def deploy(deployment):
        asked.append(deployment)
        return {"ENDPOINT_NAME": "moderation-staging"}

    monkeypatch.setattr(stages.deploying, "deploy", deploy)
    monkeypatch.setattr(stages, "read_platform", lambda: None)
    monkeypatch.setattr(stages, "aws_session", lambda: None)
    return asked


@pytest.mark.parametrize(
    ("exported", "flag", "champion"),
    [("arn:1", [], "arn:1"), ("arn:1", ["--champion-package-arn", "none"], "none"), ("", [], None)],
)
def test_deploy_knows_what_the_package_was_evaluated_against_where_somebody_did(
    monkeypatch, deployments, exported, flag, champion
):
    monkeypatch.setenv("CHAMPION_PACKAGE_ARN", exported)
    assert main(["deploy", "--environment", "prod", "--model-package-arn", "arn:2", *flag]) == 0
    (deployment,) = deployments
    assert (deployment.package_arn, deployment.champion_arn) == ("arn:2", champion)


def test_a_stage_writes_what_it_exports(tmp_path, deployments):
    file = tmp_path / "variables.env"
    arguments = ["deploy", "--environment", "staging", "--model-package-arn", "arn:2", "--variables", str(file)]
    assert main(arguments) == 0
    assert file.read_text() == "export ENDPOINT_NAME='moderation-staging'\n"
