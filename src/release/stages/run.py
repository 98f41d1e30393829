"""What the stages of one run are given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contract.project.file import Project
from release.aws.platform import Platform

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient


@dataclass(frozen=True)
class Run:
    """One run of the pipeline, as a build sees it."""

    platform: Platform
    project: Project
    commit_id: str
    session: boto3.Session
    show: Callable[[str], None] = print
    """Writes one line of progress."""

    @property
    def s3(self) -> S3Client:
        """A client of S3."""
        return self.session.client("s3")

    @property
    def sagemaker(self) -> SageMakerClient:
        """A client of SageMaker."""
        return self.session.client("sagemaker")


@dataclass(frozen=True)
class Deployment:
    """A package on its way to an environment; the project's settings are no part of it."""

    platform: Platform
    environment: str
    """`staging` or `prod`."""
    package_arn: str
    session: boto3.Session
    show: Callable[[str], None] = print
    """Writes one line of progress."""
    execution_id: str = ""
    """Of the pipeline; empty by hand."""
    champion_arn: str | None = None
    """The package that prod served when this one was evaluated, `none` where there was none; None where nobody
    evaluated it for this release, as in a roll-back by hand."""

    @property
    def endpoint_name(self) -> str:
        """The endpoint of the environment."""
        return self.platform.endpoint_name(self.environment)

    @property
    def state_key(self) -> str:
        """Prefix in the state bucket, with a final slash, of what describes the endpoint."""
        return f"endpoint/{self.environment}/"

    @property
    def s3(self) -> S3Client:
        """A client of S3."""
        return self.session.client("s3")

    @property
    def sagemaker(self) -> SageMakerClient:
        """A client of SageMaker."""
        return self.session.client("sagemaker")
