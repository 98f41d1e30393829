"""`make demo`: from git push to an answer of the prod endpoint on this machine; the record is .local/demo.json."""

import argparse
import sys
from pathlib import Path
from typing import Any

from contract.model.answer import Answer
from laptop.commands import how_to_go_on
from laptop.data_file import check_data_file, upload_data
from laptop.emulator_process import start_emulator, stop_emulator
from laptop.follow import follow
from laptop.machine import Laptop, LaptopError
from laptop.platform import apply_platform, platform_outputs
from laptop.record import SAMPLE_TEXT, execution_record, keep_report, release_record, seconds_of, write_record
from laptop.screen import Screen
from laptop.source import Execution, push
from release.aws.logs import last_log_lines
from release.operate.decide import answer_approval
from release.operate.progress import Approval, Stage, entry_refusal, outputs_of
from release.operate.status import candidate_lines


def main(argv: list[str] | None = None) -> int:
    """Run the demo; 1 with the reason where a stage failed."""
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
            stop_emulator(laptop)
        elif laptop.url:
            screen.block(how_to_go_on(laptop))


def run(laptop: Laptop, screen: Screen, data: Path | None, approve: bool | None, show_logs: bool) -> dict[str, Any]:
    """The main job; returns the record that `make demo` writes. Raises LaptopError when a stage fails."""
    if data is not None:
        check_data_file(data)
    laptop.directory.mkdir(exist_ok=True)
    start_emulator(laptop, screen)
    apply_seconds = apply_platform(laptop, screen)
    outputs = platform_outputs(laptop)
    upload_data(laptop, outputs["data_bucket"], data)
    screen.line(
        f"data       {data or 'the built-in demonstration set: made up, to show the path, not to moderate with'}"
    )

    execution = push(laptop, outputs["pipeline_name"], screen)
    decisions: list[bool] = []

    def decide(approval: Approval, stages: list[Stage]) -> None:
        decisions.append(ask_or_take(screen, stages, keep_report(laptop, stages), approve))
        reason = "decided at the terminal of make demo"
        answer_approval(laptop.client("codepipeline"), execution.pipeline, approval, decisions[-1], reason)

    status, stages = follow(laptop, execution, screen, decide, show_logs=show_logs)
    report = keep_report(laptop, stages)
    record = {
        **execution_record(execution, status, stages),
        **release_record(laptop, outputs, stages),
        "seconds_of": seconds_of(apply_seconds, stages, screen.seconds),
        "seconds": round(screen.seconds, 1),
    }
    write_record(laptop, record)
    if status != "Succeeded" and False not in decisions:
        raise LaptopError(explain_failure(laptop, execution, stages, report))
    return record


def ask_or_take(screen: Screen, stages: list[Stage], report: Path | None, approve: bool | None) -> bool:
    """The decision given on the command line, a person's at the terminal, or yes where there is neither."""
    screen.block("\n".join(f"        {line}" for line in [*candidate_lines(stages), f"on this machine: {report}"]))
    if approve is not None:
        screen.line(f"approval   {'approved' if approve else 'rejected'}, as APPROVE={'yes' if approve else 'no'} says")
        return approve
    if sys.stdin.isatty():
        return screen.ask("        Approve this release for prod?")
    screen.line("approval   approved: there is no terminal to ask at (APPROVE=no rejects)")
    return True


def explain_failure(laptop: Laptop, execution: Execution, stages: list[Stage], report: Path | None) -> str:
    """Why the execution did not succeed, and what to do."""
    failed = next((stage for stage in stages if stage.status == "Failed"), None)
    outputs = outputs_of(stages)
    if failed is None and outputs.get("GATE") == "FAIL":
        return (
            f"the gate stopped the candidate: {outputs['GATE_SUMMARY']}\n"
            f"{report} shows all of it; the rules are in the gate section of moderation.yaml."
        )
    if failed is None:
        reason = entry_refusal(laptop.client("codepipeline"), execution.pipeline, execution.id)
        return f"the pipeline ended without a failed stage: {reason or 'see `make logs`'}"

    lines = last_log_lines(laptop.client("logs"), failed.log) if failed.log else []
    log = "\n".join(f"    {line}" for line in lines)
    return (
        f"stage {failed.name} failed: {failed.summary}\n{log}\n"
        "Fix the cause and push again, or retry the stage: KEEP=1 make demo leaves everything up for that."
    )


def summarise(screen: Screen, laptop: Laptop, record: dict[str, Any]) -> None:
    """The answer of prod, the candidate's metrics, and where the time went."""
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


def describe_answer(answer: Answer) -> str:
    """An endpoint's answer for people, the highest score first."""
    lines = []
    for result in answer["results"]:
        lines.append("flagged" if result["flagged"] else "not flagged")
        for label, entry in sorted(result["labels"].items(), key=lambda item: -item[1]["score"]):
            mark = "x" if entry["flagged"] else " "
            lines.append(f"  [{mark}] {label:<20} {entry['score']:.3f}  threshold {entry['threshold']:.3f}")
    lines.append(f"answered by {answer['model']}, policy {answer['policy']}")
    return "\n".join(f"        {line}" for line in lines)
