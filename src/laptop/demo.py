"""`make demo`: from git push to an answer of the prod endpoint on this machine; the record is .local/demo.json."""

import argparse
import json
import sys
from pathlib import Path

from laptop import machine as local
from laptop.follow import follow
from laptop.machine import Laptop, LaptopError
from laptop.screen import Screen
from release.aws.logs import last_log_lines
from release.operate import operator
from release.operate.progress import Stage, entry_refusal, outputs_of
from release.stages import smoke

STAGES = ("Source", "Check", "Prepare", "Train", "Evaluate", "Staging", "Approve", "Prod")
SAMPLE_TEXT = "You are a complete idiot, and if you post here again I will find you."


def run(laptop: Laptop, screen: Screen, data: Path | None, approve: bool | None, show_logs: bool) -> dict:
    """The main job; returns the record that `make demo` writes. Raises LaptopError when a stage fails."""
    if data is not None:
        local.check_data_file(data)
    laptop.directory.mkdir(exist_ok=True)
    local.start_emulator(laptop, screen)
    apply_seconds = local.apply_platform(laptop, screen)
    outputs = local.platform_outputs(laptop)
    local.upload_data(laptop, outputs["data_bucket"], data)
    screen.line(
        f"data       {data or 'the built-in demonstration set: made up, to show the path, not to moderate with'}"
    )
    pipeline = outputs["pipeline_name"]
    commit, execution_id = local.push(laptop, pipeline, screen)

    codepipeline = laptop.client("codepipeline")
    decisions: list[bool] = []

    def decide(pending: dict, stages: list[Stage]) -> None:
        report = keep_report(laptop, stages)
        decisions.append(ask_or_take(screen, stages, report, approve))
        codepipeline.put_approval_result(
            pipelineName=pipeline,
            stageName=pending["stage"],
            actionName=pending["action"],
            token=pending["token"],
            result={
                "status": "Approved" if decisions[-1] else "Rejected",
                "summary": "decided at the terminal of make demo",
            },
        )

    status, stages = follow(laptop.client, pipeline, execution_id, screen, decide, show_logs)
    report = keep_report(laptop, stages)
    record = {
        "execution_id": execution_id,
        "commit": commit,
        "status": status,
        "stages": stage_records(stages),
        **release_record(laptop, outputs, stages),
        "seconds_of": seconds_of(apply_seconds, stages, screen.seconds),
        "seconds": round(screen.seconds, 1),
    }
    write_whole(laptop.directory / "demo.json", f"{json.dumps(record, indent=2)}\n".encode())
    if status != "Succeeded" and False not in decisions:
        raise LaptopError(explain_failure(laptop, pipeline, execution_id, stages, report))
    return record


def stage_records(stages: list[Stage]) -> list[dict]:
    reached = {stage.name: stage for stage in stages}
    return [
        {"name": name, "status": reached[name].status, "seconds": round(reached[name].seconds, 1)}
        if name in reached
        else {"name": name, "status": "NotStarted", "seconds": 0.0}
        for name in STAGES
    ]


def seconds_of(platform_apply: float, stages: list[Stage], total: float) -> dict[str, float]:
    """Where the time went: Terraform (platform and endpoints), the model, who decides, and all that we add to them."""
    stage_seconds = {stage.name: stage.seconds for stage in stages}
    endpoint_applies = (float(stage.outputs.get("TERRAFORM_APPLY_SECONDS", 0)) for stage in stages)
    spent = {
        "terraform apply": platform_apply + sum(endpoint_applies),
        "training": stage_seconds.get("Train", 0.0),
        "evaluation": stage_seconds.get("Evaluate", 0.0),
        "approval": stage_seconds.get("Approve", 0.0),
    }
    return {what: round(seconds, 1) for what, seconds in {**spent, "all else": total - sum(spent.values())}.items()}


def ask_or_take(screen: Screen, stages: list[Stage], report: Path | None, approve: bool | None) -> bool:
    """The decision given on the command line, a person's at the terminal, or yes where there is neither."""
    screen.block(
        "\n".join(f"        {line}" for line in [*operator.candidate_lines(stages), f"on this machine: {report}"])
    )
    if approve is not None:
        screen.line(f"approval   {'approved' if approve else 'rejected'}, as APPROVE={'yes' if approve else 'no'} says")
        return approve
    if sys.stdin.isatty():
        return screen.ask("        Approve this release for prod?")
    screen.line("approval   approved: there is no terminal to ask at (APPROVE=no rejects)")
    return True


