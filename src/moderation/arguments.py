"""The hyperparameters and channels of a training run: command-line arguments, as SageMaker sends them."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from moderation.scoring import PRECISIONS

POOLINGS = ("mean", "cls")
CHOICES = {"pooling": POOLINGS, "precision": PRECISIONS, "positive_weight": ("sqrt", "none")}


@dataclass(frozen=True)
class Arguments:
    """How to train. Each field is an argument: `batch_size` is `--batch-size`."""

    train: Path = field(
        metadata={"variable": "SM_CHANNEL_TRAIN", "help": "directory with the train split and labels.json"}
    )
    validation: Path = field(
        metadata={"variable": "SM_CHANNEL_VALIDATION", "help": "directory with the validation split and labels.json"}
    )
    base_model: Path = field(
        metadata={
            "variable": "SM_CHANNEL_BASE_MODEL",
            "help": "directory with config.json, model.safetensors and tokenizer",
        }
    )
    model_dir: Path = field(metadata={"variable": "SM_MODEL_DIR", "help": "directory that receives the model"})
    epochs: int = field(default=2, metadata={"help": "passes over the train split"})
    patience: int = field(
        default=1,
        metadata={
            "help": "end after so many epochs in a row that are worse than the best on validation (macro average "
            "precision), 0: never; the best epoch's model is kept in any case"
        },
    )
    batch_size: int = field(
        default=16, metadata={"help": "rows of one step over all workers together, whatever their number"}
    )
    accumulation: int = field(
        default=1,
        metadata={"help": "parts in which a worker goes through its rows of a step: more of them need less memory"},
    )
    max_length: int = field(default=128, metadata={"help": "tokens a text is cut to"})
    learning_rate: float = field(default=3e-4, metadata={"help": "highest learning rate of the encoder"})
    head_learning_rate: float = field(default=3e-3, metadata={"help": "highest learning rate of the head"})
    warmup_share: float = field(default=0.1, metadata={"help": "share of the steps in which the learning rates rise"})
    weight_decay: float = field(default=0.01, metadata={"help": "weight decay of matrices"})
    clip: float = field(default=1.0, metadata={"help": "largest norm of a step's gradient"})
    pooling: str = field(
        default="mean", metadata={"help": f"features of a text: {' or '.join(POOLINGS)} (of its tokens, its first one)"}
    )
    dropout: float = field(default=0.1, metadata={"help": "share of pooled features dropped before the head"})
    encoder_dropout: float = field(
        default=0.0, metadata={"help": "dropout inside the encoder; a negative value keeps the base model's own"}
    )
    linear_probe: bool = field(
        default=True, metadata={"help": "start the head from logistic regressions on the untouched encoder"}
    )
    probe_rows: int = field(
        default=20000, metadata={"help": "rows of the train split that the linear probe uses at most"}
    )
    ngrams: bool = field(
        default=True, metadata={"help": "add a TF-IDF n-gram model to the encoder, as one blended model"}
    )
    deobfuscate: bool = field(
        default=True, metadata={"help": "undo look-alike letters, digits for letters and spaces in words when scoring"}
    )
    positive_weight: str = field(
        default="sqrt",
        metadata={
            "help": "how often a label's positives count in the loss: none (once) or sqrt (the root of its negatives "
            "a positive)"
        },
    )
    freeze_word_embeddings: bool = field(
        default=True, metadata={"help": "leave the word embeddings of the base model as they are"}
    )
    precision: str = field(
        default="auto", metadata={"help": f"type that matrices are multiplied in: {', '.join(PRECISIONS)}"}
    )
    compile: bool = field(
        default=False, metadata={"help": "compile the encoder: minutes at the start, faster steps on a GPU"}
    )
    checkpoint_seconds: float = field(
        default=300.0, metadata={"help": "seconds between checkpoints; one is also written after each epoch"}
    )
    progress_seconds: float = field(default=3.0, metadata={"help": "seconds between progress lines"})
    seed: int = field(default=13, metadata={"help": "seed of the order of rows and of dropout"})

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "accumulation", "max_length", "probe_rows"):
            if getattr(self, name) < 1:
                raise ValueError(f"{_flag(name)}: found {getattr(self, name)}, expected 1 or more")
        if self.patience < 0:
            raise ValueError(f"--patience: found {self.patience}, expected 0 or more")
        for name in ("learning_rate", "head_learning_rate", "clip"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{_flag(name)}: found {getattr(self, name)}, expected more than 0")
        for name in ("warmup_share", "dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{_flag(name)}: found {getattr(self, name)}, expected a share from 0 up to 1")
        if self.encoder_dropout >= 1:
            raise ValueError(f"--encoder-dropout: found {self.encoder_dropout}, expected less than 1")
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{_flag(name)}: found {getattr(self, name)!r}, expected one of {', '.join(choices)}")

    def hyperparameters(self) -> dict[str, Any]:
        """Every field but the directories."""
        return {item.name: getattr(self, item.name) for item in fields(self) if "variable" not in item.metadata}


def parse(argv: Sequence[str] | None = None) -> Arguments:
    """Arguments from the command line; the directories default to SageMaker's SM_* variables.

    Raises ValueError for a value outside its range or a directory that nothing names.
    """
    parser = argparse.ArgumentParser(
        prog="train.py", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter, allow_abbrev=False
    )
    for item in fields(Arguments):
        if "variable" in item.metadata:
            default = os.environ.get(item.metadata["variable"])
            parser.add_argument(
                _flag(item.name),
                type=Path,
                default=default,
                help=f"{item.metadata['help']} [{item.metadata['variable']}]",
            )
        else:
            kind = _truth if item.type is bool else item.type
            metavar = "true|false" if item.type is bool else item.type.__name__
            parser.add_argument(
                _flag(item.name), type=kind, default=item.default, metavar=metavar, help=item.metadata["help"]
            )
    values = vars(parser.parse_args(argv))
    for item in fields(Arguments):
        if values[item.name] is None:
            raise ValueError(
                f"{_flag(item.name)}: found nothing, expected a directory; name one or set {item.metadata['variable']}"
            )
    return Arguments(**values)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _truth(text: str) -> bool:
    answers = {"true": True, "1": True, "false": False, "0": False}
    if text.lower() not in answers:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected true or false")
    return answers[text.lower()]
