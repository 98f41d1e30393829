"""The request for a SageMaker Processing job that runs one of our doors; plain boto3."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from release.aws.platform import Platform
from release.stages.code_archive import UploadedCode
from release.stages.run import Run

ROOT = "/opt/ml/processing"
CODE_PATH = f"{ROOT}/input/code"
# The archive is unpacked by the container itself: no image of our own is needed
ENTRYPOINT = [
    "bash",
    "-c",
    f'cd {CODE_PATH} && tar -xzf source.tar.gz && python -m pip install -q -r requirements.txt && exec python "$@"',
    "--",
]
# Instance families whose disk is local NVMe: it is encrypted by the hardware, and a KMS key in the request is an error
LOCAL_STORAGE_FAMILIES = frozenset(
    re.findall(
        r"\w+",
        "c5d c6gd c6id c7gd c8gd g4ad g4dn g5 g6 g6e g7 g7e gr6 i3 i3en i4i m5d m5ad m6gd "
        "m6id m7gd m8gd p3dn p4d p4de p5 p5e p5en p6 p6e r5d r5ad r6gd r6id r7gd r8gd trn1 trn1n trn2",
    )
)


@dataclass(frozen=True)
class ProcessingJob:
    """What one job runs on what."""

    name: str
    arguments: tuple[str, ...]
    """The door, and its arguments."""
    inputs: Mapping[str, str]
    """Directory below /opt/ml/processing/input -> s3 prefix or object."""
    output_name: str
    """Directory below /opt/ml/processing/output."""
    output_uri: str
    """s3:// prefix to which it is uploaded when the job ends."""
    hub_offline: bool = True
    """False only for a job that reads a data set from the Hub."""
    instance_count: int = 1
    sharded_inputs: Collection[str] = ()
    """Names of the inputs whose objects are dealt out to the instances, each to one; each gets all of the others."""


def processing_request(run: Run, code: UploadedCode, job: ProcessingJob) -> dict[str, Any]:
    """CreateProcessingJob's arguments."""
    platform = run.platform

    return {
        "ProcessingJobName": job.name,
        "RoleArn": platform.processing_role_arn,
        "AppSpecification": {
            "ImageUri": platform.processing_image_uri,
            "ContainerEntrypoint": ENTRYPOINT,
            "ContainerArguments": list(job.arguments),
        },
        "ProcessingInputs": [_input(name, uri, job) for name, uri in {"code": code.uri, **job.inputs}.items()],
        "ProcessingOutputConfig": {"Outputs": [_output(job)], "KmsKeyId": platform.kms_key_arn},
        "ProcessingResources": {"ClusterConfig": _cluster(platform, job)},
        "StoppingCondition": {"MaxRuntimeInSeconds": platform.max_processing_seconds},
        # No network isolation: pip installs what the image lacks
        "NetworkConfig": {"EnableInterContainerTrafficEncryption": False, "EnableNetworkIsolation": False},
        "Environment": {
            "HF_HUB_OFFLINE": "1" if job.hub_offline else "0",
            "TOKENIZERS_PARALLELISM": "false",
            "COMMIT_ID": run.commit_id,
        },
        "Tags": tags(platform, run.commit_id),
    }


def volume_kms_key(instance_type: str, kms_key_arn: str) -> str | None:
    """The key for a job's volume, or None where the instance type takes none (`ml.g5.xlarge`)."""
    family = instance_type.removeprefix("ml.").split(".")[0].split("-")[0]
    return None if family in LOCAL_STORAGE_FAMILIES else kms_key_arn


def tags(platform: Platform, commit_id: str) -> list[dict[str, str]]:
    """Tags of everything a run creates; the budget counts what carries Project, as Terraform's resources do."""
    return [{"Key": "Project", "Value": platform.project_name}, {"Key": "commit", "Value": commit_id}]


def _input(name: str, uri: str, job: ProcessingJob) -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"{ROOT}/input/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "ShardedByS3Key" if name in job.sharded_inputs else "FullyReplicated",
        },
    }


def _output(job: ProcessingJob) -> dict[str, Any]:
    return {
        "OutputName": job.output_name,
        "S3Output": {
            "S3Uri": job.output_uri,
            "LocalPath": f"{ROOT}/output/{job.output_name}",
            "S3UploadMode": "EndOfJob",
        },
    }


def _cluster(platform: Platform, job: ProcessingJob) -> dict[str, Any]:
    cluster = {
        "InstanceCount": job.instance_count,
        "InstanceType": platform.processing_instance_type,
        "VolumeSizeInGB": platform.processing_volume_gb,
    }
    key = volume_kms_key(platform.processing_instance_type, platform.kms_key_arn)
    return {**cluster, "VolumeKmsKeyId": key} if key else cluster
