import json
import stat
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.aws.live import LiveRelease, read_live
from release.stages import deploy as deployment
from release.stages import smoke
from release.stages.deploy import ReleaseFailed, deploy, find_package
from release.stages.release_plan import Package, config_name, mismatch, overtaken, plan_release, release_key
from release.toolchain.terraform import TerraformRun, error_lines, run_terraform

ENDPOINT = "moderation-prod"
SETTINGS = {"instance_type": "ml.m5.large", "kms_key_arn": "key", "min_instances": 2, "max_instances": 6}
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/inference:1"
MODEL = "s3://moderation-models/training/job/output/model.tar.gz"


def arn(version):
    return f"arn:aws:sagemaker:eu-west-1:123456789012:model-package/moderation/{version}"


def package(version, approved=False):
    """A package whose image and archive are its own."""
    return Package(arn(version), f"image:{version}", f"s3://models/{version}.tar.gz", approved)


def entry(version, count):
    return {
        "model_package_arn": arn(version),
        "image_uri": f"image:{version}",
        "model_data_uri": f"s3://models/{version}.tar.gz",
        "instance_count": count,
    }


def live(version=1, configured=2, running=2, settings=SETTINGS, status="InService", reason=""):
    key = release_key(arn(version), configured, settings)
    return LiveRelease(
        status=status,
        config_name=config_name(ENDPOINT, key),
        package_arn=arn(version),
        image_uri=package(version).image_uri,
        model_data_uri=package(version).model_data_uri,
        configured_instance_count=configured,
        running_instance_count=running,
        failure_reason=reason,
    )


def test_the_first_release_starts_with_the_minimum():
    plan = plan_release(package(1), None, {}, ENDPOINT, SETTINGS)
    assert plan.releases == {plan.live_release: entry(1, 2)}
    assert plan.live_release.startswith("v1-")


def test_a_new_release_keeps_the_one_before_it_exactly_as_it_is():
    before = live(1, configured=2, running=5)
    plan = plan_release(package(2), before, {}, ENDPOINT, SETTINGS)
    old_key = before.config_name.removeprefix(f"{ENDPOINT}-")
    assert plan.live_release.startswith("v2-")
    assert plan.releases == {old_key: entry(1, 2), plan.live_release: entry(2, 5)}


@given(st.integers(1, 50))
def test_a_release_never_shrinks_a_fleet_below_what_runs_unless_the_maximum_asks_for_it(running):
    plan = plan_release(package(2), live(1, running=running), {}, ENDPOINT, SETTINGS)
    count = plan.releases[plan.live_release]["instance_count"]
    assert count == max(2, min(6, running))


def test_deploying_what_is_live_changes_nothing_whatever_it_was_scaled_to():
    now = live(2, configured=3, running=5)
    key = now.config_name.removeprefix(f"{ENDPOINT}-")
    recorded = {
        "v1-0000": entry(1, 2),
        key: entry(2, 3),
    }
    plan = plan_release(package(2), now, recorded, ENDPOINT, SETTINGS)
    assert plan.releases == recorded
    assert plan.live_release == key


def test_what_is_live_keeps_its_image_and_archive_whatever_the_registry_says_by_now():
    key = live(2).config_name.removeprefix(f"{ENDPOINT}-")
    edited = Package(arn(2), "another image", "s3://models/another.tar.gz")
    assert plan_release(edited, live(2), {}, ENDPOINT, SETTINGS).releases == {key: entry(2, 2)}


def test_other_instances_are_another_release_of_the_same_package():
    plan = plan_release(package(1), live(1), {}, ENDPOINT, SETTINGS | {"instance_type": "ml.c6i.large"})
    assert len(plan.releases) == 2
    assert {entry["model_package_arn"] for entry in plan.releases.values()} == {arn(1)}


def test_a_retry_after_a_rollback_asks_for_the_same_release_again():
    before = live(1)
    first = plan_release(package(2), before, {}, ENDPOINT, SETTINGS)
    again = plan_release(package(2), before, first.releases, ENDPOINT, SETTINGS)
    assert again == first


def test_a_failed_endpoint_is_made_anew_whether_it_had_the_wanted_config_or_another():
    for version in (1, 2):
        plan = plan_release(package(2), live(version, status="Failed"), {}, ENDPOINT, SETTINGS)
        assert plan.replaces_endpoint
        assert plan.live_release.startswith("v2-")
    assert not plan_release(package(2), live(1), {}, ENDPOINT, SETTINGS).replaces_endpoint
    assert not plan_release(package(2), None, {}, ENDPOINT, SETTINGS).replaces_endpoint


def test_a_name_that_sagemaker_would_refuse_is_named():
    with pytest.raises(ValueError, match="shorten project_name"):
        config_name("m" * 60, "v1-12345678")


