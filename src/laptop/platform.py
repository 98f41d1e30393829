"""The platform on this machine: Terraform applied to the emulator, asked for its outputs, destroyed."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from laptop.machine import BRANCH, REPOSITORY, Laptop, LaptopError, copy_terraform
from laptop.screen import Screen
from release.toolchain import terraform as toolchain

# What the platform says of itself once it is applied completely
OUTPUTS = (
    "data_bucket",
    "state_bucket",
    "pipeline_name",
    "model_package_group_name",
    "staging_endpoint_name",
    "prod_endpoint_name",
)


@dataclass(frozen=True)
class Event:
    """What a line of `terraform -json` says."""

    resource: str = ""
    """Address of a resource that is done; otherwise empty."""
    problem: str = ""
    """An error, or a line that is no JSON; otherwise empty."""


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


def platform_outputs(laptop: Laptop) -> dict[str, str]:
    """What the platform says of itself; LaptopError where it is not applied completely."""
    outputs = read_outputs(laptop)
    if missing := missing_outputs(outputs):
        raise LaptopError(
            f"the platform is not applied completely ({', '.join(missing)} missing): `make up` applies the rest, "
            "`make down` takes down what is there"
        )
    return {name: outputs[name] for name in OUTPUTS}


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


def read_outputs(laptop: Laptop) -> dict[str, Any]:
    """Terraform's outputs, as far as the platform is applied."""
    done = terraform(laptop, "output", "-json", f"-state={laptop.state_file.resolve()}")
    if done.returncode:
        raise LaptopError(f"terraform output failed:\n{done.stderr}")
    return {name: output["value"] for name, output in json.loads(done.stdout).items()}


def missing_outputs(outputs: dict[str, Any]) -> list[str]:
    """What a platform that is applied completely would say besides."""
    return [name for name in OUTPUTS if name not in outputs]


def terraform(laptop: Laptop, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs terraform on the platform root with the laptop's settings; returns it finished, output captured."""
    command = toolchain.terraform_command(laptop.platform_root, arguments)
    return subprocess.run(command, env=terraform_settings(laptop), capture_output=True, text=True)


def terraform_settings(laptop: Laptop) -> dict[str, str]:
    """The environment of terraform commands on the platform root."""
    data_directory = (laptop.directory / "terraform-platform").resolve()
    return toolchain.terraform_settings(data_directory, laptop.environment())


def variable_arguments(laptop: Laptop) -> list[str]:
    """`-state` and `-var-file` arguments for apply, plan and destroy."""
    path = (laptop.directory / "platform.tfvars.json").resolve()
    values = {"repository": REPOSITORY, "branch": BRANCH, "force_destroy": True} | dict(laptop.variables)
    path.write_text(json.dumps(values, indent=2))
    return [f"-state={laptop.state_file.resolve()}", f"-var-file={path}"]


def run_terraform_json(laptop: Laptop, command: str, *arguments: str) -> Iterator[str]:
    """Yields the address of each resource as it is done; raises LaptopError with Terraform's own diagnostics."""
    log = laptop.directory / f"terraform-{command}.log"
    options = ["-json", "-input=false", *arguments, *variable_arguments(laptop)]
    process = toolchain.start_terraform(
        toolchain.terraform_command(laptop.platform_root, [command, *options]), terraform_settings(laptop)
    )
    problems = []
    try:
        with log.open("w") as output:
            for line in toolchain.output_lines(process):
                output.write(f"{line}\n")
                event = read_event(line)
                if event.problem:
                    problems.append(event.problem)
                if event.resource:
                    yield event.resource
    finally:
        if process.poll() is None and sys.exc_info()[0] is not None:
            process.terminate()
        process.wait()

    if process.returncode:
        raise LaptopError(f"terraform {command} failed (all of it: {log}):\n" + "\n".join(problems))


def read_event(line: str) -> Event:
    """What matters of one line of `terraform -json`. A pure function."""
    try:
        event = json.loads(line)
    except ValueError:
        return Event(problem=line)
    if event.get("type") == "apply_complete" and event["hook"]["action"] != "read":
        return Event(resource=event["hook"]["resource"]["addr"])
    if event.get("type") == "diagnostic" and event["@level"] == "error":
        return Event(problem=describe_diagnostic(event["diagnostic"]))
    return Event()


def describe_diagnostic(diagnostic: dict[str, Any]) -> str:
    """An error of Terraform's in two lines: what, of which resource, in which file; and why."""
    place = diagnostic.get("range", {})
    where = f" ({place['filename']}:{place['start']['line']})" if place else ""
    address = f"{diagnostic['address']}: " if diagnostic.get("address") else ""
    return f"- {address}{diagnostic['summary']}{where}\n  {diagnostic.get('detail', '')}".rstrip()
