"""Which pipeline, execution or endpoint an operator means."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from mypy_boto3_codepipeline import CodePipelineClient
    from mypy_boto3_codepipeline.type_defs import PipelineExecutionSummaryTypeDef
    from mypy_boto3_sagemaker import SageMakerClient


def find_pipeline(
    codepipeline: CodePipelineClient, pipeline: str | None, environ: Mapping[str, str] = os.environ
) -> str:
    """The pipeline meant: named, from PIPELINE_NAME, or the only one there is; ValueError where that is not clear."""
    if name := pipeline or environ.get("PIPELINE_NAME"):
        return name
    pages = codepipeline.get_paginator("list_pipelines").paginate()
    names = [summary["name"] for page in pages for summary in page["pipelines"]]
    if len(names) != 1:
        raise ValueError(
            f"expected one pipeline in {codepipeline.meta.region_name}, found {', '.join(names) or 'none'}; name one "
            "with --pipeline (terraform output pipeline_name), or see that AWS_ENDPOINT_URL, region and credentials "
            "are the right ones"
        )
    return names[0]


def find_endpoint(
    sagemaker: SageMakerClient, environment: str, endpoint: str | None, environ: Mapping[str, str] = os.environ
) -> str:
    """The endpoint of `staging` or `prod`: named, from the environment, or the only one whose name ends so."""
    if name := endpoint or environ.get(f"{environment.upper()}_ENDPOINT_NAME"):
        return name
    pages = sagemaker.get_paginator("list_endpoints").paginate(NameContains=f"-{environment}")
    names = [
        summary["EndpointName"]
        for page in pages
        for summary in page["Endpoints"]
        if summary["EndpointName"].endswith(f"-{environment}")
    ]
    if len(names) != 1:
        raise ValueError(
            f"expected one endpoint whose name ends in -{environment}, found {', '.join(names) or 'none'}; "
            "nothing is released there yet, or name one with --endpoint"
        )
    return names[0]


def shown_execution(codepipeline: CodePipelineClient, pipeline: str) -> PipelineExecutionSummaryTypeDef | None:
    """The execution a person asks about: one that runs, otherwise the youngest."""
    summaries = codepipeline.list_pipeline_executions(pipelineName=pipeline, maxResults=20)[
        "pipelineExecutionSummaries"
    ]
    running = [summary for summary in summaries if summary["status"] in ("InProgress", "Stopping")]
    # QUEUED mode: the oldest that runs is the furthest
    return running[-1] if running else (summaries[0] if summaries else None)


def command_to(name: str, codepipeline: CodePipelineClient, execution: str = "") -> str:
    """What to type: `make approve EXECUTION=...` for the emulator on this machine, `python -m release ...` for AWS."""
    if urlsplit(codepipeline.meta.endpoint_url).hostname in ("127.0.0.1", "localhost"):
        return f"make {name}" + (f" EXECUTION={execution}" if execution else "")
    return f"python -m release {name}" + (f" --execution {execution}" if execution else "")
