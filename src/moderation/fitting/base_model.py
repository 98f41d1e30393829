"""From a base model of the Hub to a classifier that can be trained."""

from pathlib import Path
from typing import Any

import torch

from moderation.model.classifier import CONFIG, WEIGHTS, Classifier, Head, make_classifier

NO_LIMIT = 1_000_000  # tokens; tokenizers answer 1e30 where they know none


def from_base_model(
    directory: Path, labels: list[str], head: Head, encoder_dropout: float | None, attention: str | None
) -> Classifier:
    """A classifier on the encoder in `directory` (config.json, model.safetensors), with a head of zeros.

    `encoder_dropout` replaces every dropout of the encoder unless it is None; `attention` is a transformers
    attention implementation or None for the library's choice. Raises ValueError where the encoder is missing or is
    of a kind without one hidden state a token.
    """
    from transformers import AutoConfig, AutoModel

    if not (directory / CONFIG).is_file() or not (directory / WEIGHTS).is_file():
        raise ValueError(
            f"{directory}: found {', '.join(sorted(path.name for path in directory.glob('*'))) or 'nothing'}, expected "
            f"a base model with {CONFIG} and {WEIGHTS}; check base_model.source in moderation.yaml"
        )

    config = AutoConfig.from_pretrained(directory, local_files_only=True)
    if encoder_dropout is not None:
        for name, value in config.to_dict().items():
            if "dropout" in name and isinstance(value, int | float) and not isinstance(value, bool):
                setattr(config, name, encoder_dropout)

    choice = {} if attention is None else {"attn_implementation": attention}
    encoder = AutoModel.from_pretrained(
        directory, config=config, dtype=torch.float32, use_safetensors=True, local_files_only=True, **choice
    )
    return make_classifier(encoder, labels, head)


def check_max_length(model: Classifier, tokenizer: Any, max_length: int) -> None:
    """Raise ValueError where the encoder has no positions for texts of `max_length` tokens."""
    limits = [tokenizer.model_max_length]
    # RoBERTa keeps two of its positions for padding; its tokenizer states the limit that counts
    limits.append(getattr(model.encoder.config, "max_position_embeddings", None) or NO_LIMIT)
    if max_length > min(limits):
        raise ValueError(
            f"--max-length: found {max_length}, expected at most {min(limits)}, the longest text this base model reads"
        )
