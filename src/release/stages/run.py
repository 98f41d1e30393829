"""What every stage of one run is given."""

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