def release_record(laptop: Laptop, outputs: dict, stages: list[Stage]) -> dict:
    """What was measured, decided and is live, read from the endpoints and the registry."""
    variables = outputs_of(stages)
    package = variables.get("MODEL_PACKAGE_ARN")
    answer = invoke(laptop, outputs["prod_endpoint_name"], SAMPLE_TEXT)
    staging = invoke(laptop, outputs["staging_endpoint_name"], SAMPLE_TEXT)
    return {
        "model_package_arn": package,
        "metrics": package_metrics(laptop, package) if package else {},
        "gate": variables.get("GATE"),
        "staging": live(outputs["staging_endpoint_name"], staging),
        "prod": live(outputs["prod_endpoint_name"], answer),
        "answer": answer,
    }


def live(endpoint: str, answer: dict | None) -> dict | None:
    return {"endpoint": endpoint, "model_package_arn": answer["model"]} if answer else None


def package_metrics(laptop: Laptop, package_arn: str) -> dict:
    """The candidate's scores from its evaluation."""
    return json.loads(evaluation_file(laptop, package_arn, "evaluation.json"))["candidate"]["metrics"]


def evaluation_file(laptop: Laptop, package_arn: str, name: str) -> bytes:
    """A file of the evaluation that the registry entry points to."""
    package = laptop.client("sagemaker").describe_model_package(ModelPackageName=package_arn)
    bucket, key = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"].removeprefix("s3://").split("/", 1)
    key = f"{key.rpartition('/')[0]}/{name}"
    return laptop.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()


def keep_report(laptop: Laptop, stages: list[Stage]) -> Path | None:
    """The candidate's report beside the record, for a browser: what is in the emulator's S3 ends with it.

    None where no candidate was evaluated.
    """
    path = laptop.directory / "report.html"
    package = outputs_of(stages).get("MODEL_PACKAGE_ARN")
    if package is None:
        path.unlink(missing_ok=True)
        return None
    write_whole(path, evaluation_file(laptop, package, "report.html"))
    return path


def invoke(laptop: Laptop, endpoint: str, text: str) -> dict | None:
    """An endpoint's answer to one text; None where no such endpoint is in service."""
    sagemaker = laptop.client("sagemaker")
    in_service = sagemaker.list_endpoints(NameContains=endpoint, StatusEquals="InService")["Endpoints"]
    if endpoint not in {found["EndpointName"] for found in in_service}:
        return None
    return smoke.invoke(endpoint, {"text": text}, laptop.client("sagemaker-runtime"))


def write_whole(path: Path, content: bytes) -> None:
    temporary = path.with_suffix(".part")
    temporary.write_bytes(content)
    temporary.rename(path)


def explain_failure(laptop: Laptop, pipeline: str, execution_id: str, stages: list[Stage], report: Path | None) -> str:
    failed = next((stage for stage in stages if stage.status == "Failed"), None)
    outputs = outputs_of(stages)
    if failed is None and outputs.get("GATE") == "FAIL":
        return (
            f"the gate stopped the candidate: {outputs['GATE_SUMMARY']}\n"
            f"{report} shows all of it; the rules are in the gate section of moderation.yaml."
        )
    if failed is None:
        reason = entry_refusal(laptop.client("codepipeline"), pipeline, execution_id)
        return f"the pipeline ended without a failed stage: {reason or 'see `make logs`'}"
    lines = last_log_lines(laptop.client("logs"), failed.log) if failed.log else []
    log = "\n".join(f"    {line}" for line in lines)
    return (
        f"stage {failed.name} failed: {failed.summary}\n{log}\n"
        "Mend the cause and push again, or retry the stage: KEEP=1 make demo leaves everything up for that."
    )


def describe_answer(answer: dict) -> str:
    lines = []
    for result in answer["results"]:
        lines.append("flagged" if result["flagged"] else "not flagged")
        for label, found in sorted(result["labels"].items(), key=lambda item: -item[1]["score"]):
            mark = "x" if found["flagged"] else " "
            lines.append(f"  [{mark}] {label:<20} {found['score']:.3f}  threshold {found['threshold']:.3f}")
    lines.append(f"answered by {answer['model']}, policy {answer['policy']}")
    return "\n".join(f"        {line}" for line in lines)


