import io
import tarfile

import pytest

from contract.doors import DOORS, PACKED_DOORS
from release.stages.code_archive import build_archive, collect_files, upload_archive


@pytest.fixture
def checkout(tmp_path):
    """A checkout whose files hold nothing but their names."""
    source = tmp_path / "src"
    names = [
        *DOORS,
        "requirements.txt",
        "release/secret.py",
        "contract/project/code.py",
        "contract/__init__.py",
        "moderation/__init__.py",
    ]
    for folder in {folder for folders in DOORS.values() for folder in folders}:
        names += [f"{folder}/__init__.py", f"{folder}/code.py"]
    for name in names:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(f"# {name}\n")
    (source / "moderation/pages/style.css").write_text("a {}\n")
    (source / "moderation/data/__pycache__").mkdir()
    (source / "moderation/data/__pycache__/code.pyc").write_bytes(b"x")
    (tmp_path / "moderation.yaml").write_text("gate: {}\n")
    return tmp_path


def collected(checkout, door="prepare.py", suite=None):
    return collect_files(door, checkout / "src", checkout / "moderation.yaml", suite)


def code_of_all_doors(checkout):
    return {door: build_archive(collected(checkout, door)).code_sha256 for door in DOORS}


def doors_changed_by(checkout, name):
    """The doors whose jobs start anew when this file changes."""
    before = code_of_all_doors(checkout)
    (checkout / "src" / name).write_text("changed\n")
    after = code_of_all_doors(checkout)
    return {door for door in DOORS if before[door] != after[door]}


@pytest.mark.parametrize("door", DOORS)
def test_a_door_takes_its_folders_and_nothing_else(checkout, door):
    archive = build_archive(collected(checkout, door))
    with tarfile.open(fileobj=io.BytesIO(archive.content), mode="r:gz") as tar:
        packed = set(tar.getnames())
    folders = {folder for each in (door, *PACKED_DOORS.get(door, ())) for folder in DOORS[each]}
    files = {name for name in packed if "/" in name}
    assert {name.rpartition("/")[0] for name in files} == folders | {"contract", "moderation"}
    assert packed - files >= {door, "requirements.txt"}
    assert ("moderation.yaml" in packed) == (door in ("prepare.py", "shard.py", "evaluate.py"))


@pytest.mark.parametrize(
    ("name", "doors"),
    [
        ("moderation/pages/style.css", {"prepare.py", "evaluate.py"}),
        ("moderation/report/code.py", {"evaluate.py"}),
        ("moderation/evaluation/code.py", {"evaluate.py"}),
        ("moderation/data/code.py", {"prepare.py"}),
        ("moderation/rows/code.py", {"prepare.py", "shard.py"}),
        ("moderation/training/code.py", {"train.py"}),
        ("contract/training/code.py", {"train.py"}),
        ("contract/data/code.py", {"prepare.py", "shard.py"}),
        ("contract/dataset/code.py", {"prepare.py", "train.py", "evaluate.py"}),
        ("contract/project/code.py", set()),
        ("moderation/fitting/code.py", {"train.py", "evaluate.py"}),
        ("moderation/model/code.py", {"train.py", "evaluate.py", "inference.py"}),
        ("inference.py", {"train.py", "inference.py"}),
        ("requirements.txt", set(DOORS)),
        ("release/secret.py", set()),
    ],
)
def test_a_change_starts_the_jobs_that_import_it_and_no_others(checkout, name, doors):
    assert doors_changed_by(checkout, name) == doors


def test_the_same_files_are_the_same_bytes_whenever_they_were_written(checkout):
    first = build_archive(collected(checkout))
    for path in checkout.rglob("*"):
        path.touch()
    assert build_archive(dict(reversed(collected(checkout).items()))) == first
    assert first.content[4:8] == bytes(4)  # gzip's own time of writing


def test_changed_code_is_another_archive_and_other_code(checkout):
    first = build_archive(collected(checkout))
    (checkout / "src" / "moderation" / "data" / "code.py").write_text("# changed\n")
    second = build_archive(collected(checkout))
    assert second.sha256 != first.sha256
    assert second.code_sha256 != first.code_sha256


def test_a_changed_gate_is_another_archive_but_the_same_code(checkout):
    first = build_archive(collected(checkout))
    (checkout / "moderation.yaml").write_text("gate: {minimum: {}}\n")
    second = build_archive(collected(checkout))
    assert second.sha256 != first.sha256
    assert second.code_sha256 == first.code_sha256


def archived_with(checkout, cases):
    suite = checkout / "cases" / "hatecheck.csv"
    suite.parent.mkdir(exist_ok=True)
    suite.write_text(cases)
    name = "cases/hatecheck.csv"
    return build_archive(collected(checkout, "evaluate.py", name), name)


def test_further_functional_cases_lie_at_their_place_and_are_no_code(checkout):
    plain = build_archive(collected(checkout, "evaluate.py"))
    first, second = archived_with(checkout, "first"), archived_with(checkout, "second")
    with tarfile.open(fileobj=io.BytesIO(first.content), mode="r:gz") as tar:
        assert tar.extractfile("cases/hatecheck.csv").read() == b"first"
    assert plain.code_sha256 == first.code_sha256 == second.code_sha256
    assert len({plain.sha256, first.sha256, second.sha256}) == 3
    assert len({plain.suite_sha256, first.suite_sha256, second.suite_sha256}) == 3


def test_functional_cases_never_take_the_place_of_code(checkout):
    name = "moderation/evaluation/code.py"
    with pytest.raises(ValueError, match=rf"evaluation\.behaviour: found '{name}', where code of ours goes"):
        collected(checkout, "evaluate.py", name)


def test_an_incomplete_checkout_is_named(checkout):
    (checkout / "src" / "train.py").unlink()
    with pytest.raises(ValueError, match=r"the code of train.py is incomplete, missing: .*train\.py"):
        collected(checkout, "train.py")


def test_the_same_code_is_uploaded_once(checkout, aws, platform):
    s3 = aws.client("s3")
    archive = archived_with(checkout, "cases")
    uploaded = upload_archive(archive, platform.models_bucket, s3)
    key = f"code/{archive.sha256}/source.tar.gz"
    assert uploaded.uri == f"s3://{platform.models_bucket}/{key}"
    assert (uploaded.code_sha256, uploaded.suite_sha256) == (archive.code_sha256, archive.suite_sha256)
    s3.put_object(Bucket=platform.models_bucket, Key=key, Body=b"marked")
    upload_archive(archive, platform.models_bucket, s3)
    assert s3.get_object(Bucket=platform.models_bucket, Key=key)["Body"].read() == b"marked"
