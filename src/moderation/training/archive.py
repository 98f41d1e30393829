"""Writes the model archive of a training: everything that serves the model, and what it was made of."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract.dataset.labels import LABELS_FILE, LabelsDocument
from contract.model.archive import CODE_DIRECTORY, SERVING_DOOR, SERVING_FOLDERS, TRAINING_FILE
from moderation.fitting.validation_scores import ValidationScores, write_scores
from moderation.model import classifier as models
from moderation.model import deobfuscation, ngrams
from moderation.model.policy import Policy, write_policy

SOURCE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """What a model archive holds besides the code."""

    classifier: models.Classifier
    tokenizer: Any
    ngrams: ngrams.Ngrams | None
    """None where it was trained without."""
    deobfuscator: deobfuscation.Deobfuscator | None
    """None where it was trained without."""
    policy: Policy
    scores: ValidationScores
    """Another policy is chosen from them without training again."""
    record: dict[str, Any]
    """How it came to be: what training.json says."""


def save(model: TrainedModel, directory: Path) -> None:
    """Write everything that serves the model, complete or not at all: weights, policy, provenance and the code."""
    partial = directory / ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    models.save(model.classifier, model.tokenizer, partial)
    if model.ngrams:
        ngrams.save(model.ngrams, partial)
    if model.deobfuscator:
        deobfuscation.save(model.deobfuscator, partial)

    labels: LabelsDocument = {"labels": list(model.policy.labels)}
    for name, content in ((LABELS_FILE, labels), (TRAINING_FILE, model.record)):
        (partial / name).write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    write_policy(model.policy, partial)
    write_scores(model.scores, partial)
    copy_code(partial / CODE_DIRECTORY)

    for path in partial.iterdir():
        target = directory / path.name
        if target.is_dir():
            shutil.rmtree(target)
        path.rename(target)
    partial.rmdir()


def copy_code(target: Path) -> None:
    """Copy the serving door and the folders that it imports, and nothing else of this code, into a new directory."""
    target.mkdir()
    shutil.copy(SOURCE / SERVING_DOOR, target)
    for folder in SERVING_FOLDERS:
        for package in (parent for parent in Path(folder).parents if parent != Path(".")):
            (target / package).mkdir(parents=True, exist_ok=True)
            shutil.copy(SOURCE / package / "__init__.py", target / package)
        (target / folder).mkdir()
        for path in sorted((SOURCE / folder).iterdir()):
            if path.is_file():
                shutil.copy(path, target / folder)
