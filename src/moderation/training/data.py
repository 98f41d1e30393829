"""Reads the channels of a training."""

from dataclasses import dataclass, replace

from moderation.fitting.deobfuscation import fit_deobfuscator
from moderation.job.dataset import Split, read_labels, read_lineage, read_split
from moderation.model.deobfuscation import Deobfuscator
from moderation.training.arguments import Channels


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What a training learns from and chooses by."""

    labels: list[str]
    """In the order of every array."""
    lineage: str | None
    """Version of the dataset that the splits go back to."""
    train: Split
    """Its texts as they were written."""
    validation: Split
    """Its texts as they are scored: deobfuscated where the model deobfuscates."""
    deobfuscator: Deobfuscator | None


def read_data(channels: Channels, deobfuscate: bool) -> TrainingData:
    """Both splits, and the deobfuscator that the train texts make. Raises ValueError where they don't fit."""
    labels = read_labels(channels.train)
    if read_labels(channels.validation) != labels:
        raise ValueError("found other labels in the validation channel than in train, expected splits of one dataset")
    train, validation = read_split(channels.train, labels), read_split(channels.validation, labels)

    deobfuscator = fit_deobfuscator(train.texts) if deobfuscate else None
    if deobfuscator:  # thresholds must be chosen on what will be scored
        validation = replace(validation, texts=[deobfuscator(text) for text in validation.texts])
    return TrainingData(labels, read_lineage(channels.train), train, validation, deobfuscator)
