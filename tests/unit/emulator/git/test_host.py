"""Pushing to and cloning from the emulated git hosts, with the real git."""

import zipfile

import pytest

from emulator.git.host import repository_of


def test_a_push_tells_the_pipelines_what_changed(repositories, cloud_url, work, watcher):
    repositories.create("owner/told")
    first = work.commit({"a.txt": "1", "docs/x.md": "x"}, "first\n\nbody")
    work.git("push", "-q", f"{cloud_url}/git/owner/told", "main")
    second = work.commit({"a.txt": "2"}, "second")
    work.git("push", "-q", f"{cloud_url}/git/owner/told.git", "main")
    assert watcher.told == [
        ("owner/told", "main", first, "first\n\nbody", ["a.txt", "docs/x.md"]),
        ("owner/told", "main", second, "second", ["a.txt"]),
    ]


def test_a_shallow_clone_can_be_pushed(repositories, cloud_url, work, tmp_path, watcher):
    repositories.create("owner/shallow")
    for text in ("1", "2"):
        work.commit({"a.txt": text, "b.txt": "b"}, text)
    clone = work.clone(f"file://{work.directory}", tmp_path / "clone", "--depth", "1")
    clone.git("push", "-q", f"{cloud_url}/git/owner/shallow", "main")
    clone.commit({"a.txt": "3"}, "3")
    clone.git("push", "-q", f"{cloud_url}/git/owner/shallow", "main")
    assert [(told[3], told[4]) for told in watcher.told] == [("2", ["a.txt", "b.txt"]), ("3", ["a.txt"])]


def test_a_push_that_changes_nothing_tells_nobody(repositories, cloud_url, work, watcher):
    repositories.create("owner/same")
    work.commit({"a": "1"}, "first")
    for _ in range(2):
        work.git("push", "-q", f"{cloud_url}/git/owner/same", "main")
    assert len(watcher.told) == 1


def test_a_large_push_and_a_clone_carry_every_byte(repositories, cloud_url, work, tmp_path):
    repositories.create("owner/large")
    noise = bytes(range(256)) * 8000
    (work.directory / "noise.bin").write_bytes(noise + zipfile.ZIP_DEFLATED.to_bytes(2, "big"))
    work.commit({}, "large")
    work.git("-c", "http.postBuffer=65536", "push", "-q", f"{cloud_url}/git/owner/large", "main")
    work.clone(f"{cloud_url}/git/owner/large", tmp_path / "copy")
    assert (tmp_path / "copy" / "noise.bin").read_bytes() == (work.directory / "noise.bin").read_bytes()


def test_a_push_to_a_repository_that_nobody_names_is_refused(cloud_url, work):
    work.commit({"a": "1"}, "first")
    done = work.git("push", f"{cloud_url}/git/owner/unknown", "main", check=False)
    assert done.returncode != 0
    assert "There is no repository owner/unknown" in done.stderr


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/git/owner/name/info/refs", ("owner/name", "/info/refs")),
        ("/git/owner/name.git/git-receive-pack", ("owner/name", "/git-receive-pack")),
        ("/v1/repos/name/HEAD", ("codecommit/name", "/HEAD")),
        ("/git/owner/name", None),
        ("/bucket/info/refs", None),
    ],
)
def test_a_git_address_names_its_repository(path, found):
    assert repository_of(path) == found
