"""Evaluates a candidate on the test split, beside the champion and two baselines on the same rows: evaluation.json."""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from contract.evaluation.document import (
    OTHER_SYSTEMS,
    SCHEMA_VERSION,
    Comparison,
    Evaluation,
    Slice,
    System,
    SystemResult,
)
from contract.evaluation.section import read_evaluation_config, read_targets
from contract.model.archive import ARCHIVE
from moderation.evaluation import slices
from moderation.evaluation.baselines import score_baselines
from moderation.evaluation.comparison import compare, flip_shares
from moderation.evaluation.data import EvaluationData, read_data
from moderation.evaluation.mistakes import worst_mistakes
from moderation.evaluation.models import Model, Models, load_models
from moderation.evaluation.repackage import with_policy
from moderation.evaluation.results import mistaken_texts, write_results
from moderation.evaluation.seconds import Seconds
from moderation.evaluation.systems import confusion, system_result
from moderation.evaluation.trials import Trials, run_trials
from moderation.job.container import say, write_exit_message
from moderation.metrics import calibration
from moderation.metrics.bootstrap import resample
from moderation.metrics.scored import Scored


def main(argv: Sequence[str] | None = None) -> int:
    """Command line of the evaluation; returns the exit status."""
    arguments = parser().parse_args(argv)
    try:
        config = read_evaluation_config(arguments.config)
        suites = [*([arguments.config.parent / config.behaviour] if config.behaviour else []), *arguments.behaviour]
        candidate = with_policy(arguments.candidate, read_targets(arguments.config), arguments.output)
        evaluation = evaluate(candidate, arguments.champion, arguments.dataset, arguments.base_model, suites)
        texts = mistaken_texts(evaluation, arguments.dataset) if config.show_texts or arguments.show_texts else {}
        write_results(evaluation, texts, arguments.output)
    except ValueError as error:
        write_exit_message(error)
        say(f"evaluate: {error}")
        return 1
    except Exception as error:
        write_exit_message(error)
        raise
    return 0


def parser() -> argparse.ArgumentParser:
    """The options of the command line."""
    result = argparse.ArgumentParser(prog="evaluate.py", description=__doc__)
    result.add_argument("--config", type=Path, required=True, help="moderation.yaml of the release")
    result.add_argument("--candidate", type=Path, required=True, help=f"directory with the candidate's {ARCHIVE}")
    result.add_argument("--champion", type=Path, help=f"directory with the live model's {ARCHIVE}; none on a first run")
    result.add_argument("--dataset", type=Path, required=True, help="the whole prepared dataset")

    result.add_argument(
        "--base-model",
        type=Path,
        help="directory of the encoder before training; without it the frozen encoder is left out",
    )
    result.add_argument(
        "--behaviour",
        type=Path,
        action="append",
        default=[],
        metavar="CSV",
        help="further behaviour cases in the form of HateCheck's CSV, besides those that the config names; may be "
        "given several times",
    )
    result.add_argument(
        "--show-texts",
        action="store_true",
        help="show the texts of the worst mistakes in report.html, not only ids, whatever the config says",
    )

    result.add_argument(
        "--output", type=Path, required=True, help="directory for evaluation.json, report.html, policy.json"
    )
    return result


def evaluate(
    candidate_directory: Path,
    champion_directory: Path | None,
    dataset: Path,
    base_model: Path | None = None,
    suites: Sequence[Path] = (),
) -> Evaluation:
    """The content of evaluation.json. Raises ValueError where a model, the dataset or a suite can't be used."""
    data = read_data(dataset, suites)
    seconds = Seconds()
    with seconds.spent_on("model"):
        models = load_models(candidate_directory, champion_directory, data)

    scored = {name: score(model, data, name, seconds) for name, model in models.by_name.items()}
    with seconds.spent_on("model"):
        trials = run_trials(models.by_name, data, scored)
    say("behaviour cases, evasions and answer times done")
    scored |= score_baselines(data, base_model, models.candidate.max_length, seconds)

    with seconds.spent_on("metrics"):
        figures = measure(data, models, scored)
        evaluation = document(data, models, scored["candidate"], trials, figures)
    seconds.say()
    return {**evaluation, "seconds": seconds.rounded()}


