"""How much of what a model finds it still finds when the writer evades it: five kinds, the same on every run."""

import random
import re
from collections.abc import Callable, Sequence

import numpy as np

from contract.evaluation.document import EvasionKind

LARGEST_SAMPLE = 200  # positive rows that are rewritten: enough to see a loss of a few percent
SEED = 13
LEET = {"a": "4", "e": "3", "i": "1", "o": "0", "s": "5", "t": "7", "g": "9", "b": "8"}
# Cyrillic and Greek letters that most fonts draw like the Latin one
HOMOGLYPHS = dict(zip("aceijopsuxyABEHKMNOPTXZ", "асеіјорѕυхуΑΒΕΗΚΜΝΟΡΤΧΖ", strict=True))
ZERO_WIDTH = ("\u200b", "\u200c", "\u200d", "\u2060")
WORD = re.compile(r"[^\W\d_]{3,}")  # shorter words carry little and would only blur what is measured


def leetspeak(text: str, chance: random.Random) -> str:
    """Digits for letters they resemble: at least one, and about half of those that have one, in every word."""
    return _in_words(text, lambda word: _replace(word, LEET, chance))


def homoglyphs(text: str, chance: random.Random) -> str:
    """Letters of other scripts for letters they look like: at least one, and about half, in every word."""
    return _in_words(text, lambda word: _replace(word, HOMOGLYPHS, chance))


def zero_width(text: str, chance: random.Random) -> str:
    """A character without width inside every word."""
    return _in_words(text, lambda word: _insert(word, chance.choice(ZERO_WIDTH), chance))


def spacing(text: str, chance: random.Random) -> str:
    """A space inside every word."""
    return _in_words(text, lambda word: _insert(word, " ", chance))


def case(text: str, chance: random.Random) -> str:
    """Every letter upper or lower case by chance."""
    return "".join(letter.upper() if chance.random() < 0.5 else letter.lower() for letter in text)


EVASIONS: dict[str, Callable[[str, random.Random], str]] = {
    "leetspeak": leetspeak,
    "homoglyphs": homoglyphs,
    "zero_width": zero_width,
    "spacing": spacing,
    "case": case,
}


def evade(texts: Sequence[str], kind: str, seed: int = SEED) -> list[str]:
    """Each text rewritten by one of the EVASIONS; the result depends on the text, the kind and the seed alone."""
    return [EVASIONS[kind](text, random.Random(f"{seed} {kind} {text}")) for text in texts]  # noqa: S311


def chosen_rows(truth: np.ndarray, limit: int = LARGEST_SAMPLE, seed: int = SEED) -> np.ndarray:
    """The rows with a positive label in truth (rows, labels), or a seeded choice of `limit` of them, in order."""
    positive = np.flatnonzero((truth == 1).any(axis=1))
    if len(positive) <= limit:
        return positive
    return np.sort(np.random.default_rng(seed).choice(positive, limit, replace=False))


def recall_kept(truth: np.ndarray, clean: np.ndarray, evaded: np.ndarray) -> EvasionKind:
    """Recall over all positive (row, label) pairs on clean and on evading text, and the share of it that is kept.

    truth (rows, labels); clean, evaded: flags (rows, labels). A part of the pairs may be found only in evading text,
    so `kept` may exceed 1; it is None without a hit on clean text.
    """
    pairs = truth == 1
    recall_clean, recall_evaded = (float(flags[pairs].mean()) if pairs.any() else None for flags in (clean, evaded))
    return {
        "rows": len(truth),
        "recall_clean": recall_clean,
        "recall_evaded": recall_evaded,
        "kept": recall_evaded / recall_clean if recall_clean and recall_evaded is not None else None,
    }


def _in_words(text: str, change: Callable[[str], str]) -> str:
    return WORD.sub(lambda match: change(match.group()), text)


def _replace(word: str, table: dict[str, str], chance: random.Random) -> str:
    places = [place for place, letter in enumerate(word) if letter in table or letter.lower() in table]
    if not places:
        return word
    letters = list(word)
    for place in chance.sample(places, (len(places) + 1) // 2):
        letters[place] = table.get(letters[place]) or table[letters[place].lower()]
    return "".join(letters)


def _insert(word: str, what: str, chance: random.Random) -> str:
    place = chance.randint(1, len(word) - 1)
    return word[:place] + what + word[place:]
