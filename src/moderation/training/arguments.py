"""The hyperparameters and channels of a training run: command-line arguments, as SageMaker sends them."""

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import Field, asdict, dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

from contract.training.hyperparameters import Hyperparameters, flag, parsed

CHANNELS = {
    "train": ("SM_CHANNEL_TRAIN", "directory with the train split and labels.json"),
    "validation": ("SM_CHANNEL_VALIDATION", "directory with the validation split and labels.json"),
    "base_model": ("SM_CHANNEL_BASE_MODEL", "directory with config.json, model.safetensors and tokenizer"),
    "model_dir": ("SM_MODEL_DIR", "directory that receives the model"),
}


@dataclass(frozen=True)
class Channels:
    """Where a training reads and writes; each is an argument, or the variable that SageMaker sets."""

    train: Path
    validation: Path
    base_model: Path
    model_dir: Path


@dataclass(frozen=True)
class Arguments:
    """A training run."""

    channels: Channels
    settings: Hyperparameters

    def hyperparameters(self) -> dict[str, Any]:
        """Name to value."""
        return asdict(self.settings)


class _Parser(argparse.ArgumentParser):
    """Raises ValueError where argparse would end the process: the reason must reach the job's failure file."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}; `python src/train.py --help` lists the hyperparameters")


def parse(argv: Sequence[str] | None = None) -> Arguments:
    """Arguments from the command line; the directories default to SageMaker's SM_* variables.

    Raises ValueError for an unknown name, a value of the wrong type or out of its range, or a directory that nothing
    names.
    """
    parser = _Parser(
        prog="train.py", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter, allow_abbrev=False
    )
    for name, (variable, text) in CHANNELS.items():
        parser.add_argument(f"--{flag(name)}", type=Path, default=os.environ.get(variable), help=f"{text} [{variable}]")
    for item in fields(Hyperparameters):
        parser.add_argument(
            f"--{flag(item.name)}",
            type=_reader(item),
            default=item.default,
            metavar="true|false" if item.type is bool else getattr(item.type, "__name__", None),
            help=item.metadata["help"],
        )

    values = vars(parser.parse_args(argv))
    for name, (variable, _) in CHANNELS.items():
        if values[name] is None:
            raise ValueError(f"--{flag(name)}: found nothing, expected a directory; name one or set {variable}")
    channels = Channels(**{name: values.pop(name) for name in CHANNELS})
    return Arguments(channels, Hyperparameters(**values))


def _reader(item: Field[Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return parsed(item, text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read