def score(model: Model, data: EvaluationData, name: System, seconds: Seconds) -> Scored:
    """A model's answers on the test rows."""
    started = time.monotonic()
    with seconds.spent_on("model"):
        scored = Scored(model.labels, model.score(data.test.texts), model.thresholds)
    say(f"{name} scored {len(data.test.ids)} rows in {time.monotonic() - started:.1f} s, policy {model.policy_id}")
    return scored


@dataclass(frozen=True)
class Figures:
    """What is worked out of the answers on the test rows."""

    systems: dict[System, SystemResult]
    comparisons: dict[System, Comparison]
    """By the other system."""
    slices: dict[System, dict[str, dict[str, Slice]]]
    """Of candidate and champion."""


def measure(data: EvaluationData, models: Models, scored: dict[System, Scored]) -> Figures:
    """Each system's metrics, the candidate's differences from the others, and the models' figures by slice."""
    truth = {name: data.test.truth[:, system.columns(data.labels)] for name, system in scored.items()}
    samples = resample(data.labels, data.test.truth, scored)
    systems = {name: system_result(system, truth[name], samples[name]) for name, system in scored.items()}

    candidate = scored["candidate"]
    comparisons: dict[System, Comparison] = {
        name: compare(
            systems["candidate"],
            systems[name],
            (samples["candidate"], samples[name]),
            flip_shares(candidate, scored[name]),
        )
        for name in OTHER_SYSTEMS
        if name in systems
    }
    members = slices.members(data.test.texts)
    by_slice = {name: slices.slice_scores(members, truth[name], scored[name]) for name in models.by_name}
    return Figures(systems, comparisons, by_slice)


def document(data: EvaluationData, models: Models, candidate: Scored, trials: Trials, figures: Figures) -> Evaluation:
    """evaluation.json, but for the seconds that it took."""
    truth, systems, comparisons = data.test.truth, figures.systems, figures.comparisons
    columns = {label: (truth[:, index], candidate.probs[:, index]) for index, label in enumerate(data.labels)}
    return {
        "schema_version": SCHEMA_VERSION,
        "dataset_version": data.version,
        "rows": {"validation": len(data.validation.ids), "test": len(data.test.ids)},
        "labels": data.labels,
        "policy_id": models.candidate.policy_id,
        "candidate": systems["candidate"],
        "champion": systems.get("champion"),
        "baseline": systems["baseline"],
        "frozen_encoder": systems.get("frozen_encoder"),
        "champion_left_out": models.champion_left_out,
        "labels_dropped": models.labels_dropped,
        "comparison": {
            "champion": comparisons.get("champion"),
            "baseline": comparisons["baseline"],
            "frozen_encoder": comparisons.get("frozen_encoder"),
        },
        "curves": {
            label: {
                "precision_recall": calibration.precision_recall(answers, probs),
                "reliability": calibration.reliability(answers, probs),
            }
            for label, (answers, probs) in columns.items()
        },
        "confusion": {
            label: confusion(truth[:, index], candidate.flags[:, index]) for index, label in enumerate(data.labels)
        },
        "slices": {"candidate": figures.slices["candidate"], "champion": figures.slices.get("champion")},
        "behaviour": {"candidate": trials.behaviour["candidate"], "champion": trials.behaviour.get("champion")},
        "evasion": {"candidate": trials.evasion["candidate"], "champion": trials.evasion.get("champion")},
        "latency": {"candidate": trials.latency["candidate"], "champion": trials.latency.get("champion")},
        "worst_mistakes": worst_mistakes(candidate, data.test.ids, truth),
        "seconds": {},
    }