class TestMismatch:
    wanted = live(2).config_name

    def test_the_wanted_config_in_service_is_a_match(self):
        assert mismatch(live(2), self.wanted, TerraformRun(0), ENDPOINT, []) is None

    def test_a_rollback_behind_terraforms_success_is_found_with_reason_and_alarms(self):
        problem = mismatch(live(1, reason="alarm fired"), self.wanted, TerraformRun(0), ENDPOINT, ["prod-5xx: 12 %"])
        assert "terraform reported success" in problem
        assert "rolled the update back" in problem
        assert "alarm fired" in problem
        assert "prod-5xx: 12 %" in problem
        assert "what to do" in problem

    def test_an_endpoint_that_never_came_up_is_a_failure(self):
        problem = mismatch(
            live(2, status="Failed", reason="no ping"), self.wanted, TerraformRun(1, ("Error: no quota",)), ENDPOINT, []
        )
        assert "no ping" in problem
        assert "is Failed" in problem
        assert "made anew" in problem

    def test_only_a_failed_endpoint_is_said_to_be_made_anew(self):
        for status in ("OutOfService", "UpdateRollbackFailed"):
            assert "made anew" not in mismatch(live(2, status=status), self.wanted, TerraformRun(1), ENDPOINT, [])

    def test_the_wanted_config_does_not_excuse_a_failed_terraform(self):
        assert "terraform ended with status 1" in mismatch(
            live(2), self.wanted, TerraformRun(1, ("Error: no quota",)), ENDPOINT, []
        )

    def test_no_endpoint_is_a_failure(self):
        assert "Error: no quota" in mismatch(None, self.wanted, TerraformRun(1, ("Error: no quota",)), ENDPOINT, [])
        assert "does not exist" in mismatch(None, self.wanted, TerraformRun(0), ENDPOINT, [])


class TestOvertaken:
    def test_a_release_judged_against_what_is_live_goes_on(self):
        assert overtaken(package(2), arn(1), live(1)) is None

    def test_a_release_judged_against_another_model_than_the_live_one_is_refused_and_says_what_to_do(self):
        problem = overtaken(package(3), arn(1), live(2))
        assert f"prod serves {arn(2)}, but {arn(3)} was judged against {arn(1)}" in problem
        assert "what to do: release the change again" in problem

    def test_the_first_release_goes_on_while_prod_is_empty_and_not_after_another_one(self):
        assert overtaken(package(2), "none", None) is None
        assert f"prod serves {arn(1)}, but {arn(2)} was judged against an empty prod" in (
            overtaken(package(2), "none", live(1))
        )

    def test_a_release_that_is_live_itself_goes_on(self):
        assert overtaken(package(2), arn(1), live(2)) is None

    def test_nothing_that_serves_has_overtaken_nothing(self):
        assert overtaken(package(3), arn(1), live(2, status="Failed")) is None
        assert overtaken(package(3), arn(1), None) is None

    def test_a_release_that_was_in_prod_before_may_go_back(self):
        assert overtaken(package(1, approved=True), "none", live(2)) is None
        assert overtaken(package(1, approved=False), "none", live(2)) is not None


@pytest.fixture
def registered(aws, platform):
    """The ARN of package 1 of a group, pending; and the settings of prod as the platform writes them."""
    sagemaker = aws.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="moderation")
    package = sagemaker.create_model_package(
        ModelPackageGroupName="moderation",
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [{"Image": IMAGE, "ModelDataUrl": MODEL}],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )["ModelPackageArn"]
    for environment in ("staging", "prod"):
        aws.client("s3").put_object(
            Bucket=platform.state_bucket,
            Key=f"endpoint/{environment}/platform.tfvars.json",
            Body=json.dumps(SETTINGS).encode(),
        )
    return package


def make_live(sagemaker, endpoint_name, key, package, instance_count=2):
    name = f"{endpoint_name}-{key}"
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn="arn:aws:iam::123456789012:role/moderation-endpoint",
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": MODEL, "Environment": {"MODEL_PACKAGE_ARN": package}},
    )
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[
            {
                "VariantName": "moderation",
                "ModelName": name,
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": instance_count,
            }
        ],
    )
    sagemaker.create_endpoint(EndpointName=endpoint_name, EndpointConfigName=name)


class Terraform:
    """Stands in for the binary: notes its arguments and lets `then` act in AWS when it applies."""

    def __init__(self, then=lambda release: None, statuses=(0,)):
        self.runs, self.then, self.statuses = [], then, list(statuses)

    def __call__(self, arguments, environ, show):
        self.runs.append(list(arguments))
        if arguments[0] == "init":
            return TerraformRun(0)
        release_file = [argument for argument in arguments if argument.startswith("-var-file=")][-1]
        with open(release_file.removeprefix("-var-file=")) as file:
            self.then(json.load(file))
        return TerraformRun(self.statuses.pop(0), seconds=1.0)

    @property
    def applies(self):
        return [run for run in self.runs if run[0] == "apply"]


