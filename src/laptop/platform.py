"""The product on one machine: the emulator as a process, the platform applied to it, the working tree pushed to it.

Nothing here is known to the code that it drives: Terraform, git and boto3 get an AWS_ENDPOINT_URL and no more.
"""

import contextlib
import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3

from laptop.screen import Screen
from release.toolchain.install import terraform_environment

REGION = "us-east-1"
REPOSITORY = "local/moderation"
BRANCH = "main"
DATA_FORMATS = (".jsonl", ".jsonl.gz", ".csv", ".parquet")
# What the platform says of itself once it is applied completely
OUTPUTS = (
    "data_bucket",
    "state_bucket",
    "pipeline_name",
    "model_package_group_name",
    "staging_endpoint_name",
    "prod_endpoint_name",
)
TIME_SCALE = 60  # the ten minutes in which alarms watch a canary take ten seconds here


class LaptopError(Exception):
    """A step failed; the message says what was found and what to do."""


@dataclass(frozen=True)
class Laptop:
    """Where the local platform lives. Everything is below `directory`, which git ignores."""

    directory: Path = Path(".local")
    """Absolute or relative to the checkout's root, which is the current directory."""
    variables: tuple[tuple[str, object], ...] = ()
    """Terraform variables beside those that a laptop needs."""

    @property
    def emulator_root(self) -> Path:
        return self.directory / "emulator"

    @property
    def state_file(self) -> Path:
        return self.directory / "platform.tfstate"

    @property
    def platform_root(self) -> Path:
        """The Terraform that is applied: a copy of terraform/ without the settings that a user keeps there for AWS."""
        return self.directory / "platform"

    @property
    def url(self) -> str | None:
        """The running emulator's URL, or None."""
        try:
            url = json.loads((self.emulator_root / "emulator.json").read_text())["url"]
            # An opener without proxies: the address is loopback.
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"{url}/_emulator/health", timeout=5):
                return url
        except (OSError, ValueError, KeyError, urllib.error.URLError):
            return None

    @property
    def process_id(self) -> int | None:
        """Number of the running emulator's process, whether it answers or not; None where none runs."""
        try:
            found = json.loads((self.emulator_root / "emulator.json").read_text())["pid"]
        except (OSError, ValueError, KeyError):
            return None
        # The file outlives an emulator that was cut off, and then its number may be anybody's
        return found if is_emulator(found) else None

    def environment(self, url: str | None = None) -> dict[str, str]:
        """The environment of everything that talks to the emulator: no file of this user's AWS set-up is read."""
        url = url or self.url
        if url is None:
            raise LaptopError("no emulator runs here: start it with `make up`")
        environment = {k: v for k, v in terraform_environment().items() if not k.startswith("AWS_")}
        no_proxy = ",".join(filter(None, [environment.get("NO_PROXY", ""), "127.0.0.1", "localhost"]))
        return environment | aws_settings(url) | {"NO_PROXY": no_proxy, "no_proxy": no_proxy}

    def client(self, service: str):
        url = self.url
        if url is None:
            raise LaptopError("no emulator runs here: start it with `make up`")
        return boto3.client(
            service,
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 - the emulator takes any key
        )


def aws_settings(url: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def check_answers(laptop: Laptop) -> None:
    """LaptopError where an emulator runs and does not answer: it is busy, not gone, and its files are in use."""
    if laptop.url is None and (process_id := laptop.process_id):
        raise LaptopError(
            f"the emulator runs as process {process_id} and did not answer within 5 s: run the command again when the "
            "machine is less busy, or end it with `make down FORCE=1`"
        )


def start_emulator(laptop: Laptop, screen: Screen) -> str:
    """URL of the emulator, started unless it runs already. A stopped one leaves nothing worth keeping."""
    if url := laptop.url:
        screen.line(f"emulator   running at {url}")
        return url
    check_answers(laptop)
    for left_behind in (laptop.emulator_root, laptop.platform_root, laptop.directory / "terraform-platform"):
        shutil.rmtree(left_behind, ignore_errors=True)
    for state in laptop.directory.glob("platform.tfstate*"):
        state.unlink()
    laptop.emulator_root.mkdir(parents=True)
    log = laptop.emulator_root / "emulator.log"
    command = [
        sys.executable,
        "-m",
        "emulator",
        "serve",
        "--root",
        str(laptop.emulator_root),
        "--port",
        str(free_port()),
        "--time-scale",
        str(TIME_SCALE),
    ]
    with log.open("wb") as output:
        # A session of its own: it outlives this command when it is to be kept.
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            env=terraform_environment(),
            start_new_session=True,
        )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if url := laptop.url:
            write_settings(laptop, url)
            screen.line(f"emulator   {url}")
            return url
        if process.poll() is not None:
            raise LaptopError(f"the emulator ended at its start:\n{tail(log)}")
        time.sleep(0.1)
    process.kill()
    raise LaptopError(f"the emulator did not answer within 60 s; the end of {log}:\n{tail(log)}")


