"""The n-gram part of the model: TF-IDF of words and characters, and a balanced logistic regression a label.

It sees what an encoder's tokens hide: rare words, spelling tricks, texts beyond the encoder's length. scikit-learn fits
it; scoring needs numpy alone. Saved, it is ngrams.json (the vocabulary) and ngrams.safetensors (the numbers).
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import safetensors.numpy

VOCABULARY, NUMBERS = "ngrams.json", "ngrams.safetensors"
WORD = r"(?u)\b\w+\b"
WORD_RANGE, CHARACTER_RANGE = (1, 2), (3, 5)


@dataclass(frozen=True)
class Ngrams:
    """Fitted n-grams and their weights."""

    words: list[str]
    """Words and pairs of words, in the order of their weights."""
    characters: list[str]
    """Three to five characters within words; their weights follow those of the words."""
    idf: np.ndarray
    """(features) float32: weight of each n-gram by its rarity."""
    weights: np.ndarray
    """(labels, features) float16, small in the archive: what the rounding changes is far below what a score shows."""
    biases: np.ndarray
    """(labels) float32"""

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """Logits (rows, labels) float32 of texts."""
        result = np.tile(self.biases, (len(texts), 1))
        for row, text in enumerate(texts):
            for index, ngrams in self._kinds(text.lower()):
                counts = Counter(feature for ngram in ngrams if (feature := index.get(ngram)) is not None)
                if counts:
                    # TF-IDF with a logarithmic term frequency, each kind of length 1
                    features = np.fromiter(counts, dtype=np.int64, count=len(counts))
                    frequencies = np.fromiter(counts.values(), dtype=np.float32, count=len(counts))
                    values = (1 + np.log(frequencies)) * self.idf[features]
                    result[row] += values @ self._by_feature[features] / np.linalg.norm(values)
        return result

    def scaled(self, factors: np.ndarray, offsets: np.ndarray) -> "Ngrams":
        """The n-grams whose logits are `factors` (labels) times these, plus `offsets` (labels)."""
        weights = (self.weights * factors[:, None]).astype(np.float16)
        return replace(self, weights=weights, biases=(self.biases * factors + offsets).astype(np.float32))

    def _kinds(self, text: str) -> Iterator[tuple[dict[str, int], Iterable[str]]]:
        yield self._word_index, word_ngrams(text)
        yield self._character_index, character_ngrams(text)

    @cached_property
    def _word_index(self) -> dict[str, int]:
        return {ngram: number for number, ngram in enumerate(self.words)}

    @cached_property
    def _character_index(self) -> dict[str, int]:
        return {ngram: number for number, ngram in enumerate(self.characters, start=len(self.words))}

    @cached_property
    def _by_feature(self) -> np.ndarray:
        """Weights (features, labels) float32: the few rows that a text needs lie together."""
        return np.ascontiguousarray(self.weights.T, dtype=np.float32)


def word_ngrams(text: str) -> Iterator[str]:
    """Words and pairs of words of a lower-case text, as scikit-learn's analyzer `word` cuts them."""
    words = re.findall(WORD, text)
    yield from words
    for first, second in pairwise(words):
        yield f"{first} {second}"


def character_ngrams(text: str) -> Iterator[str]:
    """Three to five characters within the words of a lower-case text, as scikit-learn's analyzer `char_wb`."""
    for part in text.split():
        word = f" {part} "
        for size in range(CHARACTER_RANGE[0], CHARACTER_RANGE[1] + 1):
            if len(word) <= size:
                yield word  # a word that is no longer than this is counted once
                break
            for start in range(len(word) - size + 1):
                yield word[start : start + size]


def save(ngrams: Ngrams, directory: Path) -> None:
    """Write ngrams.json and ngrams.safetensors into an existing directory."""
    content = {"words": ngrams.words, "characters": ngrams.characters}
    (directory / VOCABULARY).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    numbers = {"idf": ngrams.idf, "weights": ngrams.weights, "biases": ngrams.biases}
    safetensors.numpy.save_file(numbers, directory / NUMBERS)
    (directory / NUMBERS).chmod(0o644)  # the library leaves it unreadable for the user of a hosting container


def load(directory: Path) -> Ngrams | None:
    """The saved n-grams of a model directory, or None where it has none. Raises ValueError where they are damaged."""
    paths = [directory / VOCABULARY, directory / NUMBERS]
    present = [path.name for path in paths if path.is_file()]
    if not present:
        return None
    if len(present) < len(paths):
        raise ValueError(f"{directory}: found {present[0]} alone, expected both {VOCABULARY} and {NUMBERS}")

    content = json.loads(paths[0].read_text(encoding="utf-8"))
    numbers = safetensors.numpy.load_file(paths[1])
    ngrams = Ngrams(content["words"], content["characters"], **numbers)
    if len(ngrams.words) + len(ngrams.characters) != ngrams.weights.shape[1]:
        raise ValueError(
            f"{directory}: found {len(ngrams.words) + len(ngrams.characters)} n-grams in {VOCABULARY}, expected "
            f"{ngrams.weights.shape[1]} as in {NUMBERS}; the two files belong to different models"
        )
    return ngrams
