import tarfile

import pytest
from waiting import wait_until

from emulator.core.locations import Location
from emulator.sagemaker.jobs import storage


@pytest.fixture
def s3(aws):
    client = aws("s3")
    client.create_bucket(Bucket="storage-tests")
    yield client
    for entry in client.list_objects_v2(Bucket="storage-tests").get("Contents", []):
        client.delete_object(Bucket="storage-tests", Key=entry["Key"])
    client.delete_bucket(Bucket="storage-tests")


def keys(s3):
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket="storage-tests").get("Contents", [])]


@pytest.mark.parametrize(
    ("key", "prefix", "name"),
    [
        ("a/b/c.txt", "a/b", "c.txt"),
        ("a/b/c.txt", "a/b/", "c.txt"),
        ("a/b/d/c.txt", "a/b", "d/c.txt"),
        ("a/b/c.txt", "a/b/c.txt", "c.txt"),
        ("a/bc/d.txt", "a/b", "bc/d.txt"),
        ("a.txt", "", "a.txt"),
    ],
)
def test_an_object_is_named_relative_to_its_prefix(key, prefix, name):
    assert storage.relative_name(key, prefix) == name


def test_shards_are_disjoint_and_complete():
    names = [f"part-{number}" for number in range(5)]
    shards = [storage.shard(reversed(names), index, 2) for index in range(2)]
    assert shards == [["part-0", "part-2", "part-4"], ["part-1", "part-3"]]


def test_a_named_directory_does_not_bring_its_neighbours(s3):
    for key in ("data/train/1", "data/train/", "data/train-old/2"):
        s3.put_object(Bucket="storage-tests", Key=key, Body=b"x")
    assert storage.list_keys(s3, Location("storage-tests", "data/train")) == ["data/train/1"]
    assert storage.list_keys(s3, Location("storage-tests", "data/tr")) == ["data/train-old/2", "data/train/1"]


def test_a_directory_comes_back_as_it_was_uploaded(s3, tmp_path):
    (tmp_path / "out" / "deep").mkdir(parents=True)
    (tmp_path / "out" / "deep" / "a.txt").write_text("a")
    (tmp_path / "out" / "b.txt").write_text("b")
    (tmp_path / "out" / "link").symlink_to("b.txt")
    location = Location("storage-tests", "copy")
    assert storage.upload_directory(s3, tmp_path / "out", location) == 2
    storage.download(s3, location, storage.list_keys(s3, location), tmp_path / "in")
    assert (tmp_path / "in" / "deep" / "a.txt").read_text() == "a"
    assert (tmp_path / "in" / "b.txt").read_text() == "b"


def test_an_object_whose_name_climbs_out_of_the_directory_is_refused(s3, tmp_path):
    with pytest.raises(ValueError, match="outside"):
        storage.download(s3, Location("storage-tests", "a"), ["a/../../evil"], tmp_path / "in")


def test_an_upload_names_the_kms_key(s3, tmp_path):
    (tmp_path / "a.txt").write_text("a")
    storage.upload_directory(s3, tmp_path, Location("storage-tests", ""), "alias/some-key")
    head = s3.head_object(Bucket="storage-tests", Key="a.txt")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "alias/some-key")


def test_an_archive_merges_directories_and_prefers_the_first(s3, tmp_path):
    for name, text in (("one", "first"), ("two", "second")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same.txt").write_text(text)
        (tmp_path / name / f"{name}.txt").write_text(text)
    location = Location("storage-tests", "model.tar.gz")
    assert storage.upload_archive(s3, [tmp_path / "one", tmp_path / "two"], location) == 3
    s3.download_file("storage-tests", "model.tar.gz", str(tmp_path / "model.tar.gz"))
    with tarfile.open(tmp_path / "model.tar.gz") as archive:
        assert archive.getnames() == ["one.txt", "same.txt", "two.txt"]
        assert archive.extractfile("same.txt").read() == b"first"


def test_a_watched_directory_is_copied_while_it_changes_and_nothing_is_deleted(s3, tmp_path):
    (tmp_path / "restored").write_text("came from S3")
    sync = storage.DirectorySync(s3, tmp_path, Location("storage-tests", "checkpoints"))
    (tmp_path / "1").write_text("one")
    wait_until(lambda: keys(s3) == ["checkpoints/1"])
    (tmp_path / "1").unlink()
    (tmp_path / "2").write_text("two")
    sync.finish()
    assert keys(s3) == ["checkpoints/1", "checkpoints/2"]


def test_a_checkpoint_that_the_job_removes_goes_in_s3_too(s3, tmp_path):
    location = Location("storage-tests", "checkpoints")
    s3.put_object(Bucket="storage-tests", Key="checkpoints/restored", Body=b"came from S3")
    storage.download(s3, location, ["checkpoints/restored"], tmp_path)
    sync = storage.DirectorySync(s3, tmp_path, location, deletes=True)
    (tmp_path / "restored").unlink()
    (tmp_path / "1").write_text("one")
    wait_until(lambda: keys(s3) == ["checkpoints/1"])
    (tmp_path / "1").rename(tmp_path / "2")
    sync.finish()
    assert keys(s3) == ["checkpoints/2"]


def test_a_copy_that_fails_is_reported_at_the_end(s3, tmp_path):
    sync = storage.DirectorySync(s3, tmp_path, Location("no-such-bucket-here", "checkpoints"))
    (tmp_path / "1").write_text("one")
    with pytest.raises(storage.FAILURES, match="NoSuchBucket"):
        sync.finish()
