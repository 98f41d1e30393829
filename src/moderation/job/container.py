"""Where SageMaker puts things inside a container, and how a container says why it failed."""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

REASON_CHARACTERS = 1024  # SageMaker shows no more of FailureReason and ExitMessage


def base_directory() -> Path:
    """/opt/ml, or where SAGEMAKER_BASE_DIR moved it."""
    return Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))


def checkpoint_directory() -> Path:
    """The directory that SageMaker copies to and from S3 while a training job runs."""
    return base_directory() / "checkpoints"


@dataclass(frozen=True)
class Cluster:
    """The instances of a processing job, as each of them sees it."""

    host: str
    """This one."""
    hosts: tuple[str, ...]
    """All of them."""


def processing_cluster() -> Cluster:
    """What SageMaker tells the instances of a processing job about each other; outside of a container, one is alone."""
    path = base_directory() / "config" / "resourceconfig.json"
    if not path.is_file():
        return Cluster("algo-1", ("algo-1",))
    resources = json.loads(path.read_text(encoding="utf-8"))
    return Cluster(resources["current_host"], tuple(resources["hosts"]))


def one_line(error: BaseException) -> str:
    """The reason of an exception as one line of at most 1,024 characters."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:REASON_CHARACTERS]


def write_failure(error: BaseException) -> None:
    """Leave the reason of a failed training job; the first rank of a host that fails is the one that knows it."""
    path = base_directory() / "output" / "failure"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(one_line(error))
    except FileExistsError:
        return


def write_exit_message(error: BaseException) -> None:
    """Leave the reason of a failed processing job, where there is a container to leave it in."""
    if base_directory().is_dir():
        path = base_directory() / "output" / "message"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(one_line(error), encoding="utf-8")


def say(line: str) -> None:
    """Write one line to the log as one write: the training toolkit splits what arrives in pieces."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def say_metric(name: str, value: float | None) -> None:
    """Write one metric in the form that the job's metric definitions look for; None is left out."""
    if value is not None:
        say(f"metric {name}={value:.6g}")
