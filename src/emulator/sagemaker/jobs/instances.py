"""The instances of a training or processing job, and the processes on them.

An instance is a directory that stands for /opt/ml and one process group. All instances of a job run on this machine;
they are named algo-1, algo-2, ... as on AWS.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from emulator.core.cloud import Cloud
from emulator.core.locations import parse_location
from emulator.core.logs import LogStream
from emulator.core.processes import Child, base_environment
from emulator.core.processes import start as start_child
from emulator.sagemaker.jobs import storage
from emulator.sagemaker.jobs.job import REASON_LENGTH, Job, JobFailedError

CONTAINER_ROOT = "/opt/ml"
# Laid before PATH and on PYTHONPATH of a job's processes; holds what an instance has and this machine has not.
CONTAINER_FILES = Path(__file__).parent / "container"

# SageMaker sends SIGTERM and kills after two minutes. That is a limit, not a wait, so the time scale does not apply.
STOP_GRACE_SECONDS = 120.0
# The other instances of a failed job have nothing to save.
FAILURE_GRACE_SECONDS = 2.0
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Instance:
    """One machine of a job."""

    name: str  # algo-1, algo-2, ...
    index: int  # 0, 1, ...
    base: Path  # stands for /opt/ml

    def path(self, container_path: str) -> Path:
        """Where a path below /opt/ml lies on this instance. Raises ValueError for any other path."""
        if container_path != CONTAINER_ROOT and not container_path.startswith(CONTAINER_ROOT + "/"):
            raise ValueError(f"path {container_path!r}: expected a path below {CONTAINER_ROOT}")
        path = Path(os.path.normpath(self.base / container_path[len(CONTAINER_ROOT) :].lstrip("/")))
        if not path.is_relative_to(self.base):
            raise ValueError(f"path {container_path!r}: expected a path that stays below {CONTAINER_ROOT}")
        return path

    def relocate(self, text: str) -> str:
        """`text` with every path below /opt/ml replaced by the path on this instance."""
        return re.sub(r"(?<![\w.\-/])/opt/ml(?![\w.\-])", lambda _: str(self.base), text)

    def write_config(self, directory: str, documents: dict[str, dict]) -> None:
        """Writes JSON documents by name into a directory given as a container path."""
        target = self.path(directory)
        target.mkdir(parents=True, exist_ok=True)
        for name, document in documents.items():
            (target / name).write_text(json.dumps(document))


@dataclass(frozen=True)
class Ended:
    """How the processes of all instances ended."""

    exit_codes: dict[str, int]  # of each instance's leading process; a signal is its negative number
    first_failed: Instance | None  # the instance that ended badly before any other; None also after a stop
    interrupted_by: str | None  # the name of the event that ended them; None when they ended by themselves


class InstanceOutput:
    """Sends the lines of each instance to its own log stream, and to `observe`."""

    def __init__(
        self, cloud: Cloud, group: str, job: Job, instances: Iterable[Instance], observe: Callable[[str], None]
    ):
        self._observe = observe
        started, role_arn = int(time.time()), job.request["RoleArn"]
        self._streams = {
            instance.name: LogStream(cloud, group, f"{job.name}/{instance.name}-{started}", role_arn)
            for instance in instances
        }

    def receiver(self, instance: Instance) -> Callable[[str], None]:
        stream = self._streams[instance.name]

        def receive(line: str) -> None:
            stream.write(line)
            self._observe(line)

        return receive

    def close(self) -> None:
        for stream in self._streams.values():
            stream.close()


def make_instances(root: Path, count: int) -> list[Instance]:
    """Fresh, empty instances below `root`."""
    shutil.rmtree(root, ignore_errors=True)
    instances = [Instance(f"algo-{number + 1}", number, root / f"algo-{number + 1}") for number in range(count)]
    for instance in instances:
        instance.base.mkdir(parents=True)
    return instances


def resource_config(instance: Instance, instances: list[Instance], instance_type: str) -> dict:
    """Content of resourceconfig.json on one instance."""
    names = [each.name for each in instances]
    group = {"instance_group_name": "homogeneousCluster", "instance_type": instance_type, "hosts": names}
    return {
        "current_host": instance.name,
        "current_instance_type": instance_type,
        "current_group_name": "homogeneousCluster",
        "hosts": names,
        "instance_groups": [group],
        "network_interface_name": loopback_interface(),
    }


def loopback_interface() -> str:
    """The name of the network interface on which all instances are."""
    return "lo0" if sys.platform == "darwin" else "lo"


def instance_environment(
    cloud: Cloud, role_arn: str, session: str, instance: Instance, count: int, given: dict
) -> dict:
    """The whole environment of the processes on an instance: the image's, the role's credentials, the job's own.

    `given` is what the request sets; a PYTHONPATH in it comes after what the emulated instance needs.
    """
    given = {name: instance.relocate(value) for name, value in given.items()}
    environment = base_environment(cloud) | cloud.credentials(role_arn, session)
    # The interpreter's own directory, so that an emulator started by its path finds the toolkit beside it.
    image_path = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)])
    return {
        **environment,
        "PATH": os.pathsep.join([str(CONTAINER_FILES), image_path]),
        "PYTHONUNBUFFERED": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "SAGEMAKER_BASE_DIR": str(instance.base),
        "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // count)),
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
        "GLOO_SOCKET_IFNAME": loopback_interface(),
        **given,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(CONTAINER_FILES), given.get("PYTHONPATH")])),
    }


def download_input(s3, instances: list[Instance], uri: str, container_path: str, distribution: str | None) -> None:
    """Brings one input onto every instance, whole or sharded.

    Raises JobFailedError where there is nothing at `uri`, as SageMaker fails such a job.
    """
    location = parse_location(uri)
    keys = storage.list_keys(s3, location)
    if not keys:
        raise JobFailedError(
            f'ClientError: Data download failed: No S3 objects found under S3 URL "{uri}" given in input data source. '
            "Please ensure that the bucket exists in the selected region, that objects exist under that S3 prefix, "
            "and that the role may list it."
        )
    if distribution == "ShardedByS3Key":
        for instance in instances:
            part = storage.shard(keys, instance.index, len(instances))
            storage.download(s3, location, part, instance.path(container_path))
        return
    first, *others = instances
    storage.download(s3, location, keys, first.path(container_path))
    for other in others:
        shutil.copytree(first.path(container_path), other.path(container_path), dirs_exist_ok=True)


def run_instances(
    commands: dict[str, tuple[list[str], dict[str, str]]],
    instances: list[Instance],
    output: InstanceOutput,
    ending_events: dict[str, Callable[[], bool]],
) -> Ended:
    """Runs one command on each instance until all have ended, one has failed, or an ending event has come.

    `commands` maps an instance's name to its argument list and environment. `ending_events` maps a name to a
    function that says whether it has come. After a failure or an event the remaining processes are ended. Raises
    JobFailedError where a command can't be started.
    """
    children: dict[str, Child] = {}
    try:
        for instance in instances:
            command, environment = commands[instance.name]
            try:
                children[instance.name] = start_child(
                    command, cwd=instance.base, environment=environment, on_line=output.receiver(instance)
                )
            except OSError as error:
                raise JobFailedError(f"AlgorithmError: {command[0]} can't be started: {error}") from error
        while True:
            exit_codes = {name: child.wait(0) for name, child in children.items()}
            failed = next((each for each in instances if exit_codes[each.name] not in (None, 0)), None)
            if failed is not None or all(code == 0 for code in exit_codes.values()):
                return Ended(_end(children, FAILURE_GRACE_SECONDS), failed, None)
            for name, has_come in ending_events.items():
                if has_come():
                    return Ended(_end(children, STOP_GRACE_SECONDS), None, name)
            running = next((child for child in children.values() if child.running()), None)
            if running is not None:  # None where the last one ended since it was asked
                running.wait(POLL_SECONDS)
    finally:
        _end(children, 0)


def _end(children: dict[str, Child], grace_seconds: float) -> dict[str, int]:
    """Ends all children at the same time; returns their exit codes."""
    enders = [threading.Thread(target=child.terminate, args=(grace_seconds,)) for child in children.values()]
    for ender in enders:
        ender.start()
    for ender in enders:
        ender.join()
    return {name: child.terminate(0) for name, child in children.items()}


def exit_status(code: int) -> int:
    """Exit status as a container reports it: 128 + number for a process that a signal ended."""
    return 128 - code if code < 0 else code


def first_text(path: Path) -> str:
    """The first 1,024 characters of a file, or nothing where there is no file."""
    try:
        return path.read_text(errors="replace")[:REASON_LENGTH].strip()
    except (FileNotFoundError, IsADirectoryError):
        return ""
