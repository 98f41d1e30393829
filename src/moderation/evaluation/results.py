"""Writes evaluation.json and report.html, each complete or not at all."""

import json
import os
import shutil
from pathlib import Path

from contract.evaluation.document import SYSTEMS, Evaluation, Metrics
from moderation.job.container import say
from moderation.job.dataset import read_split

SAID_METRICS = ("macro_average_precision", "macro_auroc", "macro_f1", "macro_precision", "macro_recall")


def mistaken_texts(evaluation: Evaluation, dataset: Path) -> dict[str, str]:
    """The texts of the rows in worst_mistakes, by id."""
    test = read_split(dataset / "test", evaluation["labels"])
    mistaken = {mistake["id"] for mistake in evaluation["worst_mistakes"]}
    return {row: text for row, text in zip(test.ids, test.texts, strict=True) if row in mistaken}


def write_results(evaluation: Evaluation, texts: dict[str, str], output: Path) -> None:
    """Write evaluation.json and report.html, and say the main figures; texts: see report_page."""
    from moderation.report.page import report_page

    output.mkdir(parents=True, exist_ok=True)
    files = {
        "report.html": report_page(evaluation, texts),
        "evaluation.json": json.dumps(evaluation, indent=1, ensure_ascii=False, allow_nan=False),
    }
    for name, content in files.items():
        unfinished = output / f".{name}.partial-{os.getpid()}"
        unfinished.write_text(content, encoding="utf-8")
        shutil.move(unfinished, output / name)

    for system in SYSTEMS:
        if result := evaluation[system]:
            say(f"{system}: {_in_words(result['metrics'])}")


def _in_words(metrics: Metrics) -> str:
    values = {name: value for name, value in metrics.items() if name in SAID_METRICS}
    return ", ".join(f"{name} {'not known' if value is None else f'{value:.4f}'}" for name, value in values.items())
