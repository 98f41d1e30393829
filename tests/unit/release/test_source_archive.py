import io
import tarfile

import pytest

from release.source_archive import DOORS, build_archive, collect_files, upload_archive


@pytest.fixture
def checkout(tmp_path):
    source = tmp_path / "src"
    (source / "moderation" / "__pycache__").mkdir(parents=True)
    (source / "release").mkdir()
    for name in (*DOORS, "requirements.txt", "moderation/__init__.py", "moderation/model.py"):
        (source / name).write_text(f"# {name}\n")
    (source / "release" / "secret.py").write_text("never ships")
    (source / "moderation" / "__pycache__" / "model.pyc").write_bytes(b"x")
    (tmp_path / "moderation.yaml").write_text("gate: {}\n")
    return tmp_path


def collected(checkout):
    return collect_files(checkout / "src", checkout / "moderation.yaml")


def test_only_the_listed_files_ship(checkout):
    archive = build_archive(collected(checkout))
    with tarfile.open(fileobj=io.BytesIO(archive.content), mode="r:gz") as tar:
        assert sorted(tar.getnames()) == sorted(
            [*DOORS, "requirements.txt", "moderation.yaml", "moderation/__init__.py", "moderation/model.py"]
        )


def test_the_same_files_are_the_same_bytes_whenever_they_were_written(checkout):
    first = build_archive(collected(checkout))
    for path in checkout.rglob("*"):
        path.touch()
    assert build_archive(dict(reversed(collected(checkout).items()))) == first
    assert first.content[4:8] == bytes(4)  # gzip's own time of writing


def test_changed_code_is_another_archive_and_other_code(checkout):
    first = build_archive(collected(checkout))
    (checkout / "src" / "moderation" / "model.py").write_text("# changed\n")
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
    return build_archive(collect_files(checkout / "src", checkout / "moderation.yaml", name), name)


def test_further_functional_cases_ship_at_their_place_and_are_no_code(checkout):
    plain = build_archive(collected(checkout))
    first, second = archived_with(checkout, "first"), archived_with(checkout, "second")
    with tarfile.open(fileobj=io.BytesIO(first.content), mode="r:gz") as tar:
        assert tar.extractfile("cases/hatecheck.csv").read() == b"first"
    assert plain.code_sha256 == first.code_sha256 == second.code_sha256
    assert len({plain.sha256, first.sha256, second.sha256}) == 3
    assert len({plain.suite_sha256, first.suite_sha256, second.suite_sha256}) == 3


def test_functional_cases_never_take_the_place_of_code(checkout):
    (checkout / "moderation").mkdir()
    (checkout / "moderation" / "model.py").write_text("cases")
    with pytest.raises(
        ValueError, match=r"evaluation\.behaviour: found 'moderation/model\.py', where code of ours goes"
    ):
        collect_files(checkout / "src", checkout / "moderation.yaml", "moderation/model.py")


def test_an_incomplete_checkout_is_named(checkout):
    (checkout / "src" / "train.py").unlink()
    with pytest.raises(ValueError, match=r"missing: .*train\.py"):
        collected(checkout)


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
