"""Which files an artifact holds."""

from pathlib import Path

import pytest

from emulator.codebuild.artifacts import Artifacts, matching_files
from emulator.codebuild.buildspec import Artifact, Buildspec
from emulator.codebuild.log import BuildLog
from emulator.codebuild.record import FAILED, SUCCEEDED, PhaseEnd
from emulator.codebuild.settings import Target


@pytest.fixture
def tree(tmp_path) -> Path:
    for name in ("out/a.txt", "out/deep/b.txt", "out/deep/c.log", "d.txt", "out/.hidden"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    ("artifact", "names"),
    [
        (Artifact(("**/*",), "out"), [".hidden", "a.txt", "deep/b.txt", "deep/c.log"]),
        (Artifact(("**/*.txt",), "out", discard_paths=True), ["a.txt", "b.txt"]),
        (Artifact(("**/*",), "out", exclude_paths=("**/*.log", ".hidden")), ["a.txt", "deep/b.txt"]),
        (Artifact(("d.txt", "out/deep/*")), ["d.txt", "out/deep/b.txt", "out/deep/c.log"]),
        (Artifact(("absent",)), []),
    ],
)
def test_artifact_patterns_select_files(tree, artifact, names):
    assert sorted(matching_files(artifact, tree)) == names


def test_an_absolute_artifact_path_is_refused(tree):
    with pytest.raises(ValueError, match="is absolute"):
        matching_files(Artifact(("/etc/passwd",)), tree)


class Uploads(list):
    """Stands for S3: remembers (bucket, key) of what was uploaded."""

    def upload_file(self, path, bucket, key, ExtraArgs):
        self.append((bucket, key))


@pytest.fixture
def uploads():
    return Uploads()


@pytest.fixture
def artifacts(uploads, tree, tmp_path):
    (tmp_path / "scratch").mkdir()
    return Artifacts(lambda service: uploads, tree, tmp_path / "scratch", BuildLog())


def target(identifier: str | None = None, packaging: str = "NONE", **members) -> Target:
    return Target(identifier, "b", "/path/", "name", packaging, **members)


def test_files_go_by_their_names_or_as_one_archive(artifacts, uploads):
    spec = Buildspec(artifacts=Artifact(("*.txt",), "out", name="own"))
    artifacts.upload((target(),), spec, SUCCEEDED)
    artifacts.upload((target(packaging="ZIP", name_from_buildspec=True),), spec, SUCCEEDED)
    assert uploads == [("b", "path/name/a.txt"), ("b", "path/own")]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (Buildspec(), "no definition of the secondary artifacts extra"),
        (Buildspec(secondary_artifacts={"extra": Artifact(("absent",))}), "no matching artifact paths found"),
    ],
)
def test_what_is_missing_fails_a_build_that_succeeded_and_no_other(artifacts, uploads, spec, said):
    with pytest.raises(PhaseEnd, match=said):
        artifacts.upload((target("extra"),), spec, SUCCEEDED)
    artifacts.upload((target("extra"),), spec, FAILED)
    assert uploads == []
