"""The classifier: any encoder of the Hub, the mean of its tokens or the first one, one logit a label.

A saved model is config.json (the encoder's, with the labels and the `moderation` entry), model.safetensors and the
tokenizer's files. It loads without code from the network and without pickle.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors.torch
import torch
from torch import nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CONFIG, WEIGHTS = "config.json", "model.safetensors"


@dataclass(frozen=True)
class Head:
    """What this project adds to an encoder's config.json, as its entry `moderation`."""

    dropout: float
    """Share of pooled features dropped while training."""
    max_length: int
    """Tokens a text is cut to."""
    pooling: str = "mean"
    """`mean` of the token vectors under the attention mask, or `cls`, the vector of the first token."""


class Classifier(nn.Module):
    """Encoder, pooling, dropout, linear head."""

    def __init__(self, encoder: "PreTrainedModel", labels: list[str], head: Head) -> None:
        super().__init__()
        self.encoder = encoder
        self.labels = list(labels)
        self.head_settings = head
        self.dropout = nn.Dropout(head.dropout)
        self.head = nn.Linear(encoder.config.hidden_size, len(labels))

    def features(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Pooled features (rows, hidden) float32 of token ids and mask (rows, tokens)."""
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state.float()
        if self.head_settings.pooling == "cls":
            return hidden[:, 0]
        mask = attention_mask.unsqueeze(-1).float()
        return (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Logits (rows, labels) of token ids and mask (rows, tokens)."""
        return self.head(self.dropout(self.features(input_ids, attention_mask))).float()

    @torch.no_grad()
    def set_head(self, weights: np.ndarray, biases: np.ndarray) -> None:
        """Give the head weights (labels, hidden) and biases (labels)."""
        self.head.weight.copy_(torch.from_numpy(np.asarray(weights, dtype=np.float32)))
        self.head.bias.copy_(torch.from_numpy(np.asarray(biases, dtype=np.float32)))


def make_classifier(encoder: "PreTrainedModel", labels: list[str], head: Head) -> Classifier:
    """A classifier on an encoder, with a head of zeros."""
    model = Classifier(encoder, labels, head)
    pooler = getattr(encoder, "pooler", None)
    if pooler is not None:  # it has no part in our pooling, and other ranks must not wait for its gradients
        pooler.requires_grad_(False)
    model.set_head(np.zeros(model.head.weight.shape), np.zeros(len(labels)))
    return model


def load_tokenizer(directory: Path) -> Any:
    """The tokenizer in a directory, from its files alone. Raises ValueError where they are missing."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(directory, local_files_only=True)
    except (OSError, ValueError) as error:
        raise ValueError(f"{directory}: found no usable tokenizer, expected tokenizer.json ({error})") from error


def save(model: Classifier, tokenizer: Any, directory: Path) -> None:
    """Write config.json, model.safetensors and the tokenizer's files into an existing directory."""
    config = {name: value for name, value in model.encoder.config.to_dict().items() if not name.startswith("_")}
    config |= {
        "architectures": [type(model.encoder).__name__],
        "id2label": {str(index): label for index, label in enumerate(model.labels)},
        "label2id": {label: index for index, label in enumerate(model.labels)},
        "problem_type": "multi_label_classification",
        "moderation": asdict(model.head_settings),
    }
    (directory / CONFIG).write_text(json.dumps(config, indent=1, ensure_ascii=False), encoding="utf-8")
    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    safetensors.torch.save_file(state, directory / WEIGHTS, metadata={"format": "pt"})
    (directory / WEIGHTS).chmod(0o644)  # the library leaves it unreadable for the user of a hosting container
    tokenizer.save_pretrained(directory)


def load(directory: Path) -> tuple[Classifier, Any]:
    """A saved classifier in evaluation mode and its tokenizer. Raises ValueError where it is not one."""
    from transformers import AutoConfig, AutoModel

    path = directory / CONFIG
    if not path.is_file():
        raise ValueError(f"{directory}: found no {CONFIG}, expected a model that train.py saved")
    content = json.loads(path.read_text(encoding="utf-8"))
    if "moderation" not in content:
        raise ValueError(f"{path}: found no entry `moderation`, expected a model that train.py saved")
    config = AutoConfig.from_pretrained(directory, local_files_only=True)
    labels = [content["id2label"][str(index)] for index in range(len(content["id2label"]))]
    model = make_classifier(AutoModel.from_config(config).float(), labels, Head(**content["moderation"]))
    model.load_state_dict(safetensors.torch.load_file(directory / WEIGHTS))
    return model.eval(), load_tokenizer(directory)