def write_settings(laptop: Laptop, url: str) -> None:
    """`.local/aws.env` for a shell and `.local/aws.mk` for make: how to reach the emulator."""
    settings = aws_settings(url)
    # a profile of this user is in none of the files that the settings name, and would be an error
    others = "AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN"
    shell = f"unset {others}\n" + "".join(f"export {k}={v}\n" for k, v in settings.items())
    make = f"unexport {others}\n" + "".join(f"export {k} := {v}\n" for k, v in settings.items())
    (laptop.directory / "aws.env").write_text(shell)
    (laptop.directory / "aws.mk").write_text(make)


def stop_emulator(laptop: Laptop) -> None:
    """Ends the emulator and all that it started."""
    for settings in ("aws.env", "aws.mk"):
        (laptop.directory / settings).unlink(missing_ok=True)
    process_id = laptop.process_id
    if process_id is None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(process_id, signal.SIGTERM)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and is_running(process_id):
        time.sleep(0.1)
    if is_running(process_id):
        os.kill(process_id, signal.SIGKILL)
    (laptop.emulator_root / "emulator.json").unlink(missing_ok=True)


def is_emulator(process_id: int) -> bool:
    """True where the process with this number is one that start_emulator starts."""
    if Path("/proc/self/cmdline").exists():
        with contextlib.suppress(FileNotFoundError):
            return b"\0emulator\0serve\0" in Path(f"/proc/{process_id}/cmdline").read_bytes()
        return False
    # macOS
    listed = subprocess.run(["ps", "-o", "command=", "-p", str(process_id)], capture_output=True, text=True)
    return " emulator serve " in listed.stdout


def is_running(process_id: int) -> bool:
    """False also for a child of ours that has ended and waits to be reaped."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process_id, os.WNOHANG)
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tail(path: Path, lines: int = 20) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def terraform(laptop: Laptop, *arguments: str, **options) -> subprocess.CompletedProcess:
    """Runs terraform on the platform root with the laptop's state; returns it finished, output captured."""
    return subprocess.run(
        terraform_command(laptop, *arguments), env=terraform_settings(laptop), capture_output=True, text=True, **options
    )


def terraform_command(laptop: Laptop, *arguments: str) -> list[str]:
    return ["terraform", f"-chdir={laptop.platform_root}", *arguments]


def copy_terraform(source: Path, copy: Path) -> None:
    """A fresh copy of `source` without what Terraform would load unasked: a user's variables, backend and overrides."""
    loaded_unasked = ("*.tfvars", "*.tfvars.json", "backend*.tf", "*override.tf", "*override.tf.json", ".terraform")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns(*loaded_unasked))


def terraform_settings(laptop: Laptop) -> dict[str, str]:
    return laptop.environment() | {
        "TF_DATA_DIR": str((laptop.directory / "terraform-platform").resolve()),
        "TF_IN_AUTOMATION": "true",
        "TF_INPUT": "0",
    }


def variable_arguments(laptop: Laptop) -> list[str]:
    """`-state` and `-var-file` arguments for apply, plan and destroy."""
    path = (laptop.directory / "platform.tfvars.json").resolve()
    values = {"repository": REPOSITORY, "branch": BRANCH, "force_destroy": True} | dict(laptop.variables)
    path.write_text(json.dumps(values, indent=2))
    return [f"-state={laptop.state_file.resolve()}", f"-var-file={path}"]