def summarise(screen: Screen, laptop: Laptop, record: dict) -> None:
    if record["answer"]:
        screen.block(f'\n        prod on "{SAMPLE_TEXT}"')
        screen.block(describe_answer(record["answer"]))
    else:
        screen.block("        prod has no endpoint: nothing has been approved yet")
    metrics = ", ".join(f"{name} {value:.3f}" for name, value in record["metrics"].items() if value is not None)
    screen.block(f"\n        {metrics}")
    slowest = ", ".join(f"{s['name']} {s['seconds']:.0f} s" for s in record["stages"] if s["seconds"] >= 1)
    spent = ", ".join(f"{what} {seconds:.0f} s" for what, seconds in record["seconds_of"].items())
    screen.block(f"        stages: {slowest}\n        in all {record['seconds']:.0f} s: {spent}")
    screen.line(f"done       {laptop.directory / 'demo.json'}, {laptop.directory / 'report.html'}")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m laptop demo", description=__doc__)
    parser.add_argument("--data", type=Path, help="labelled file; default: the seeded demonstration set")
    parser.add_argument("--approve", choices=["yes", "no"], help="decide without asking at the terminal")
    parser.add_argument("--keep", action="store_true", help="leave the emulator and all that it runs up")
    parser.add_argument("--logs", action="store_true", help="print every line of every stage's log")
    arguments = parser.parse_args(argv)
    laptop, screen = Laptop(), Screen()
    approve = None if arguments.approve is None else arguments.approve == "yes"
    ran_before = laptop.process_id is not None
    try:
        record = run(laptop, screen, arguments.data, approve, arguments.logs)
        summarise(screen, laptop, record)
        return 0
    except LaptopError as error:
        screen.line("failed")
        screen.block(str(error))
        return 1
    except KeyboardInterrupt:
        screen.line("interrupted")
        return 130
    finally:
        if not (arguments.keep or ran_before):
            local.stop_emulator(laptop)
        elif laptop.url:
            screen.block(how_to_go_on(laptop))


def how_to_go_on(laptop: Laptop) -> str:
    return (
        f"\n        It stays up. `. {laptop.directory / 'aws.env'}` points aws and boto3 at it "
        f"(AWS_ENDPOINT_URL={laptop.url}).\n"
        '        make status | logs | push | approve | reject | invoke TEXT="..." | down'
    )


def main_up(argv: list[str] | None = None) -> int:
    """`make up`: emulator and platform, no push."""
    parser = argparse.ArgumentParser(prog="python -m laptop up", description=main_up.__doc__)
    parser.add_argument("--data", type=Path, help="labelled file; default: the seeded demonstration set")
    arguments = parser.parse_args(argv)
    laptop, screen = Laptop(), Screen()
    try:
        if arguments.data is not None:
            local.check_data_file(arguments.data)
        laptop.directory.mkdir(exist_ok=True)
        local.start_emulator(laptop, screen)
        local.apply_platform(laptop, screen)
        local.upload_data(laptop, local.platform_outputs(laptop)["data_bucket"], arguments.data)
    except LaptopError as error:
        screen.block(str(error))
        return 1
    screen.block(f"        git remote: {laptop.url}/git/{local.REPOSITORY}, branch {local.BRANCH}")
    screen.block(how_to_go_on(laptop))
    return 0


def main_push(argv: list[str] | None = None) -> int:
    """`make push`: the working tree as it is to the running platform."""
    argparse.ArgumentParser(prog="python -m laptop push", description=main_push.__doc__).parse_args(argv)
    laptop, screen = Laptop(), Screen()
    try:
        _, execution_id = local.push(laptop, local.platform_outputs(laptop)["pipeline_name"], screen)
    except LaptopError as error:
        screen.block(str(error))
        return 1
    screen.line(f"pipeline   execution {execution_id} started; make status, make logs")
    return 0


def main_down(argv: list[str] | None = None) -> int:
    """`make down`: the endpoints, the platform and the emulator, with the proof that nothing is left."""
    parser = argparse.ArgumentParser(prog="python -m laptop down", description=main_down.__doc__)
    parser.add_argument("--force", action="store_true", help="only stop the emulator, with all that is in it")
    arguments = parser.parse_args(argv)
    laptop, screen = Laptop(), Screen()
    if arguments.force:
        local.stop_emulator(laptop)
        screen.line("emulator   stopped; nothing was destroyed one by one")
        return 0
    if laptop.process_id is None:
        screen.block("        no emulator runs here: nothing to take down")
        local.stop_emulator(laptop)
        return 0
    try:
        local.check_answers(laptop)
        local.destroy_endpoints(laptop, screen)
        local.destroy_platform(laptop, screen)
    except LaptopError as error:
        screen.block(f"{error}\n`make down FORCE=1` stops the emulator, with all that is left in it.")
        return 1
    local.stop_emulator(laptop)
    screen.line("emulator   stopped")
    return 0