@pytest.fixture
def smoked(monkeypatch):
    asked = []

    def check(endpoint_name, package_arn, session, thorough, show):
        asked.append((endpoint_name, package_arn, thorough))

    monkeypatch.setattr(smoke, "check", check)
    return asked


def silent(line):
    pass


def test_a_release_is_applied_proven_and_recorded(aws, platform, registered, smoked, monkeypatch):
    sagemaker = aws.client("sagemaker")
    terraform = Terraform(
        lambda release: make_live(sagemaker, "moderation-staging", release["live_release"], registered)
    )
    monkeypatch.setattr(deployment, "run_terraform", terraform)
    exported = deploy(platform, "staging", registered, "execution", aws, silent)
    assert exported["LIVE_MODEL_PACKAGE_ARN"] == registered
    assert exported["ENDPOINT_CONFIG_NAME"].startswith("moderation-staging-v1-")
    assert smoked == [("moderation-staging", registered, True)]
    backend = [argument for argument in terraform.runs[0] if argument.startswith("-backend-config=")]
    assert "-backend-config=key=endpoint/staging/terraform.tfstate" in backend
    assert "-backend-config=use_lockfile=true" in backend
    recorded = aws.client("s3").get_object(Bucket=platform.state_bucket, Key="endpoint/staging/release.tfvars.json")[
        "Body"
    ]
    assert json.load(recorded)["releases"] == {
        exported["ENDPOINT_CONFIG_NAME"].removeprefix("moderation-staging-"): {
            "model_package_arn": registered,
            "image_uri": IMAGE,
            "model_data_uri": MODEL,
            "instance_count": 2,
        }
    }
    approval = sagemaker.describe_model_package(ModelPackageName=registered)["ModelApprovalStatus"]
    assert approval == "PendingManualApproval"


def test_prod_writes_the_approval_into_the_registry(aws, platform, registered, smoked, monkeypatch):
    sagemaker = aws.client("sagemaker")
    monkeypatch.setattr(
        deployment,
        "run_terraform",
        Terraform(lambda release: make_live(sagemaker, "moderation-prod", release["live_release"], registered)),
    )
    deploy(platform, "prod", registered, "execution-7", aws, silent)
    package = sagemaker.describe_model_package(ModelPackageName=registered)
    assert package["ModelApprovalStatus"] == "Approved"
    assert smoked == [("moderation-prod", registered, False)]


def test_prod_refuses_what_was_judged_against_another_model_before_anything_happens(
    aws, platform, registered, smoked, monkeypatch
):
    sagemaker = aws.client("sagemaker")
    make_live(sagemaker, "moderation-prod", "v0-00000000", arn(0))
    terraform = Terraform(statuses=(0, 0))
    monkeypatch.setattr(deployment, "run_terraform", terraform)
    with pytest.raises(ReleaseFailed, match="was judged against an empty prod"):
        deploy(platform, "prod", registered, "execution", aws, silent, champion_arn="none")
    assert (terraform.runs, smoked) == ([], [])
    package = sagemaker.describe_model_package(ModelPackageName=registered)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    for judged_against in (arn(0), None):
        with pytest.raises(ReleaseFailed, match="rolled the update back"):
            deploy(platform, "prod", registered, "execution", aws, silent, champion_arn=judged_against)


def test_prod_sends_back_what_it_had_before_whatever_that_was_judged_against(aws, platform, registered, monkeypatch):
    sagemaker = aws.client("sagemaker")
    make_live(sagemaker, "moderation-prod", "v0-00000000", arn(0))
    sagemaker.update_model_package(ModelPackageArn=registered, ModelApprovalStatus="Approved")
    terraform = Terraform()
    monkeypatch.setattr(deployment, "run_terraform", terraform)
    with pytest.raises(ReleaseFailed, match="rolled the update back"):
        deploy(platform, "prod", registered, "execution", aws, silent, champion_arn="none")
    assert [run[0] for run in terraform.runs] == ["init", "apply"]


def test_a_rollback_behind_terraforms_back_fails_the_stage(aws, platform, registered, smoked, monkeypatch):
    make_live(aws.client("sagemaker"), "moderation-prod", "v0-00000000", arn(0))
    monkeypatch.setattr(deployment, "run_terraform", Terraform())
    with pytest.raises(ReleaseFailed, match="rolled the update back"):
        deploy(platform, "prod", registered, "execution", aws, silent)
    assert smoked == []


