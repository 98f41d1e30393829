"""The cache of a project."""

import pytest
from botocore.exceptions import ClientError

from emulator.codebuild.cache import Cache, outside
from emulator.codebuild.log import BuildLog

PATTERNS = ("kept/**/*", "/root/.cache/**/*")


@pytest.fixture
def cache(aws, tmp_path):
    """cache(number) -> the cache of the build with that number, whose source directory is tmp_path/number."""
    if "cache-tests" not in {bucket["Name"] for bucket in aws("s3").list_buckets()["Buckets"]}:
        aws("s3").create_bucket(Bucket="cache-tests")

    def make(number: str, location=("cache-tests", "c.tar.gz")) -> Cache:
        (tmp_path / number / "kept").mkdir(parents=True)
        (tmp_path / f"scratch-{number}").mkdir()
        return Cache(aws, location, tmp_path / number, tmp_path / f"scratch-{number}", BuildLog())

    return make


def test_what_one_build_keeps_the_next_one_finds(cache, aws, tmp_path):
    first = cache("1")
    first.restore(PATTERNS)
    (tmp_path / "1" / "kept" / "a").write_text("a")
    (tmp_path / "1" / "other").write_text("not kept")
    first.save(PATTERNS)
    second = cache("2")
    second.restore(PATTERNS)
    assert [path.name for path in (tmp_path / "2").rglob("*") if path.is_file()] == ["a"]
    aws("s3").delete_object(Bucket="cache-tests", Key="c.tar.gz")
    second.save(PATTERNS)  # nothing has changed, so nothing is written
    with pytest.raises(ClientError, match="NoSuchKey"):
        aws("s3").get_object(Bucket="cache-tests", Key="c.tar.gz")


def test_a_project_without_a_cache_keeps_nothing(cache):
    for one, patterns in ((cache("1", location=None), PATTERNS), (cache("2"), ())):
        one.restore(patterns)
        one.save(patterns)


@pytest.mark.parametrize(("pattern", "leaves"), [("a/**/*", False), ("/root/x", True), ("~/.cache", True)])
def test_the_machine_s_own_files_are_not_kept(pattern, leaves):
    assert outside(pattern) is leaves
