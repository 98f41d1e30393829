"""Pushing to and cloning from the emulated git hosts, with the real git."""

import subprocess
import zipfile

import pytest
from botocore.exceptions import ClientError

from emulator.core.errors import AwsError
from emulator.git.repositories import Repositories, environment


def git(where, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
    identity = {
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@x",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@x",
    }
    done = subprocess.run(
        ["git", *arguments], cwd=where, env=environment() | identity, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 or not check, done.stderr
    return done


def commit(where, files: dict[str, str], message: str) -> str:
    for name, text in files.items():
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        (where / name).write_text(text)
    git(where, "add", ".")
    git(where, "commit", "-q", "-m", message)
    return git(where, "rev-parse", "HEAD").stdout.strip()


@pytest.fixture
def repositories(cloud):
    return Repositories(cloud)


@pytest.fixture
def work(tmp_path):
    git(tmp_path, "init", "-q", "-b", "main", "work")
    return tmp_path / "work"


class Watcher:
    """Stands for the pipelines: remembers what it was told."""

    def __init__(self):
        self.told = []

    def source_changed(self, *what):
        self.told.append(what)


@pytest.fixture
def watcher(cloud, monkeypatch):
    found = Watcher()
    monkeypatch.setitem(cloud.services, "codepipeline", found)
    return found


def test_a_push_tells_the_pipelines_what_changed(repositories, cloud_url, work, watcher):
    repositories.create("owner/told")
    first = commit(work, {"a.txt": "1", "docs/x.md": "x"}, "first\n\nbody")
    git(work, "push", "-q", f"{cloud_url}/git/owner/told", "main")
    second = commit(work, {"a.txt": "2"}, "second")
    git(work, "push", "-q", f"{cloud_url}/git/owner/told.git", "main")
    assert watcher.told == [
        ("owner/told", "main", first, "first\n\nbody", ["a.txt", "docs/x.md"]),
        ("owner/told", "main", second, "second", ["a.txt"]),
    ]


def test_a_shallow_clone_can_be_pushed(repositories, cloud_url, work, tmp_path, watcher):
    repositories.create("owner/shallow")
    for text in ("1", "2"):
        commit(work, {"a.txt": text, "b.txt": "b"}, text)
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{work}", "clone")
    git(tmp_path / "clone", "push", "-q", f"{cloud_url}/git/owner/shallow", "main")
    commit(tmp_path / "clone", {"a.txt": "3"}, "3")
    git(tmp_path / "clone", "push", "-q", f"{cloud_url}/git/owner/shallow", "main")
    assert [(told[3], told[4]) for told in watcher.told] == [("2", ["a.txt", "b.txt"]), ("3", ["a.txt"])]


def test_a_push_that_changes_nothing_tells_nobody(repositories, cloud_url, work, watcher):
    repositories.create("owner/same")
    commit(work, {"a": "1"}, "first")
    for _ in range(2):
        git(work, "push", "-q", f"{cloud_url}/git/owner/same", "main")
    assert len(watcher.told) == 1


def test_a_large_push_and_a_clone_carry_every_byte(repositories, cloud_url, work, tmp_path):
    repositories.create("owner/large")
    noise = bytes(range(256)) * 8000
    (work / "noise.bin").write_bytes(noise + zipfile.ZIP_DEFLATED.to_bytes(2, "big"))
    commit(work, {}, "large")
    git(work, "-c", "http.postBuffer=65536", "push", "-q", f"{cloud_url}/git/owner/large", "main")
    git(tmp_path, "clone", "-q", f"{cloud_url}/git/owner/large", "copy")
    assert (tmp_path / "copy" / "noise.bin").read_bytes() == (work / "noise.bin").read_bytes()


def test_a_push_to_a_repository_that_nobody_names_is_refused(cloud_url, work):
    commit(work, {"a": "1"}, "first")
    done = git(work, "push", f"{cloud_url}/git/owner/unknown", "main", check=False)
    assert done.returncode != 0
    assert "There is no repository owner/unknown" in done.stderr


def test_an_archive_holds_the_files_of_that_commit(repositories, cloud_url, work, tmp_path):
    repositories.create("owner/archive")
    first = commit(work, {"a.txt": "1"}, "first")
    commit(work, {"a.txt": "2"}, "second")
    git(work, "push", "-q", f"{cloud_url}/git/owner/archive", "main")
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


def test_codecommit_repositories_are_pushed_to_at_their_clone_url(aws, work, watcher):
    codecommit = aws("codecommit")
    made = codecommit.create_repository(repositoryName="cc", repositoryDescription="d", tags={"k": "v"})
    assert "defaultBranch" not in made["repositoryMetadata"]
    tip = commit(work, {"a": "1"}, "first")
    git(work, "push", "-q", made["repositoryMetadata"]["cloneUrlHttp"], "main")
    assert codecommit.get_branch(repositoryName="cc", branchName="main")["branch"]["commitId"] == tip
    assert codecommit.get_repository(repositoryName="cc")["repositoryMetadata"]["defaultBranch"] == "main"
    read = codecommit.get_commit(repositoryName="cc", commitId=tip)["commit"]
    assert (read["message"], read["parents"], read["author"]["name"]) == ("first\n", [], "A")
    assert watcher.told[0][:3] == ("cc", "main", tip)
    assert codecommit.list_tags_for_resource(resourceArn=made["repositoryMetadata"]["Arn"])["tags"] == {"k": "v"}


def test_codecommit_refuses_what_does_not_exist(aws):
    codecommit = aws("codecommit")
    with pytest.raises(ClientError, match="RepositoryDoesNotExistException"):
        codecommit.get_repository(repositoryName="none")
    codecommit.create_repository(repositoryName="gone")
    with pytest.raises(ClientError, match="RepositoryNameExistsException"):
        codecommit.create_repository(repositoryName="gone")
    codecommit.delete_repository(repositoryName="gone")
    assert "gone" not in [one["repositoryName"] for one in codecommit.list_repositories()["repositories"]]


@pytest.mark.parametrize("service", ["codeconnections", "codestar-connections"])
def test_a_connection_is_available_until_it_is_deleted(aws, service):
    client = aws(service)
    arn = client.create_connection(ConnectionName="c", ProviderType="GitLab", Tags=[{"Key": "k", "Value": "v"}])[
        "ConnectionArn"
    ]
    assert arn.startswith(f"arn:aws:{service}:us-east-1:123456789012:connection/")
    assert client.get_connection(ConnectionArn=arn)["Connection"]["ConnectionStatus"] == "AVAILABLE"
    assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    client.delete_connection(ConnectionArn=arn)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.get_connection(ConnectionArn=arn)