@pytest.fixture
def lives_after(aws, platform, registered, smoked, monkeypatch):
    """lives_after(before, terraform statuses) -> (the Terraform that ran, what deploy exported); all applies work."""

    def deployed(before, statuses=(0,)):
        states = [before]

        def go_live(release):
            states.append(replace(live(2), config_name=f"{ENDPOINT}-{release['live_release']}", package_arn=registered))

        terraform = Terraform(go_live, statuses)
        monkeypatch.setattr(deployment, "run_terraform", terraform)
        monkeypatch.setattr(deployment, "read_live", lambda name, sagemaker: states[-1])
        monkeypatch.setattr(deployment, "ringing_alarms", lambda name, session: [])
        try:
            return terraform, deploy(platform, "prod", registered, "execution", aws, silent)
        except ReleaseFailed as failed:
            return terraform, failed

    return deployed


def test_a_retry_replaces_an_endpoint_that_has_failed(lives_after):
    terraform, _ = lives_after(live(0, status="Failed"))
    assert f"-replace={deployment.ENDPOINT_ADDRESS}" in terraform.applies[-1]


def test_an_update_that_outlasts_terraform_is_applied_once_more_when_it_is_through(lives_after):
    terraform, exported = lives_after(live(0), statuses=(1, 0))
    assert len(terraform.applies) == 2
    assert exported["TERRAFORM_APPLY_SECONDS"] == "2.0"
    terraform, failed = lives_after(live(0), statuses=(1, 1))
    assert len(terraform.applies) == 2
    assert "terraform ended with status 1" in str(failed)


@pytest.mark.parametrize("before", [None, live(0, status="Failed")])
def test_a_new_endpoint_that_terraform_gave_up_is_not_applied_again_which_would_delete_it(lives_after, before):
    terraform, failed = lives_after(before, statuses=(1,))
    assert len(terraform.applies) == 1
    assert "terraform ended with status 1" in str(failed)


def test_a_release_that_updates_replaces_nothing(aws, platform, registered, smoked, monkeypatch):
    make_live(aws.client("sagemaker"), "moderation-prod", "v0-00000000", arn(0))
    terraform = Terraform()
    monkeypatch.setattr(deployment, "run_terraform", terraform)
    with pytest.raises(ReleaseFailed):
        deploy(platform, "prod", registered, "execution", aws, silent)
    assert not [argument for argument in terraform.runs[-1] if argument.startswith("-replace")]


def test_a_rejected_package_is_refused_before_anything_happens(aws, platform, registered, smoked, monkeypatch):
    aws.client("sagemaker").update_model_package(ModelPackageArn=registered, ModelApprovalStatus="Rejected")
    terraform = Terraform()
    monkeypatch.setattr(deployment, "run_terraform", terraform)
    with pytest.raises(ValueError, match="is Rejected"):
        deploy(platform, "prod", registered, "execution", aws, silent)
    assert terraform.runs == []
    package = aws.client("sagemaker").describe_model_package(ModelPackageName=registered)
    assert package["ModelApprovalStatus"] == "Rejected"


def test_a_package_that_does_not_exist_is_named(aws, registered):
    with pytest.raises(ValueError, match="moderation/99 does not exist"):
        find_package(arn(99), aws.client("sagemaker"))


def test_only_the_rollback_alarms_that_ring_are_named(aws, registered, monkeypatch):
    cloudwatch, sagemaker = aws.client("cloudwatch"), aws.client("sagemaker")
    for name in ("moderation-prod-5xx-rate", "moderation-prod-latency-p99", "unrelated"):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="AWS/SageMaker",
            MetricName="Invocation5XXErrors",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
        state = "OK" if name.endswith("p99") else "ALARM"
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="12 percent")
    alarms = [{"AlarmName": "moderation-prod-5xx-rate"}, {"AlarmName": "moderation-prod-latency-p99"}]
    answer = {"LastDeploymentConfig": {"AutoRollbackConfiguration": {"Alarms": alarms}}}
    monkeypatch.setattr(sagemaker, "describe_endpoint", lambda EndpointName: answer)
    assert deployment.ringing_alarms("moderation-prod", aws) == ["moderation-prod-5xx-rate: 12 percent"]
    answer["LastDeploymentConfig"] = {}
    assert deployment.ringing_alarms("moderation-prod", aws) == []


def test_the_live_release_is_read_from_endpoint_config_and_model(aws, registered):
    sagemaker = aws.client("sagemaker")
    assert read_live("moderation-prod", sagemaker) is None
    make_live(sagemaker, "moderation-prod", "v1-12345678", registered, instance_count=3)
    found = read_live("moderation-prod", sagemaker)
    assert (found.status, found.config_name, found.package_arn) == (
        "InService",
        "moderation-prod-v1-12345678",
        registered,
    )
    assert (found.image_uri, found.model_data_uri) == (IMAGE, MODEL)
    assert found.configured_instance_count == 3


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
        run_terraform(["apply"], {}, silent)
