"""Git over HTTP: `git http-backend` behind /git/<owner>/<name> and CodeCommit's /v1/repos/<name>."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request

from emulator.core.errors import AwsError
from emulator.core.protocol import Answer
from emulator.git.repositories import CODECOMMIT_OWNER, Repositories, environment

if TYPE_CHECKING:
    from emulator.core.cloud import Cloud

_CODECOMMIT_PREFIX = "/v1/repos/"
_SERVICES = ("/info/refs", "/git-upload-pack", "/git-receive-pack", "/HEAD", "/objects/")


def repository_of(path: str) -> tuple[str, str] | None:
    """("<owner>/<name>", rest of the path) of a git URL, or None where the path is none of ours."""
    if path.startswith("/git/"):
        path, prefix = path.removeprefix("/git/"), ""
    elif path.startswith(_CODECOMMIT_PREFIX):
        path, prefix = path.removeprefix(_CODECOMMIT_PREFIX), f"{CODECOMMIT_OWNER}/"
    else:
        return None
    ends = [path.find(service) for service in _SERVICES if service in path]
    if not ends:
        return None
    name, rest = path[: min(ends)], path[min(ends) :]
    return prefix + name.removesuffix(".git"), rest


def serve_git(cloud: Cloud, request: Request, body: bytes, repository: str, rest: str) -> Answer:
    """Answer one request of git's smart HTTP protocol; after a push the pipelines that watch the branch start."""
    git = Repositories(cloud)
    try:
        path = git.path(repository)
        if not git.exists(repository):
            if not _a_pipeline_names(cloud, repository):
                return _plain(
                    404,
                    f"There is no repository {repository}, and no pipeline has it as its source. Apply the Terraform "
                    "whose pipeline names it, or create the CodeCommit repository, then push again.",
                )
            git.create(repository)
    except AwsError as error:
        return _plain(400, error.message)

    before = git.branches(repository)
    answer = _http_backend(git, request, body, path, rest)
    if rest == "/git-receive-pack" and request.method == "POST":
        _announce(cloud, git, repository, before)
    return answer


def _http_backend(git: Repositories, request: Request, body: bytes, path, rest: str) -> Answer:
    variables = environment() | {
        "GIT_PROJECT_ROOT": str(git.root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{path.relative_to(git.root)}{rest}",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.query_string.decode(),
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_USER": "emulator",
        "REMOTE_ADDR": "127.0.0.1",
    }
    for header, variable in (("Content-Encoding", "HTTP_CONTENT_ENCODING"), ("Git-Protocol", "GIT_PROTOCOL")):
        if header in request.headers:
            variables[variable] = request.headers[header]

    done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, env=variables, check=False)
    head, separator, content = done.stdout.partition(b"\r\n\r\n")
    if not separator:
        return _plain(500, f"git http-backend failed: {done.stderr.decode('utf-8', 'replace').strip()}")
    headers = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n"))
    status = int(headers.pop("Status", "200").split(" ")[0])
    return Answer(status, headers, content)


def _plain(status: int, text: str) -> Answer:
    return Answer(status, {"Content-Type": "text/plain; charset=utf-8"}, (text + "\n").encode())


def _a_pipeline_names(cloud: Cloud, repository: str) -> bool:
    if "codepipeline" not in cloud.services:
        return False
    codepipeline = cloud.client("codepipeline")
    for page in codepipeline.get_paginator("list_pipelines").paginate():
        for summary in page["pipelines"]:
            pipeline = codepipeline.get_pipeline(name=summary["name"])["pipeline"]
            for action in pipeline["stages"][0]["actions"]:
                if action.get("configuration", {}).get("FullRepositoryId") == repository:
                    return True
    return False


def _announce(cloud: Cloud, git: Repositories, repository: str, before: dict[str, str]) -> None:
    pipelines = cloud.services.get("codepipeline")
    for branch, commit in git.branches(repository).items():
        if pipelines is None or commit == before.get(branch):
            continue
        changed = git.changed_paths(repository, before.get(branch), commit)
        name = repository.removeprefix(f"{CODECOMMIT_OWNER}/")
        pipelines.source_changed(name, branch, commit, git.message(repository, commit), changed)
