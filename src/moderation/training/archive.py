"""Writes the model archive of a training: everything that serves the model, and what it was made of."""

import json
import shutil
from pathlib import Path
from typing import Any

from contract.model.archive import CODE_DIRECTORY, SERVING_DOOR, SERVING_FOLDERS
from moderation.fitting.validation_scores import ValidationScores, write_scores
from moderation.model import classifier as models
from moderation.model import deobfuscation, ngrams
from moderation.model.policy import Policy, write_policy

SOURCE = Path(__file__).resolve().parents[2]


def save(
    model: models.Classifier,
    fitted: ngrams.Ngrams | None,
    deobfuscator: deobfuscation.Deobfuscator | None,
    tokenizer: Any,
    chosen: Policy,
    scores: ValidationScores,
    record: dict[str, Any],
    directory: Path,
) -> None:
    """Write everything that serves the model, complete or not at all: weights, policy, provenance and the code.

    The validation scores lie beside them: another policy is chosen from them without training again.
    """
    partial = directory / ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    models.save(model, tokenizer, partial)
    if fitted:
        ngrams.save(fitted, partial)
    if deobfuscator:
        deobfuscation.save(deobfuscator, partial)
    for name, content in (("labels", {"labels": list(chosen.labels)}), ("training", record)):
        text = json.dumps(content, indent=1, ensure_ascii=False)
        (partial / f"{name}.json").write_text(text, encoding="utf-8")
    write_policy(chosen, partial)
    write_scores(scores, partial)
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
