"""Sources and buildspecs."""

import pytest

from emulator.codebuild.settings import Source
from emulator.codebuild.sources import buildspec_text, fetch, is_inline


@pytest.fixture(scope="module")
def s3(aws):
    aws("s3").create_bucket(Bucket="build-sources")
    return aws("s3")


def test_a_prefix_brings_the_files_below_it(s3, tmp_path):
    for key in ("tree/", "tree/a", "tree/deep/b", "tree-other/c"):
        s3.put_object(Bucket="build-sources", Key=key, Body=b"x")
    assert fetch(s3, Source(None, "build-sources", "tree/"), tmp_path, tmp_path) is None
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()) == [
        "a",
        "deep/b",
    ]


def test_a_buildspec_is_a_file_an_object_or_the_text_itself(s3, tmp_path):
    (tmp_path / "buildspec.yml").write_text("default")
    (tmp_path / "ci.yml").write_text("named")
    s3.put_object(Bucket="build-sources", Key="specs/ci.yml", Body=b"in s3")
    assert buildspec_text(s3, "", tmp_path) == "default"
    assert buildspec_text(s3, "ci.yml", tmp_path) == "named"
    assert buildspec_text(s3, "arn:aws:s3:::build-sources/specs/ci.yml", tmp_path) == "in s3"
    assert buildspec_text(s3, "version: 0.2\nphases: {}\n", tmp_path) == "version: 0.2\nphases: {}\n"
    with pytest.raises(ValueError, match=r"the source has no file absent.yml"):
        buildspec_text(s3, "absent.yml", tmp_path)


@pytest.mark.parametrize(
    ("text", "inline"),
    [("ci/build.yml", False), ('{"version": 0.2}', True), ("version: 0.2\nphases: {}", True), ("a: [\nb: ", True)],
)
def test_a_text_of_several_lines_or_json_is_no_file_name(text, inline):
    assert is_inline(text) is inline
