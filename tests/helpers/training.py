"""From a prepared dataset to an evaluation, the shortest way."""

import tarfile
from pathlib import Path

from contract.evaluation.document import Evaluation
from moderation.evaluation.evaluate import evaluate
from moderation.training.arguments import parse
from moderation.training.train import StopSignal, train


def train_and_evaluate(directory: Path, base_model: Path) -> Evaluation:
    """Train one epoch on `directory`/dataset and evaluate the packed model on its test split."""
    options = {"train": directory / "dataset/train", "validation": directory / "dataset/validation"}
    options |= {"base-model": base_model, "model-dir": directory / "model", "epochs": 1, "max-length": 16}
    command = [text for option, value in options.items() for text in (f"--{option}", str(value))]
    assert train(parse(command), StopSignal()) == 0

    (directory / "candidate").mkdir()
    with tarfile.open(directory / "candidate" / "model.tar.gz", "w:gz") as archive:
        for path in (directory / "model").iterdir():
            archive.add(path, path.name)
    return evaluate(directory / "candidate", None, directory / "dataset", base_model)
