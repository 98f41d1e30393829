"""What needs no AWS: moderation.yaml checked, an evaluation put to the gate, the schema of evaluation.json."""

import argparse
from pathlib import Path

from contract.project.file import PROJECT_FILE, read_project
from release.commands.command import Command, show
from release.decision.documents import evaluation_schema, read_evaluation
from release.decision.gate import decide

SCHEMA_FILE = Path("docs/evaluation.schema.json")


def check(arguments: argparse.Namespace) -> int:
    """Every section of moderation.yaml can be read."""
    read_project(arguments.config)
    show(f"{arguments.config}: every section can be read")
    return 0


def gate(arguments: argparse.Namespace) -> int:
    """What the rules of moderation.yaml say of an evaluation; 1 where they would stop it."""
    if not arguments.evaluation.is_file():
        raise ValueError(f"{arguments.evaluation} does not exist; an Evaluate job leaves it beside its report")
    evaluation = read_evaluation(arguments.evaluation.read_bytes(), str(arguments.evaluation))
    decision = decide(evaluation, read_project(arguments.config).gate)
    for rule in decision.rules:
        show(rule.sentence)
    show(f"gate: {decision.verdict}{' (report only)' if decision.mode == 'report' else ''}")
    return 0 if decision.passed else 1


def schema(arguments: argparse.Namespace) -> int:
    """The JSON schema of evaluation.json is what the contract says."""
    arguments.output.write_text(evaluation_schema(), encoding="utf-8")
    show(f"{arguments.output} written")
    return 0


def add_config(parser: argparse.ArgumentParser) -> None:
    """Which moderation.yaml."""
    parser.add_argument("--config", type=Path, default=PROJECT_FILE, help=f"default: {PROJECT_FILE}")


def add_gate_arguments(parser: argparse.ArgumentParser) -> None:
    """Which evaluation, by which rules."""
    parser.add_argument("evaluation", type=Path, metavar="FILE", help="evaluation.json")
    add_config(parser)


def add_schema_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the schema goes."""
    parser.add_argument("--output", type=Path, default=SCHEMA_FILE, metavar="FILE", help=f"default: {SCHEMA_FILE}")


CHECKS = (
    Command("check", check, "read moderation.yaml as the stages do: every mistake, with its key", add_config),
    Command("gate", gate, "apply the gate of moderation.yaml to an evaluation.json, here and now", add_gate_arguments),
    Command("schema", schema, "write the JSON schema of evaluation.json", add_schema_arguments),
)
