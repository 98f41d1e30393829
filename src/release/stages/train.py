"""The Train stage: the Hugging Face Estimator of the SageMaker SDK v2, which lives in this module alone."""

from __future__ import annotations

import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contract.project.file import Project
from release.aws import jobs
from release.aws.naming import fingerprint
from release.aws.platform import Platform
from release.aws.s3 import object_exists
from release.stages.code_archive import UploadedCode
from release.stages.processing import tags, volume_kms_key
from release.stages.run import Run

if TYPE_CHECKING:
    import boto3

# SageMaker draws a curve of each: train.py writes `metric name=value` lines
METRICS = (
    "train_loss",
    "train_samples_per_second",
    "train_samples_per_second_per_worker",
    "eval_loss",
    "eval_macro_average_precision",
    "eval_macro_auroc",
)
NUMBER = r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"
# A spot job may wait for an instance as long as it may run; the build's timeout (build_projects.tf) allows for it
SPOT_WAIT_FACTOR = 2


@dataclass(frozen=True)
class TrainedModel:
    """What a training job left."""

    job_name: str
    model_data_uri: str
    """s3:// of model.tar.gz."""


@dataclass(frozen=True)
class TrainingInputs:
    """What a model is trained on."""

    dataset_version: str
    base_model_uri: str
    """s3:// prefix of the staged base model."""


def train(run: Run, code: UploadedCode, inputs: TrainingInputs) -> TrainedModel:
    """Train, or adopt the job that already trains or trained exactly this; waits for its end."""
    platform = run.platform
    key = training_fingerprint(platform, run.project, code, inputs)
    attempt = jobs.find_attempt(
        jobs.TRAINING,
        jobs.attempt_names(platform.project_name, "train", key),
        has_output=lambda name: object_exists(model_data_uri(platform, name), run.s3),
        sagemaker=run.sagemaker,
    )

    if attempt.adopted:
        run.show(f"training job {attempt.name} already works on this, adopted")
    else:
        first_name = next(jobs.attempt_names(platform.project_name, "train", key))
        arguments = estimator_arguments(run, code, attempt.name, first_name)
        _launch(arguments, channels(platform, inputs), attempt.name, run.session)

    jobs.wait(jobs.TRAINING, attempt.name, run.session, show=run.show)
    job = run.sagemaker.describe_training_job(TrainingJobName=attempt.name)
    return TrainedModel(job_name=attempt.name, model_data_uri=job["ModelArtifacts"]["S3ModelArtifacts"])


def training_fingerprint(platform: Platform, project: Project, code: UploadedCode, inputs: TrainingInputs) -> str:
    """Everything that decides what the training makes: not the commit as such, a new README trains nothing anew."""
    return fingerprint(
        "train",
        code.code_sha256,
        inputs.dataset_version,
        inputs.base_model_uri,
        dict(project.hyperparameters),
        platform.training_image_uri,
        platform.training_instance_type,
        platform.training_instance_count,
    )


def estimator_arguments(run: Run, code: UploadedCode, job_name: str, checkpoint_name: str) -> dict[str, Any]:
    """Keyword arguments of sagemaker.huggingface.HuggingFace; a pure function.

    checkpoint_name is the same for all attempts of a fingerprint: an attempt goes on where the one before it stopped.
    """
    platform = run.platform
    spot = {
        "use_spot_instances": True,
        "max_wait": platform.max_training_seconds * SPOT_WAIT_FACTOR,
    }
    volume_key = volume_kms_key(platform.training_instance_type, platform.kms_key_arn)
    training_prefix = f"s3://{platform.models_bucket}/training"

    return {
        "entry_point": "train.py",
        "source_dir": code.uri,
        "image_uri": platform.training_image_uri,
        # The SDK asks for it and uses it only to look up an image; ours is pinned
        "py_version": "py312",
        "role": platform.training_role_arn,
        "instance_type": platform.training_instance_type,
        "instance_count": platform.training_instance_count,
        "volume_size": platform.training_volume_gb,
        **({"volume_kms_key": volume_key} if volume_key else {}),
        "output_kms_key": platform.kms_key_arn,
        "encrypt_inter_container_traffic": True,
        # No network isolation: pip installs what the image lacks (requirements.txt)
        "enable_network_isolation": False,
        "distribution": {"torch_distributed": {"enabled": True}},
        "hyperparameters": dict(run.project.hyperparameters),
        "metric_definitions": [{"Name": name, "Regex": rf"metric {name}={NUMBER}"} for name in METRICS],
        "output_path": training_prefix,
        "code_location": f"{training_prefix}/{job_name}/code",
        "checkpoint_s3_uri": f"{training_prefix}/{checkpoint_name}/checkpoints",
        "max_run": platform.max_training_seconds,
        **(spot if platform.training_use_spot else {}),
        "environment": {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "COMMIT_ID": run.commit_id},
        "tags": tags(platform, run.commit_id),
        # Debugger and Profiler are closed to new customers
        "disable_profiler": True,
        "debugger_hook_config": False,
    }


def channels(platform: Platform, inputs: TrainingInputs) -> dict[str, str]:
    """Channel name to s3 prefix."""
    dataset = f"s3://{platform.data_bucket}/prepared/{inputs.dataset_version}"
    return {"train": f"{dataset}/train/", "validation": f"{dataset}/validation/", "base_model": inputs.base_model_uri}


def model_data_uri(platform: Platform, job_name: str) -> str:
    """Where SageMaker puts a job's model."""
    return f"s3://{platform.models_bucket}/training/{job_name}/output/model.tar.gz"


def _launch(arguments: dict[str, Any], inputs: dict[str, str], job_name: str, session: boto3.Session) -> None:
    with tempfile.TemporaryDirectory() as work:
        # The SDK reads its configuration at import: telemetry must be off before that
        overrides = Path(work) / "sagemaker.yaml"
        overrides.write_text(
            "SchemaVersion: '1.0'\nSageMaker:\n  PythonSDK:\n    Modules:\n      TelemetryOptOut: true\n",
            encoding="utf-8",
        )
        os.environ["SAGEMAKER_USER_CONFIG_OVERRIDE"] = str(overrides)
        # v2 is a decision (docs/decisions.md), not an oversight
        os.environ["SAGEMAKER_SUPPRESS_V2_WARNING"] = "1"
        for chatty in ("sagemaker", "sagemaker.config", "botocore"):
            logging.getLogger(chatty).setLevel(logging.WARNING)

        from sagemaker.huggingface import HuggingFace
        from sagemaker.inputs import TrainingInput
        from sagemaker.session import Session

        estimator = HuggingFace(sagemaker_session=Session(boto_session=session), **arguments)
        estimator.fit({name: TrainingInput(uri) for name, uri in inputs.items()}, job_name=job_name, wait=False)
