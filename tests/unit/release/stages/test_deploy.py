import json
from dataclasses import replace

import pytest

from release.aws.live import LiveRelease
from release.stages import deploy as deployments
from release.stages import smoke
from release.stages.deploy import ReleaseFailed, deploy, find_package
from release.stages.run import Deployment
from release.toolchain.terraform import TerraformRun

ENDPOINT = "moderation-prod"
SETTINGS = {"instance_type": "ml.m5.large", "kms_key_arn": "key", "min_instances": 2, "max_instances": 6}
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/inference:1"
MODEL = "s3://moderation-models/training/job/output/model.tar.gz"


def arn(version):
    return f"arn:aws:sagemaker:eu-west-1:123456789012:model-package/moderation/{version}"


def live(version, status="InService"):
    """A release of before, under a config of another name."""
    return LiveRelease(
        status=status,
        config_name=f"{ENDPOINT}-v{version}-00000000",
        package_arn=arn(version),
        image_uri=IMAGE,
        model_data_uri=MODEL,
        configured_instance_count=2,
        running_instance_count=2,
        failure_reason="",
    )


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

    def check(endpoint_name, package, session, thorough, show):
        asked.append((endpoint_name, package.arn, thorough))

    monkeypatch.setattr(smoke, "check", check)
    return asked


def silent(line):
    pass


def deployment(platform, package, session, environment="prod", champion_arn=None):
    return Deployment(platform, environment, package, session, silent, "execution-7", champion_arn)


def test_a_release_is_applied_proven_and_recorded(aws, platform, registered, smoked, monkeypatch):
    sagemaker = aws.client("sagemaker")
    terraform = Terraform(
        lambda release: make_live(sagemaker, "moderation-staging", release["live_release"], registered)
    )
    monkeypatch.setattr(deployments, "run_terraform", terraform)
    exported = deploy(deployment(platform, registered, aws, "staging"))
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
        deployments,
        "run_terraform",
        Terraform(lambda release: make_live(sagemaker, "moderation-prod", release["live_release"], registered)),
    )
    deploy(deployment(platform, registered, aws))
    package = sagemaker.describe_model_package(ModelPackageName=registered)
    assert package["ModelApprovalStatus"] == "Approved"
    assert smoked == [("moderation-prod", registered, False)]


def test_prod_refuses_what_was_evaluated_against_another_model_before_anything_happens(
    aws, platform, registered, smoked, monkeypatch
):
    sagemaker = aws.client("sagemaker")
    make_live(sagemaker, "moderation-prod", "v0-00000000", arn(0))
    terraform = Terraform(statuses=(0, 0))
    monkeypatch.setattr(deployments, "run_terraform", terraform)
    with pytest.raises(ReleaseFailed, match="was evaluated against an empty prod"):
        deploy(deployment(platform, registered, aws, champion_arn="none"))
    assert (terraform.runs, smoked) == ([], [])
    package = sagemaker.describe_model_package(ModelPackageName=registered)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    for evaluated_against in (arn(0), None):
        with pytest.raises(ReleaseFailed, match="rolled the update back"):
            deploy(deployment(platform, registered, aws, champion_arn=evaluated_against))


def test_prod_sends_back_what_it_had_before_whatever_that_was_evaluated_against(aws, platform, registered, monkeypatch):
    sagemaker = aws.client("sagemaker")
    make_live(sagemaker, "moderation-prod", "v0-00000000", arn(0))
    sagemaker.update_model_package(ModelPackageArn=registered, ModelApprovalStatus="Approved")
    terraform = Terraform()
    monkeypatch.setattr(deployments, "run_terraform", terraform)
    with pytest.raises(ReleaseFailed, match="rolled the update back"):
        deploy(deployment(platform, registered, aws, champion_arn="none"))
    assert [run[0] for run in terraform.runs] == ["init", "apply"]


def test_a_rollback_behind_terraforms_back_fails_the_stage(aws, platform, registered, smoked, monkeypatch):
    make_live(aws.client("sagemaker"), "moderation-prod", "v0-00000000", arn(0))
    monkeypatch.setattr(deployments, "run_terraform", Terraform())
    with pytest.raises(ReleaseFailed, match="rolled the update back"):
        deploy(deployment(platform, registered, aws))
    assert smoked == []


@pytest.fixture
def lives_after(aws, platform, registered, smoked, monkeypatch):
    """lives_after(before, terraform statuses) -> (the Terraform that ran, what deploy exported); all applies work."""

    def deployed(before, statuses=(0,)):
        states = [before]

        def go_live(release):
            states.append(replace(live(2), config_name=f"{ENDPOINT}-{release['live_release']}", package_arn=registered))

        terraform = Terraform(go_live, statuses)
        monkeypatch.setattr(deployments, "run_terraform", terraform)
        monkeypatch.setattr(deployments, "read_live", lambda name, sagemaker: states[-1])
        monkeypatch.setattr(deployments, "ringing_alarms", lambda name, session: [])
        try:
            return terraform, deploy(deployment(platform, registered, aws))
        except ReleaseFailed as failed:
            return terraform, failed

    return deployed


def test_a_retry_replaces_an_endpoint_that_has_failed(lives_after):
    terraform, _ = lives_after(live(0, status="Failed"))
    assert f"-replace={deployments.ENDPOINT_ADDRESS}" in terraform.applies[-1]


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
    monkeypatch.setattr(deployments, "run_terraform", terraform)
    with pytest.raises(ReleaseFailed):
        deploy(deployment(platform, registered, aws))
    assert not [argument for argument in terraform.runs[-1] if argument.startswith("-replace")]


def test_a_rejected_package_is_refused_before_anything_happens(aws, platform, registered, smoked, monkeypatch):
    aws.client("sagemaker").update_model_package(ModelPackageArn=registered, ModelApprovalStatus="Rejected")
    terraform = Terraform()
    monkeypatch.setattr(deployments, "run_terraform", terraform)
    with pytest.raises(ValueError, match="is Rejected"):
        deploy(deployment(platform, registered, aws))
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
    assert deployments.ringing_alarms("moderation-prod", aws) == ["moderation-prod-5xx-rate: 12 percent"]
    answer["LastDeploymentConfig"] = {}
    assert deployments.ringing_alarms("moderation-prod", aws) == []
