"""Which words a deobfuscator knows: the most frequent ones of the training texts."""

from collections import Counter
from collections.abc import Iterable

from moderation.model.deobfuscation import WORD, Deobfuscator

MAXIMUM_WORDS = 50_000


def fit_deobfuscator(texts: Iterable[str]) -> Deobfuscator:
    """A deobfuscator that knows the most frequent words of the texts."""
    counts = Counter(word for text in texts for word in WORD.findall(text.lower()))
    # by frequency, then by name: the same words whatever the order of the texts
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    return Deobfuscator(frozenset(ordered[:MAXIMUM_WORDS]))
