"""Judges a candidate on the test split, beside the champion and two baselines on the same rows: evaluation.json."""

import argparse
import json
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from contract.evaluation.document import SCHEMA_VERSION, SYSTEMS
from contract.evaluation.section import read_evaluation_config, read_targets
from contract.model.archive import ARCHIVE
from moderation.evaluation import behaviour, evasion, latency, slices
from moderation.evaluation.mistakes import worst_mistakes
from moderation.evaluation.repackage import with_policy
from moderation.fitting.thresholds import choose_review, prevalences
from moderation.job.container import say, write_exit_message
from moderation.job.dataset import Split, read_labels, read_lineage, read_split
from moderation.metrics import bootstrap, calibration, scores
from moderation.model.policy import read_policy


@dataclass(frozen=True)
class Model:
    """A model under judgement."""

    labels: list[str]
    max_length: int
    policy_id: str
    thresholds: np.ndarray
    """(labels)"""
    score: Callable[[list[str]], np.ndarray]
    """Probabilities (texts, labels) of some texts."""
    lineage: str | None = None
    """Of the dataset that it was trained on; None where nobody noted it."""

    def of(self, labels: Sequence[str]) -> "Model":
        """The same model, asked for some of its labels."""
        columns = [self.labels.index(label) for label in labels]
        return replace(
            self,
            labels=list(labels),
            thresholds=self.thresholds[columns],
            score=lambda texts: self.score(texts)[:, columns],
        )


@dataclass(frozen=True)
class Scored:
    """A system's answers on the test rows."""

    labels: list[str]
    thresholds: np.ndarray
    """(labels)"""
    probs: np.ndarray
    """(rows, labels)"""

    @property
    def flags(self) -> np.ndarray:
        """Decisions (rows, labels)."""
        return self.probs >= self.thresholds


class Seconds:
    """Adds up what each kind of work took."""

    def __init__(self) -> None:
        self.of = {"model": 0.0, "baselines": 0.0, "metrics": 0.0}

    @contextmanager
    def spent_on(self, kind: str) -> Iterator[None]:
        """Count the time of a block."""
        started = time.monotonic()
        yield
        self.of[kind] += time.monotonic() - started


def main(argv: Sequence[str] | None = None) -> int:
    """Command line of the evaluation; returns the exit status."""
    parser = argparse.ArgumentParser(prog="evaluate.py", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="moderation.yaml of the release that is judged")
    parser.add_argument("--candidate", type=Path, required=True, help=f"directory with the candidate's {ARCHIVE}")
    parser.add_argument("--champion", type=Path, help=f"directory with the live model's {ARCHIVE}; none on a first run")
    parser.add_argument("--dataset", type=Path, required=True, help="the whole prepared dataset")
    parser.add_argument(
        "--base-model", type=Path, help="directory of the encoder before training; without it there is no probe"
    )
    parser.add_argument(
        "--behaviour",
        type=Path,
        action="append",
        default=[],
        metavar="CSV",
        help="further functional cases in the form of HateCheck's CSV, besides those that the config names; may be "
        "given several times",
    )
    parser.add_argument(
        "--show-texts",
        action="store_true",
        help="show the texts of the worst mistakes in report.html, not only ids, whatever the config says",
    )
    parser.add_argument(
        "--output", type=Path, required=True, help="directory for evaluation.json, report.html, policy.json"
    )
    arguments = parser.parse_args(argv)
    try:
        config = read_evaluation_config(arguments.config)
        suites = [*([arguments.config.parent / config.behaviour] if config.behaviour else []), *arguments.behaviour]
        candidate = with_policy(arguments.candidate, read_targets(arguments.config), arguments.output)
        result = evaluate(candidate, arguments.champion, arguments.dataset, arguments.base_model, suites)
        texts = mistaken_texts(result, arguments.dataset) if config.show_texts or arguments.show_texts else {}
        write_results(result, texts, arguments.output)
    except ValueError as error:
        write_exit_message(error)
        say(f"evaluate: {error}")
        return 1
    except Exception as error:
        write_exit_message(error)
        raise
    return 0


