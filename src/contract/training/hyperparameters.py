"""The hyperparameters of a training: their names, types, ranges and defaults, for moderation.yaml and for train.py."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PRECISIONS = ("auto", "fp32", "bf16")
POOLINGS = ("mean", "cls")
POSITIVE_WEIGHTS = ("sqrt", "none")


def _setting(default: Any, text: str, **rule: Any) -> Any:
    """A field with its help text and one rule: `at_least`, `above`, `share` (from 0 up to 1), `below`, `choices`."""
    return field(default=default, metadata={"help": text, **rule})


@dataclass(frozen=True)
class Hyperparameters:
    """How to train. Each field is a key of moderation.yaml and an argument: `batch_size` is `batch-size`."""

    epochs: int = _setting(2, "passes over the train split", at_least=1)
    patience: int = _setting(
        1,
        "end after so many epochs in a row that are worse than the best on validation (macro average precision), "
        "0: never; the best epoch's model is kept in any case",
        at_least=0,
    )
    batch_size: int = _setting(16, "rows of one step over all workers together, whatever their number", at_least=1)
    accumulation: int = _setting(
        1, "parts in which a worker goes through its rows of a step: more of them need less memory", at_least=1
    )
    max_length: int = _setting(128, "tokens a text is cut to", at_least=1)
    learning_rate: float = _setting(3e-4, "highest learning rate of the encoder", above=0)
    head_learning_rate: float = _setting(3e-3, "highest learning rate of the head", above=0)
    warmup_share: float = _setting(0.1, "share of the steps in which the learning rates rise", share=True)
    weight_decay: float = _setting(0.01, "weight decay of matrices", at_least=0)
    clip: float = _setting(1.0, "largest norm of a step's gradient", above=0)
    pooling: str = _setting(
        "mean", f"features of a text: {' or '.join(POOLINGS)} (of its tokens, its first one)", choices=POOLINGS
    )
    dropout: float = _setting(0.1, "share of pooled features dropped before the head", share=True)
    encoder_dropout: float = _setting(
        0.0, "dropout inside the encoder; a negative value keeps the base model's own", below=1
    )
    linear_probe: bool = _setting(True, "start the head from logistic regressions on the frozen encoder")
    probe_rows: int = _setting(20000, "rows of the train split that the linear probe uses at most", at_least=1)
    ngrams: bool = _setting(True, "add a TF-IDF n-gram model to the encoder, as one blended model")
    deobfuscate: bool = _setting(True, "undo look-alike letters, digits for letters and spaces in words when scoring")
    positive_weight: str = _setting(
        "sqrt",
        "how often a label's positives count in the loss: none (once) or sqrt (the root of its negatives a positive)",
        choices=POSITIVE_WEIGHTS,
    )
    freeze_word_embeddings: bool = _setting(True, "leave the word embeddings of the base model as they are")
    precision: str = _setting(
        "auto", f"type that matrices are multiplied in: {', '.join(PRECISIONS)}", choices=PRECISIONS
    )
    compile: bool = _setting(False, "compile the encoder: minutes at the start, faster steps on a GPU")
    checkpoint_seconds: float = _setting(
        300.0, "seconds between checkpoints; one is also written after each epoch", at_least=0
    )
    progress_seconds: float = _setting(3.0, "seconds between progress lines", at_least=0)
    seed: int = _setting(13, "seed of the order of rows and of dropout", at_least=0)

    def __post_init__(self) -> None:
        for item in dataclasses.fields(Hyperparameters):
            if problem := out_of_range(item, getattr(self, item.name)):
                raise ValueError(f"--{flag(item.name)}: {problem}")


def flag(name: str) -> str:
    """`batch-size` for the field `batch_size`."""
    return name.replace("_", "-")


def names() -> dict[str, dataclasses.Field[Any]]:
    """Every hyperparameter by its name in moderation.yaml."""
    return {flag(item.name): item for item in dataclasses.fields(Hyperparameters)}


def out_of_range(item: dataclasses.Field[Any], value: Any) -> str | None:
    """What is wrong with a value of the right type: `found 0, expected 1 or more`; None where nothing is."""
    rule = item.metadata
    if choices := rule.get("choices"):
        return None if value in choices else f"found {value!r}, expected one of {', '.join(choices)}"
    if isinstance(value, float) and not math.isfinite(value):
        return f"found {value}, expected a finite number"
    if "at_least" in rule and value < rule["at_least"]:
        return f"found {value}, expected {rule['at_least']} or more"
    if "above" in rule and not value > rule["above"]:
        return f"found {value}, expected more than {rule['above']}"
    if "below" in rule and not value < rule["below"]:
        return f"found {value}, expected less than {rule['below']}"
    if rule.get("share") and not 0 <= value < 1:
        return f"found {value}, expected a share from 0 up to 1"
    return None


def truth_value(text: str) -> bool:
    """`true`, `false`, `1` or `0` as train.py takes it. Raises ValueError for anything else."""
    answers = {"true": True, "1": True, "false": False, "0": False}
    if text.lower() not in answers:
        raise ValueError(f"found {text!r}, expected true or false")
    return answers[text.lower()]


def parsed(item: dataclasses.Field[Any], text: str) -> Any:
    """A command-line argument as the type of its field. Raises ValueError with what was found and expected."""
    if item.type is bool:
        return truth_value(text)
    if item.type is str:
        return text
    expected = "a whole number" if item.type is int else "a number"
    try:
        return item.type(text)  # type: ignore[operator]  # int or float
    except ValueError:
        raise ValueError(f"found {text!r}, expected {expected}") from None


def command_line(section: Mapping[str, Any]) -> dict[str, str]:
    """The `hyperparameters` section as SageMaker sends it: every value as text, checked as train.py checks it.

    Raises ValueError for an unknown name, a value of the wrong type or one out of range.
    """
    result, known = {}, names()
    for name, value in section.items():
        item = known[name]
        if isinstance(value, bool) and item.type is not bool:
            raise ValueError(f"{name}: found {str(value).lower()}, expected {_kind(item)}")
        if not isinstance(value, str | int | float):
            raise ValueError(f"{name}: found {type(value).__name__}, expected {_kind(item)}")
        text = str(value).lower() if isinstance(value, bool) else str(value)
        try:
            problem = out_of_range(item, parsed(item, text))
        except ValueError as error:
            problem = str(error)
        if problem:
            raise ValueError(f"{name}: {problem}")
        result[name] = text
    return result


def _kind(item: dataclasses.Field[Any]) -> str:
    return {bool: "true or false", int: "a whole number", float: "a number"}.get(
        item.type if isinstance(item.type, type) else str, "text"
    )
