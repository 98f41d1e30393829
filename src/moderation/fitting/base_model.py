"""From a base model of the Hub, or a model of our own, to a classifier that can be trained."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors.torch
import torch

from moderation.model.classifier import CONFIG, WEIGHTS, Classifier, Head, make_classifier

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NO_LIMIT = 1_000_000  # tokens; tokenizers answer 1e30 where they know none
SHARD_INDEX = "model.safetensors.index.json"
SHOWN_KEYS = 5


def from_base_model(
    directory: Path, labels: list[str], head: Head, encoder_dropout: float | None, attention: str | None
) -> Classifier:
    """A classifier on the encoder in `directory` (config.json, model.safetensors), with a head of zeros.

    `encoder_dropout` replaces every dropout of the encoder unless it is None; `attention` is a transformers
    attention implementation or None for the library's choice. Raises ValueError where the encoder is missing or is
    of a kind without one hidden state a token.
    """
    from transformers import AutoConfig

    has_weights = (directory / WEIGHTS).is_file() or (directory / SHARD_INDEX).is_file()
    if not (directory / CONFIG).is_file() or not has_weights:
        raise ValueError(
            f"{directory}: found {', '.join(sorted(path.name for path in directory.glob('*'))) or 'nothing'}, expected "
            f"a base model with {CONFIG} and {WEIGHTS}; check base_model.source in moderation.yaml"
        )

    config = AutoConfig.from_pretrained(directory, local_files_only=True)
    if encoder_dropout is not None:
        for name, value in config.to_dict().items():
            if "dropout" in name and isinstance(value, int | float) and not isinstance(value, bool):
                setattr(config, name, encoder_dropout)

    return make_classifier(load_encoder(directory, config, attention), labels, head)


def load_encoder(directory: Path, config: Any, attention: str | None) -> "PreTrainedModel":
    """The encoder in a directory with the weights that lie there, every one of them.

    Prefixes that wrappers add to the names of weights (`module.` of data-parallel training, `encoder.` of our own
    models, ...) are understood. Raises ValueError where a weight is missing: it would be a random number. The pooler
    alone may be missing, it has no part in our pooling.
    """
    from transformers import AutoModel

    options: dict[str, Any] = {"config": config, "dtype": torch.float32, "output_loading_info": True}
    if attention is not None:
        options["attn_implementation"] = attention
    encoder, report = AutoModel.from_pretrained(directory, use_safetensors=True, local_files_only=True, **options)
    missing = missing_weights(report)
    if not missing:
        return encoder

    weights: dict[str, torch.Tensor] = {}
    for path in sorted(directory.glob("*.safetensors")):
        weights |= safetensors.torch.load_file(path)
    unwrapped = without_prefix(weights, encoder.state_dict())
    if unwrapped:
        encoder, report = type(encoder).from_pretrained(None, state_dict=unwrapped, **options)
        missing = missing_weights(report)
    if missing:
        shown = ", ".join(missing[:SHOWN_KEYS]) + (", ..." if len(missing) > SHOWN_KEYS else "")
        raise ValueError(
            f"base model: found no weights for {len(missing)} parts of a {type(encoder).__name__} ({shown}), expected "
            "all but a pooler; config.json and the weights belong to different models, or the weights have other "
            "names: save the model again with save_pretrained"
        )
    return encoder


def missing_weights(report: Mapping[str, Any]) -> list[str]:
    """What a loading report calls missing, or of another shape, apart from a pooler; sorted."""
    mismatched = [str(entry[0]) for entry in report.get("mismatched_keys", ())]
    return sorted(key for key in (*report.get("missing_keys", ()), *mismatched) if "pooler" not in key.split("."))


def without_prefix(weights: Mapping[str, torch.Tensor], expected: Iterable[str]) -> dict[str, torch.Tensor]:
    """The weights under the names that an encoder expects, where all of them have one prefix; empty without one.

    The prefix is the one under which most of the expected names are found.
    """
    names = set(expected)
    found: dict[str, int] = {}
    for key in weights:
        parts = key.split(".")
        for place in range(1, len(parts)):
            if ".".join(parts[place:]) in names:
                prefix = ".".join(parts[:place]) + "."
                found[prefix] = found.get(prefix, 0) + 1
    if not found:
        return {}
    prefix = max(found, key=lambda each: (found[each], -len(each)))
    return {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}


def check_max_length(model: Classifier, tokenizer: Any, max_length: int) -> None:
    """Raise ValueError where the encoder has no positions for texts of `max_length` tokens."""
    limits = [tokenizer.model_max_length]
    # RoBERTa keeps two of its positions for padding; its tokenizer states the limit that counts
    limits.append(getattr(model.encoder.config, "max_position_embeddings", None) or NO_LIMIT)
    if max_length > min(limits):
        raise ValueError(
            f"--max-length: found {max_length}, expected at most {min(limits)}, the longest text this base model reads"
        )