def apply_platform(laptop: Laptop, screen: Screen) -> float:
    """`terraform init` and `apply`; returns the seconds of the apply."""
    copy_terraform(Path("terraform"), laptop.platform_root)
    done = terraform(laptop, "init", "-input=false", "-no-color")
    if done.returncode:
        raise LaptopError(f"terraform init failed:\n{done.stderr or done.stdout}")
    started = time.monotonic()
    count = 0
    for count, moment in enumerate(run_terraform_json(laptop, "apply", "-auto-approve"), start=1):
        screen.moving(f"terraform  {count} resources applied, now {moment}")
    seconds = time.monotonic() - started
    screen.line(f"terraform  {count} resources applied in {seconds:.0f} s")
    return seconds


def destroy_endpoints(laptop: Laptop, screen: Screen) -> None:
    """What the pipeline released: the endpoints of both environments and the registry's entries."""
    outputs = read_outputs(laptop)
    if missing_outputs(outputs):
        screen.line("terraform  the platform was never applied completely: there can be no endpoint")
        return
    command = [sys.executable, "-m", "release", "teardown", "--state-bucket", outputs["state_bucket"]]
    command += ["--model-package-group", outputs["model_package_group_name"]]
    screen.moving("terraform  destroying the endpoints")
    done = subprocess.run(command, env=laptop.environment(), capture_output=True, text=True)
    if done.returncode:
        raise LaptopError(f"the endpoints could not be destroyed:\n{done.stdout}{done.stderr}")
    screen.line("terraform  endpoints destroyed")


def destroy_platform(laptop: Laptop, screen: Screen) -> None:
    """`terraform destroy`, then the proof that the state names nothing any more."""
    count = 0
    for count, moment in enumerate(run_terraform_json(laptop, "destroy", "-auto-approve"), start=1):
        screen.moving(f"terraform  {count} resources destroyed, now {moment}")
    left = terraform(laptop, "state", "list", f"-state={laptop.state_file.resolve()}").stdout.split()
    if left:
        raise LaptopError(f"terraform destroy left {len(left)} resources: {', '.join(left)}")
    screen.line(f"terraform  {count} resources destroyed, none left")


def run_terraform_json(laptop: Laptop, command: str, *arguments: str) -> Iterator[str]:
    """Yields the address of each resource as it is done; raises LaptopError with Terraform's own diagnostics."""
    log = laptop.directory / f"terraform-{command}.log"
    process = subprocess.Popen(
        terraform_command(laptop, command, "-json", "-input=false", *arguments, *variable_arguments(laptop)),
        env=terraform_settings(laptop),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    problems = []
    try:
        with log.open("w") as output:
            for line in process.stdout:
                output.write(line)
                try:
                    event = json.loads(line)
                except ValueError:
                    problems.append(line.rstrip())
                    continue
                if event.get("type") == "apply_complete" and event["hook"]["action"] != "read":
                    yield event["hook"]["resource"]["addr"]
                elif event.get("type") == "diagnostic" and event["@level"] == "error":
                    problems.append(describe_diagnostic(event["diagnostic"]))
    finally:
        if process.poll() is None and sys.exc_info()[0] is not None:
            process.terminate()
        process.wait()
    if process.returncode:
        raise LaptopError(f"terraform {command} failed (all of it: {log}):\n" + "\n".join(problems))


def describe_diagnostic(diagnostic: dict) -> str:
    place = diagnostic.get("range", {})
    where = f" ({place['filename']}:{place['start']['line']})" if place else ""
    address = f"{diagnostic['address']}: " if diagnostic.get("address") else ""
    return f"- {address}{diagnostic['summary']}{where}\n  {diagnostic.get('detail', '')}".rstrip()


def read_outputs(laptop: Laptop) -> dict[str, object]:
    done = terraform(laptop, "output", "-json", f"-state={laptop.state_file.resolve()}")
    if done.returncode:
        raise LaptopError(f"terraform output failed:\n{done.stderr}")
    return {name: output["value"] for name, output in json.loads(done.stdout).items()}


def missing_outputs(outputs: dict[str, object]) -> list[str]:
    return [name for name in OUTPUTS if name not in outputs]


def platform_outputs(laptop: Laptop) -> dict[str, object]:
    """What the platform says of itself; LaptopError where it is not applied completely."""
    outputs = read_outputs(laptop)
    if missing := missing_outputs(outputs):
        raise LaptopError(
            f"the platform is not applied completely ({', '.join(missing)} missing): `make up` applies the rest, "
            "`make down` takes down what is there"
        )
    return outputs


def upload_data(laptop: Laptop, bucket: str, data: Path | None) -> None:
    """Makes `data` the only raw data of the platform; None leaves the demonstration set."""
    s3 = laptop.client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="raw/"):
        for stored in page.get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=stored["Key"])
    if data is not None:
        s3.upload_file(str(data), bucket, f"raw/{data.name}")


