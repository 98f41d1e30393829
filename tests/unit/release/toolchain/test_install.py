import hashlib

import pytest

from release.toolchain import install
from release.toolchain.install import MissingTool


def test_a_download_with_the_wrong_digest_is_refused():
    with pytest.raises(MissingTool, match="expected 0000"):
        install.verified(b"altered", "0000", "terraform.zip")


def test_a_download_with_the_right_digest_passes_unchanged():
    content = b"as published"
    assert install.verified(content, hashlib.sha256(content).hexdigest(), "terraform.zip") == content


def test_terraform_does_not_see_a_configuration_file_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "absent"))
    assert "TF_CLI_CONFIG_FILE" not in install.terraform_environment()
    (tmp_path / "present").touch()
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "present"))
    assert "TF_CLI_CONFIG_FILE" in install.terraform_environment()


@pytest.mark.parametrize("version", [(3, 9, 0), (3, 11, 2), (3, 14, 0)])
def test_an_unsupported_python_is_named_with_the_way_out(monkeypatch, version):
    monkeypatch.setattr(install.sys, "version_info", version)
    with pytest.raises(MissingTool, match=rf"this is Python {install.dotted(version)}.*make PYTHON3=python3\.13"):
        install.check_python()


@pytest.mark.parametrize("version", [(3, 11, 4), (3, 12, 0), (3, 13, 9)])
def test_a_supported_python_passes(monkeypatch, version):
    monkeypatch.setattr(install.sys, "version_info", version)
    install.check_python()


@pytest.mark.parametrize(("what", "installed"), [("terraform", ["terraform"]), ("tools", ["terraform", "checkov"])])
def test_a_build_gets_the_tools_it_asks_for_and_no_others(monkeypatch, tmp_path, what, installed):
    calls = []
    monkeypatch.setattr(install, "install_terraform", lambda binaries: calls.append("terraform"))
    monkeypatch.setattr(install, "install_checkov", lambda binaries, environment: calls.append("checkov"))
    assert install.main([what, "--directory", str(tmp_path)]) == 0
    assert calls == installed


@pytest.mark.parametrize(
    ("errors", "remedy"),
    [
        (
            "error: command 'gcc' failed: No such file or directory\nERROR: Failed building wheel for x",
            "gcc python3-dev",
        ),
        ("x.c:3:10: fatal error: Python.h: No such file or directory\n", "gcc python3-dev"),
        ("ERROR: Could not install packages: [Errno 28] No space left on device", "room on the disk"),
        ("ERROR: No matching distribution found for torch==2.6.0", "connection to the package index"),
    ],
)
def test_a_failed_installation_is_told_with_the_remedy_for_its_cause(errors, remedy):
    assert remedy in install.pip_remedy(errors)


def test_an_environment_that_cannot_be_made_leaves_nothing_that_the_next_run_would_trust(tmp_path, monkeypatch):
    python = tmp_path / "python"  # as on Debian without python3-venv: the interpreter is there, pip is not
    python.write_text(
        f'#!/bin/sh\nmkdir -p "{tmp_path}/venv/bin"; touch "{tmp_path}/venv/bin/python"\n'
        "echo 'ensurepip is not available'; exit 1\n"
    )
    python.chmod(0o755)
    monkeypatch.setattr(install.sys, "executable", str(python))
    with pytest.raises(MissingTool, match=r"ensurepip is not available.*python3-venv"):
        install.install_packages(tmp_path / "venv")
    assert not (tmp_path / "venv").exists()


def test_an_environment_without_pip_is_made_anew(tmp_path, monkeypatch):
    (tmp_path / "venv/bin").mkdir(parents=True)
    (tmp_path / "venv/bin/python").touch()
    made = []
    monkeypatch.setattr(install, "make_environment", made.append)
    install.install_packages(tmp_path / "venv")
    assert made == [tmp_path / "venv"]
