"""Zip archives: what goes in comes out, and nothing outside of the directory."""

import os
import zipfile

import pytest

from emulator.codebuild.archives import pack, unpack


def test_modes_and_links_survive(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "run.sh").write_text("#!/bin/sh\n")
    (source / "run.sh").chmod(0o755)
    (source / "link").symlink_to("run.sh")
    pack({"bin/run.sh": source / "run.sh", "bin/link": source / "link"}, tmp_path / "a.zip")
    assert unpack(tmp_path / "a.zip", tmp_path / "target") == 2
    assert os.access(tmp_path / "target/bin/run.sh", os.X_OK)
    assert (tmp_path / "target/bin/link").readlink().as_posix() == "run.sh"


@pytest.mark.parametrize("name", ["../outside", "/outside", "a/../../outside"])
def test_an_archive_never_writes_outside_of_its_directory(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, "x")
    with pytest.raises(ValueError, match="outside of the archive"):
        unpack(tmp_path / "a.zip", tmp_path / "target")
    assert not list(tmp_path.rglob("outside"))


def test_a_link_never_leads_outside(tmp_path):
    (tmp_path / "link").symlink_to("../secret")
    pack({"link": tmp_path / "link"}, tmp_path / "a.zip")
    with pytest.raises(ValueError, match="leads outside"):
        unpack(tmp_path / "a.zip", tmp_path / "target")


def test_what_is_no_zip_says_so(tmp_path):
    (tmp_path / "a.zip").write_text("no")
    with pytest.raises(ValueError, match=r"a\.zip is not a zip archive"):
        unpack(tmp_path / "a.zip", tmp_path / "target")