def check_data_file(data: Path) -> Path:
    """The path, when something can be read from it; says what is wrong before anything is started."""
    if not data.is_file():
        raise LaptopError(f"DATA={data}: there is no such file; give a path to one of {', '.join(DATA_FORMATS)}")
    if not data.name.endswith(DATA_FORMATS):
        raise LaptopError(f"DATA={data}: the name ends with none of {', '.join(DATA_FORMATS)}; rename or convert it")
    if data.name.endswith(".gz"):
        try:
            with gzip.open(data) as stream:
                stream.read(1)
        except (OSError, EOFError) as error:
            raise LaptopError(f"DATA={data}: not a gzip file ({error}); compress it anew") from error
    return data


def snapshot_commit(laptop: Laptop) -> tuple[str, bool]:
    """(commit, is_snapshot): HEAD when the working tree is clean, else a commit of the tree as it is.

    Neither the user's index, branches nor HEAD are touched; a tree that is no git checkout gets a repository of its
    own below `.local/`.
    """
    environment = dict(os.environ)
    for role in ("AUTHOR", "COMMITTER"):
        environment.setdefault(f"GIT_{role}_NAME", "local")
        environment.setdefault(f"GIT_{role}_EMAIL", "local@localhost")
    if subprocess.run(["git", "rev-parse", "--verify", "-q", "HEAD"], capture_output=True).returncode:
        repository = (laptop.directory / "snapshot.git").resolve()
        environment |= {"GIT_DIR": str(repository), "GIT_WORK_TREE": str(Path.cwd())}
        git(environment, "init", "-q")
        parents = []
    elif not git(environment, "status", "--porcelain"):
        return git(environment, "rev-parse", "HEAD"), False
    else:
        parents = ["-p", "HEAD"]
    with_index = environment | {"GIT_INDEX_FILE": str((laptop.directory / "snapshot.index").resolve())}
    git(with_index, "add", "--all", ".")
    tree = git(with_index, "write-tree")
    return git(environment, "commit-tree", tree, *parents, "-m", "Working tree as it is"), True


def git(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise LaptopError(f"git {' '.join(arguments)} failed:\n{done.stderr.strip()}")
    return done.stdout.strip()


def push(laptop: Laptop, pipeline: str, screen: Screen) -> tuple[str, str]:
    """Pushes the working tree as it is; returns (commit, pipeline execution id)."""
    commit, is_snapshot = snapshot_commit(laptop)
    if is_snapshot:
        screen.line("git push   the working tree has uncommitted changes: pushing a snapshot of it")
    remote = f"{laptop.url}/git/{REPOSITORY}"
    environment = laptop.environment() | {"GIT_TERMINAL_PROMPT": "0"}
    snapshot = laptop.directory / "snapshot.git"
    if snapshot.is_dir() and subprocess.run(["git", "cat-file", "-e", commit], capture_output=True).returncode:
        environment["GIT_DIR"] = str(snapshot.resolve())
    codepipeline = laptop.client("codepipeline")
    known = {e["pipelineExecutionId"] for e in executions(codepipeline, pipeline)}
    live = git(environment, "ls-remote", remote, f"refs/heads/{BRANCH}").split()
    if live[:1] == [commit]:
        screen.line(f"git push   {commit[:8]} is there already: starting the pipeline again")
        return commit, codepipeline.start_pipeline_execution(name=pipeline)["pipelineExecutionId"]
    git(environment, "push", "--quiet", "--force", remote, f"{commit}:refs/heads/{BRANCH}")
    screen.line(f"git push   {commit[:8]} to {remote}")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for execution in executions(codepipeline, pipeline):
            if execution["pipelineExecutionId"] not in known:
                return commit, execution["pipelineExecutionId"]
        time.sleep(0.2)
    raise LaptopError(
        f"the push of {commit[:8]} started no execution of {pipeline} within 30 s: are all changed files in docs/ or "
        "*.md? They do not trigger the pipeline; start it with `make push` a second time."
    )


def executions(codepipeline, pipeline: str) -> list[dict]:
    return codepipeline.list_pipeline_executions(pipelineName=pipeline)["pipelineExecutionSummaries"]
