"""Gives a trained model the decision policy with which it is released: what is evaluated then is what is released."""

import io
import json
import os
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

from contract.dataset.labels import LABELS_FILE
from contract.model.archive import ARCHIVE, POLICY_FILE, VALIDATION_SCORES_FILE
from contract.policy.targets import Targets
from moderation.fitting.thresholds import effective_policy
from moderation.job.container import say
from moderation.job.dataset import read_labels
from moderation.model.policy import Policy, read_policy, write_policy

FASTEST = 1  # weights hardly get smaller, whatever time is spent on them


def with_policy(directory: Path, targets: Targets, output: Path) -> Path:
    """Write the effective policy.json to `output`; returns the directory whose archive has it.

    That is `directory` where the model was trained with this policy already, otherwise `output` with a copy of the
    archive in which policy.json is another and nothing else. Raises ValueError for a damaged archive and for targets
    that can't be met.
    """
    archive = directory / ARCHIVE
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        extracted = extract(archive, Path(temporary), (LABELS_FILE, POLICY_FILE, VALIDATION_SCORES_FILE))
        labels = read_labels(extracted)
        trained, policy = read_policy(extracted, labels), effective_policy(extracted, labels, targets)

    write_policy(policy, output)
    if policy.id == trained.id:
        say(f"decision policy {policy.id}, as trained")
        return directory
    repackage(archive, policy, output / ARCHIVE)
    say(f"decision policy {policy.id} instead of {trained.id}: {ARCHIVE} packed again with it")
    return output


def extract(archive: Path, target: Path, names: tuple[str, ...]) -> Path:
    """Extract some members of a model archive. Raises ValueError where it is damaged or lacks labels.json."""
    if not archive.is_file():
        raise ValueError(f"candidate: found no {ARCHIVE} in {archive.parent}, expected the output of a training job")
    try:
        with tarfile.open(archive) as packed:
            for member in packed:
                if _name(member) in names:
                    packed.extract(member, target, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(
            f"candidate: found a damaged {ARCHIVE} ({type(error).__name__}), expected the output of a training job"
        ) from error
    if not (target / LABELS_FILE).is_file():
        raise ValueError(f"candidate: found no {LABELS_FILE} in {ARCHIVE}, expected the output of a training job")
    return target


def repackage(archive: Path, policy: Policy, target: Path) -> None:
    """Copy a model archive with another policy.json; `target` appears complete or not at all."""
    content = json.dumps(policy.content(), indent=1, ensure_ascii=False).encode()
    partial = target.with_name(f".{target.name}.partial-{os.getpid()}")
    with tarfile.open(archive) as packed, tarfile.open(partial, "w:gz", compresslevel=FASTEST) as copy:
        for member in packed:
            if _name(member) == POLICY_FILE:
                member.size = len(content)
                copy.addfile(member, io.BytesIO(content))
            else:
                copy.addfile(member, packed.extractfile(member) if member.isreg() else None)
    partial.replace(target)


def _name(member: tarfile.TarInfo) -> str:
    return PurePosixPath(member.name).as_posix()
