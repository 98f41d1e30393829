"""What Terraform built, as the builds are told: by environment variables."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Platform:
    """What Terraform built; each field is the environment variable of the same name in upper case."""

    project_name: str
    """Prefix of every name, for example `moderation`."""
    data_bucket: str
    models_bucket: str
    state_bucket: str
    kms_key_arn: str
    """Key of the buckets, the volumes and the outputs."""
    training_role_arn: str
    processing_role_arn: str
    training_image_uri: str
    processing_image_uri: str
    inference_image_uri: str
    training_instance_type: str
    training_instance_count: int
    training_volume_gb: int
    max_training_seconds: int
    training_use_spot: bool
    processing_instance_type: str
    processing_instance_count: int
    """Instances that read raw files."""
    processing_volume_gb: int
    max_processing_seconds: int
    model_package_group_name: str
    staging_endpoint_name: str
    prod_endpoint_name: str

    def endpoint_name(self, environment: str) -> str:
        """The endpoint of `staging` or `prod`."""
        return {"staging": self.staging_endpoint_name, "prod": self.prod_endpoint_name}[environment]


def read_platform(environ: Mapping[str, str] = os.environ) -> Platform:
    """Build a Platform from environment variables; ValueError names every one that is missing or malformed."""
    missing = [field.name.upper() for field in fields(Platform) if not environ.get(field.name.upper())]
    if missing:
        raise ValueError(
            f"missing environment variables: {', '.join(missing)}; Terraform sets them on the CodeBuild projects "
            "(terraform/modules/pipeline), and outside of a build you export them yourself"
        )
    values: dict[str, Any] = {
        field.name: _parse(field.name.upper(), environ[field.name.upper()], field.type) for field in fields(Platform)
    }
    return Platform(**values)


def _parse(name: str, text: str, kind: Any) -> str | int | bool:
    if kind is int:
        if not text.isdecimal() or int(text) < 1:
            raise ValueError(f"environment variable {name} is {text!r}; expected a whole number of at least 1")
        return int(text)
    if kind is bool:
        if text not in ("true", "false"):
            raise ValueError(f"environment variable {name} is {text!r}; expected true or false")
        return text == "true"
    return text
