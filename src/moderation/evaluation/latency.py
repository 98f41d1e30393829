"""How long models take to answer: timed in turns in one process, so that a busy machine slows all of them alike."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from contract.evaluation.document import Latency

SAMPLE_ROWS = 64
ROUNDS = 3  # of the whole sample at once; the middle one counts
Name = TypeVar("Name", bound=str)


def sample(texts: Sequence[str], limit: int = SAMPLE_ROWS) -> list[str]:
    """Texts at equal distances in the order of their length, so that few of them stand for all."""
    ranked = sorted(texts, key=lambda text: (len(text), text))
    places = np.unique(np.linspace(0, len(ranked) - 1, min(limit, len(ranked))).round().astype(int))
    return [ranked[place] for place in places]


def measure(
    scorers: Mapping[Name, Callable[[list[str]], Any]],
    texts: Sequence[str],
    clock: Callable[[], float] = time.perf_counter,
) -> dict[Name, Latency]:
    """Milliseconds for one text (median and 95th percentile) and texts a second of the whole sample, by scorer."""
    texts = list(texts)
    single: dict[Name, list[float]] = {name: [] for name in scorers}
    together: dict[Name, list[float]] = {name: [] for name in scorers}
    for score in scorers.values():  # the first calls allocate what the later ones reuse
        score(texts[:1])
        score(texts)

    for text in texts:
        for name, score in scorers.items():
            started = clock()
            score([text])
            single[name].append(clock() - started)

    for _ in range(ROUNDS):
        for name, score in scorers.items():
            started = clock()
            score(texts)
            together[name].append(clock() - started)

    return {
        name: {
            "p50_milliseconds": float(np.percentile(single[name], 50)) * 1000,
            "p95_milliseconds": float(np.percentile(single[name], 95)) * 1000,
            "texts_per_second": len(texts) / float(np.median(together[name])),
        }
        for name in scorers
    }
