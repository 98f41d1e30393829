import botocore.session
import pytest
from botocore.validate import validate_parameters

from release.stages.code_archive import UploadedCode
from release.stages.processing import ProcessingJob, processing_request, volume_kms_key
from release.stages.run import Run

ARCHIVE = UploadedCode("s3://moderation-models/code/abc/source.tar.gz", "abc", "def")


def request(platform, **changes):
    job = ProcessingJob(
        "moderation-prepare-abc",
        arguments=("prepare.py", "--config", "moderation.yaml"),
        inputs={"raw": "s3://moderation-data/raw/"},
        output_name="dataset",
        output_uri="s3://moderation-data/prepared/_jobs/x/",
        **changes,
    )
    return processing_request(Run(platform, None, "c0ffee", None), ARCHIVE, job)


def test_the_request_is_one_that_sagemaker_knows(platform):
    model = botocore.session.get_session().get_service_model("sagemaker")
    validate_parameters(request(platform), model.operation_model("CreateProcessingJob").input_shape)


def test_the_objects_of_a_sharded_input_are_dealt_out_to_the_instances_and_all_get_the_code(platform):
    built = request(platform, instance_count=3, sharded_inputs={"raw"})
    model = botocore.session.get_session().get_service_model("sagemaker")
    validate_parameters(built, model.operation_model("CreateProcessingJob").input_shape)
    kinds = {item["InputName"]: item["S3Input"]["S3DataDistributionType"] for item in built["ProcessingInputs"]}
    assert kinds == {"code": "FullyReplicated", "raw": "ShardedByS3Key"}
    assert set(kinds.values()) <= set(model.shape_for("ProcessingS3DataDistributionType").enum)
    assert built["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == 3


def test_the_container_unpacks_the_archive_and_runs_the_door(platform):
    app = request(platform)["AppSpecification"]
    assert app["ContainerEntrypoint"][:2] == ["bash", "-c"]
    assert "tar -xzf source.tar.gz" in app["ContainerEntrypoint"][2]
    assert app["ContainerEntrypoint"][2].endswith('exec python "$@"')
    assert app["ContainerEntrypoint"][3] == "--"
    assert app["ContainerArguments"][0] == "prepare.py"


def test_outputs_and_volume_are_encrypted_with_our_key(platform):
    built = request(platform)
    assert built["ProcessingOutputConfig"]["KmsKeyId"] == platform.kms_key_arn
    assert built["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == platform.kms_key_arn


@pytest.mark.parametrize(("online", "offline"), [("ml.m5.xlarge", "ml.m5d.xlarge"), ("ml.c6i.large", "ml.g5.xlarge")])
def test_an_instance_with_a_local_disk_takes_no_volume_key(online, offline):
    assert volume_kms_key(online, "key") == "key"
    assert volume_kms_key(offline, "key") is None


@pytest.mark.parametrize(("offline", "value"), [(True, "1"), (False, "0")])
def test_only_a_job_that_reads_the_hub_goes_online(platform, offline, value):
    assert request(platform, hub_offline=offline)["Environment"]["HF_HUB_OFFLINE"] == value
