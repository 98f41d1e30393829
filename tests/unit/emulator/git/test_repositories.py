"""Repositories on disk: archives, branches, names."""

import zipfile

import pytest

from emulator.core.errors import AwsError
from emulator.git.repositories import git


def test_an_archive_holds_the_files_of_that_commit(repositories, cloud_url, work, tmp_path):
    repositories.create("owner/archive")
    first = work.commit({"a.txt": "1"}, "first")
    work.commit({"a.txt": "2"}, "second")
    work.git("push", "-q", f"{cloud_url}/git/owner/archive", "main")
    repositories.archive("owner/archive", first, tmp_path / "source.zip")
    with zipfile.ZipFile(tmp_path / "source.zip") as archive:
        assert archive.read("a.txt") == b"1"


def test_a_missing_branch_is_named(repositories):
    repositories.create("owner/empty")
    with pytest.raises(AwsError, match="owner/empty has no branch 'main', only no commit at all"):
        repositories.head("owner/empty", "main")


def test_a_repository_name_cannot_leave_the_directory(repositories):
    for name in ("../x", "a/../b", "a/b/c", "", "a//b"):
        with pytest.raises(AwsError, match="no repository name"):
            repositories.path(name)


def test_git_s_own_words_say_what_went_wrong(repositories):
    with pytest.raises(AwsError, match="git show failed: fatal"):
        git(repositories.create("owner/words"), "show", "nothing")


def test_without_a_commit_before_all_files_have_changed(repositories, work, cloud_url):
    repositories.create("owner/changed")
    first = work.commit({"a": "1", "b": "1"}, "first\n\nbody\n")
    second = work.commit({"b": "2"}, "second")
    work.git("push", "-q", f"{cloud_url}/git/owner/changed", "main")
    assert repositories.changed_paths("owner/changed", None, first) == ["a", "b"]
    assert repositories.changed_paths("owner/changed", first, second) == ["b"]
    assert repositories.message("owner/changed", first) == "first\n\nbody"