def evaluate(
    candidate_directory: Path,
    champion_directory: Path | None,
    dataset: Path,
    base_model: Path | None = None,
    suites: Sequence[Path] = (),
) -> dict[str, Any]:
    """The content of evaluation.json. Raises ValueError where a model, the dataset or a suite can't be used."""
    manifest = dataset / "manifest.json"
    if not manifest.is_file():
        raise ValueError(f"{dataset}: found no manifest.json, expected a prepared dataset; run the preparation again")
    version = json.loads(manifest.read_text(encoding="utf-8"))["dataset_version"]
    labels = read_labels(dataset)
    train, validation, test = (read_split(dataset / name, labels) for name in ("train", "validation", "test"))
    cases = [case for path in (behaviour.OWN_SUITE, *suites) for case in behaviour.read_cases(path)]
    seconds = Seconds()
    with seconds.spent_on("model"):
        candidate = load_model(candidate_directory, "candidate")
        if candidate.labels != labels:
            raise ValueError(
                f"candidate: found a model for the labels {', '.join(candidate.labels)}, expected {', '.join(labels)} "
                "as in the dataset; train on this dataset"
            )
        models, dropped, left_out = {"candidate": candidate}, [], None
        if champion_directory:
            champion = load_model(champion_directory, "champion")
            left_out = why_not_compared(champion, labels, read_lineage(dataset))
            if left_out:
                say(f"the live model is not compared: {left_out}")
            else:
                models["champion"] = champion.of([label for label in labels if label in champion.labels])
                dropped = [label for label in champion.labels if label not in labels]
    scored = {name: score(model, test, name, seconds) for name, model in models.items()}
    with seconds.spent_on("model"):
        behaved = {
            name: behaviour.judge(cases, model.labels, decide(model, [case.text for case in cases]))
            for name, model in models.items()
        }
        evaded = {
            name: evade(model, test, scored[name].flags, columns_of(model.labels, labels))
            for name, model in models.items()
        }
        latencies = latency.measure({name: model.score for name, model in models.items()}, latency.sample(test.texts))
    say("functional cases, disguises and latency done")
    scored |= judge_baselines(train, validation, test, labels, base_model, candidate.max_length, seconds)
    with seconds.spent_on("metrics"):
        systems, samples = judge_systems(labels, test.truth, scored)
        compared = {
            name: {
                **bootstrap.compare(systems["candidate"], systems[name], samples["candidate"], samples[name]),
                "flips": scores.flips(
                    scored[name].labels,
                    scored["candidate"].flags[:, columns_of(scored[name].labels, labels)],
                    scored[name].flags,
                ),
            }
            for name in SYSTEMS[1:]
            if name in systems
        }
        parts = slices.members(test.texts)
        sliced = {
            name: slices.slice_scores(
                parts, test.truth[:, columns_of(model.labels, labels)], scored[name].probs, model.thresholds
            )
            for name, model in models.items()
        }
        ours = scored["candidate"]
        result = {
            "schema_version": SCHEMA_VERSION,
            "dataset_version": version,
            "rows": {"validation": len(validation.ids), "test": len(test.ids)},
            "labels": labels,
            "policy_id": candidate.policy_id,
            **{name: systems.get(name) for name in SYSTEMS},
            "champion_left_out": left_out,
            "labels_dropped": dropped,
            "comparison": {name: compared.get(name) for name in SYSTEMS[1:]},
            "curves": {
                label: {
                    "precision_recall": calibration.precision_recall(test.truth[:, index], ours.probs[:, index]),
                    "reliability": calibration.reliability(test.truth[:, index], ours.probs[:, index]),
                }
                for index, label in enumerate(labels)
            },
            "confusion": {
                label: scores.confusion(test.truth[:, index], ours.flags[:, index])
                for index, label in enumerate(labels)
            },
            "slices": _of_both(sliced),
            "behaviour": _of_both(behaved),
            "evasion": _of_both(evaded),
            "latency": _of_both(latencies),
            "worst_mistakes": worst_mistakes(labels, test.ids, test.truth, ours.probs, ours.thresholds),
        }
    say(", ".join(f"{kind} {value:.1f} s" for kind, value in seconds.of.items()))
    return {**result, "seconds": {kind: round(value, 2) for kind, value in seconds.of.items()}}


def _of_both(found: dict[str, Any]) -> dict[str, Any]:
    return {name: found.get(name) for name in ("candidate", "champion")}


def why_not_compared(champion: Model, labels: Sequence[str], lineage: str | None) -> str | None:
    """The reason why the live model can't be judged on these test rows; None where it can."""
    if not set(champion.labels) & set(labels):
        return "it knows none of this dataset's labels"
    if champion.lineage and lineage and champion.lineage != lineage:
        return "since its training all rows were split anew, so that it may have learnt from these test rows"
    return None


def columns_of(some: Sequence[str], labels: Sequence[str]) -> list[int]:
    """Where some labels stand among all."""
    return [labels.index(label) for label in some]


def load_model(directory: Path, name: str) -> Model:
    """The model in a directory's archive, which answers as the endpoint would: fp32, its own policy."""
    import transformers

    from moderation.model.scoring import Scorer

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as temporary:
        unpacked = unpack(directory, Path(temporary), name)
        scorer = Scorer.load(unpacked)
        policy = read_policy(unpacked, scorer.labels)
        record = unpacked / "training.json"
        lineage = json.loads(record.read_text(encoding="utf-8")).get("lineage") if record.is_file() else None
    return Model(
        scorer.labels, scorer.max_length, policy.id, policy.review, lambda texts: scorer.score(texts).probs, lineage
    )


def unpack(directory: Path, target: Path, name: str) -> Path:
    """Unpack a model archive; members outside the target are refused. Raises ValueError where it is damaged."""
    path = directory / ARCHIVE
    if not path.is_file():
        raise ValueError(f"{name}: found no {ARCHIVE} in {directory}, expected the output of a training job")
    try:
        with tarfile.open(path) as archive:
            archive.extractall(target, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(
            f"{name}: found a damaged {ARCHIVE} ({type(error).__name__}), expected the output of a training job"
        ) from error
    return target


def score(model: Model, test: Split, name: str, seconds: Seconds) -> Scored:
    """A model's answers on the test rows."""
    started = time.monotonic()
    with seconds.spent_on("model"):
        scored = Scored(model.labels, model.thresholds, model.score(test.texts))
    say(f"{name} scored {len(test.texts)} rows in {time.monotonic() - started:.1f} s, policy {model.policy_id}")
    return scored


def decide(model: Model, texts: list[str]) -> np.ndarray:
    """Flags (texts, labels)."""
    return model.score(texts) >= model.thresholds


def evade(model: Model, test: Split, flags: np.ndarray, columns: list[int]) -> dict[str, Any]:
    """Kind of disguise to the recall that a model keeps; flags (rows, labels): its decisions on the plain test rows,
    columns: its labels among those of the dataset."""
    truth = test.truth[:, columns]
    rows = evasion.chosen_rows(truth)
    texts = [test.texts[row] for row in rows]
    if not texts:
        nothing = np.zeros((0, len(columns)), dtype=bool)
        return {kind: evasion.recall_kept(truth[rows], nothing, nothing) for kind in evasion.DISGUISES}
    # all kinds in one call: rows of equal length share a batch whatever hides them
    disguised = [text for kind in evasion.DISGUISES for text in evasion.disguise(texts, kind)]
    parts = np.split(decide(model, disguised), len(evasion.DISGUISES))
    return {
        kind: evasion.recall_kept(truth[rows], flags[rows], part)
        for kind, part in zip(evasion.DISGUISES, parts, strict=True)
    }


def judge_baselines(
    train: Split,
    validation: Split,
    test: Split,
    labels: list[str],
    base_model: Path | None,
    max_length: int,
    seconds: Seconds,
) -> dict[str, Scored]:
    """TF-IDF, and the probe where there is a base model: fitted on train, thresholds chosen on validation."""
    from moderation.evaluation.baselines import baseline_probabilities, frozen_encoder_probabilities

    fits = {"baseline": baseline_probabilities}
    if base_model is not None:
        fits["frozen_encoder"] = partial(frozen_encoder_probabilities, base_model, max_length)
    found = {}
    for name, fit in fits.items():
        started = time.monotonic()
        with seconds.spent_on("baselines"):
            on_validation, on_test = fit(train.texts, train.truth, [validation.texts, test.texts])
            thresholds = choose_review(validation.truth, on_validation, prevalences(train.truth))
        found[name] = Scored(labels, thresholds, on_test)
        say(f"{name} fitted and scored in {time.monotonic() - started:.1f} s")
    return found


def judge_systems(
    labels: list[str], truth: np.ndarray, scored: dict[str, Scored]
) -> tuple[dict[str, dict[str, Any]], dict[str, bootstrap.Resampled]]:
    """Each system in the form of evaluation.json, and its figures in the resamples that all of them share."""
    samples = bootstrap.resample(
        labels, truth, {name: (item.labels, item.probs, item.thresholds) for name, item in scored.items()}
    )
    systems = {
        name: scores.system(
            item.labels, truth[:, columns_of(item.labels, labels)], item.probs, item.thresholds, samples[name]
        )
        for name, item in scored.items()
    }
    return systems, samples


def mistaken_texts(result: dict[str, Any], dataset: Path) -> dict[str, str]:
    """The texts of the rows in worst_mistakes, by id."""
    test = read_split(dataset / "test", result["labels"])
    wanted = {item["id"] for item in result["worst_mistakes"]}
    return {row: text for row, text in zip(test.ids, test.texts, strict=True) if row in wanted}


def write_results(result: dict[str, Any], texts: dict[str, str], output: Path) -> None:
    """Write evaluation.json and report.html, each under a temporary name first, and say the main figures."""
    from moderation.report.page import report_page

    output.mkdir(parents=True, exist_ok=True)
    pages = {
        "report.html": report_page(result, texts),
        "evaluation.json": json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False),
    }
    for name, text in pages.items():
        unfinished = output / f".{name}.partial-{os.getpid()}"
        unfinished.write_text(text, encoding="utf-8")
        shutil.move(unfinished, output / name)
    for system in SYSTEMS:
        if result[system]:
            named = result[system]["metrics"]
            values = ", ".join(f"{key} {_shown(named[key])}" for key in named if key.startswith("macro_"))
            say(f"{system}: {values}")


def _shown(value: float | None) -> str:
    return "not known" if value is None else f"{value:.4f}"
