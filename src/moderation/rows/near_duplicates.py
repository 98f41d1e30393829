"""Finds texts that are nearly the same: MinHash signatures, kept on disk, and clusters of similar ones.

The similarity of two texts is the share of their 4-character sequences that both have (Jaccard), white space and
punctuation left out. A signature of 128 minima estimates it within .035 at .8 (one standard error). Pairs within that
of the threshold count as similar: keeping two rows in one split costs nothing, parting them flatters the model.
"""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

SEQUENCE = 4  # characters
PERMUTATIONS = 128
SIGNATURE_BATCH = 512  # rows whose hashes fit into the processor's cache
LEAST_RECALL = 0.995  # of the pairs at the threshold, that share at least one band
NEIGHBOURS = 32  # rows of its bucket that a row is compared with
LARGEST_SHARE = 0.1  # of all rows in one cluster; above it stands a template, not a text and its copies
STRICTER_THRESHOLDS = 4  # that such a cluster is parted at, one after the other
SMALLEST_LIMIT = 10  # rows that a cluster may always have
BAND_BYTES = 4  # of a band's hash
COMPARED_PAIRS = 65536  # at once: their signatures take 16 MiB
_BREAK = 10  # the code point between two texts
_CHANCE = np.random.default_rng(20)
_FACTORS = _CHANCE.integers(0, 2**63, SEQUENCE, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_SLOPES = _CHANCE.integers(0, 2**31, PERMUTATIONS, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
_OFFSETS = _CHANCE.integers(0, 2**32, PERMUTATIONS, dtype=np.uint32)
_BAND_FACTORS = _CHANCE.integers(0, 2**63, PERMUTATIONS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)


def signatures(texts: Sequence[str]) -> np.ndarray:
    """MinHash signatures (rows, 128) uint32 of normalised texts, none of which is empty."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
    lengths = np.array([len(text) for text in texts])
    starts = np.cumsum(lengths) - lengths
    keep = _is_word()[np.minimum(codes, len(_is_word()) - 1)]
    words = np.add.reduceat(keep, starts, dtype=np.int64)
    if not words.all():  # a text of nothing but punctuation or emoji is what it is
        keep |= np.repeat(words == 0, lengths)
        words = np.where(words == 0, lengths, words)

    # each text is followed by breaks, so that as many sequences start in it as it has characters
    codes = np.insert(codes[keep], np.repeat(np.cumsum(words), SEQUENCE - 1), _BREAK).astype(np.uint64)
    inside = np.ones(len(codes), bool)
    inside[np.repeat(np.cumsum(words), SEQUENCE - 1) + np.arange((SEQUENCE - 1) * len(texts))] = False

    # one 32-bit hash a sequence: a sum of its characters by odd factors, mixed so that every bit depends on all
    count = len(codes) - SEQUENCE + 1
    sums = np.zeros(count, np.uint64)
    for shift in range(SEQUENCE):
        sums += codes[shift : shift + count] * _FACTORS[shift]
    sums ^= sums >> np.uint64(29)
    sums *= np.uint64(0xBF58476D1CE4E5B9)
    hashes = (sums >> np.uint64(32)).astype(np.uint32)[inside[:count]]

    # the minimum of each text under each permutation, a linear map modulo 2**32
    starts = np.cumsum(words) - words
    minima = np.empty((PERMUTATIONS, len(texts)), np.uint32)
    permuted = np.empty_like(hashes)
    for number in range(PERMUTATIONS):
        np.multiply(hashes, _SLOPES[number], out=permuted)
        permuted += _OFFSETS[number]
        np.minimum.reduceat(permuted, starts, out=minima[number])
    return minima.T


def band_width(threshold: float) -> int:
    """The most minima a band can have so that nearly all pairs at the threshold agree in one of the bands."""
    widths = [
        width
        for width in range(1, PERMUTATIONS + 1)
        if 1 - (1 - threshold**width) ** (PERMUTATIONS // width) >= LEAST_RECALL
    ]
    return max(widths)


class Signatures:
    """The signatures of many texts, in files: 212 bytes a row on disk at a threshold of .8, none in memory."""

    def __init__(self, directory: Path, threshold: float) -> None:
        directory.mkdir()
        self.threshold = threshold
        self.rows = 0
        self._width = band_width(threshold)
        self._signature_file = directory / "signatures.bin"
        self._band_files = [directory / f"band-{number:03d}.bin" for number in range(PERMUTATIONS // self._width)]
        self._open = [path.open("wb") for path in (self._signature_file, *self._band_files)]
        self._waiting: list[str] = []

    def add(self, text: str) -> None:
        """Take the next row's normalised text."""
        self._waiting.append(text)
        if len(self._waiting) == SIGNATURE_BATCH:
            self._write()

    def _write(self) -> None:
        minima = signatures(self._waiting)
        signature_file, *band_files = self._open
        signature_file.write(minima.astype(np.uint8).tobytes())
        factors = _BAND_FACTORS[: self._width]
        for number, file in enumerate(band_files):
            band = minima[:, number * self._width : (number + 1) * self._width].astype(np.uint64)
            file.write(((band * factors).sum(axis=1, dtype=np.uint64) >> np.uint64(32)).astype(np.uint32).tobytes())
        self.rows += len(self._waiting)
        self._waiting = []

    def take(self, stretches: Sequence[tuple[Path, int, int]]) -> None:
        """Take rows whose signatures others have finished: directory, first row and number of rows of each stretch."""
        directories = {directory for directory, _, _ in stretches}
        for file, path in zip(self._open, (self._signature_file, *self._band_files), strict=True):
            row_bytes = PERMUTATIONS if path == self._signature_file else BAND_BYTES
            finished = {
                directory: np.memmap(directory / path.name, np.uint8, "r").reshape(-1, row_bytes)
                for directory in directories
            }
            for directory, first, rows in stretches:
                file.write(finished[directory][first : first + rows].data)
        self.rows += sum(rows for _, _, rows in stretches)

    def finish(self) -> None:
        """Write what waits; no row can be added any more."""
        if self._waiting:
            self._write()
        for file in self._open:
            file.close()

    def clusters(self, rows: np.ndarray) -> tuple[np.ndarray, int]:
        """Cluster number of each of the given rows (ascending row numbers), and how many rows are in loosened clusters.

        A cluster that would hold more than a tenth of the rows is the work of a template: it is parted again at
        stricter thresholds, until the parts are small enough or nothing but equal signatures is left.
        """
        member = np.arange(len(rows))
        if len(rows) < 2:
            return member, 0
        limit = max(SMALLEST_LIMIT, int(LARGEST_SHARE * len(rows)))
        minima = np.memmap(self._signature_file, np.uint8, "r").reshape(-1, PERMUTATIONS)
        clusters = self._joined(minima, rows, self.threshold)

        loosened = np.zeros(len(rows), bool)
        threshold = self.threshold
        for _ in range(STRICTER_THRESHOLDS):
            large = np.bincount(clusters)[clusters] > limit
            if not large.any():
                break
            loosened |= large
            threshold = (1 + threshold) / 2
            clusters[large] = clusters.max() + 1 + self._joined(minima, rows[large], threshold)
            clusters = np.unique(clusters, return_inverse=True)[1]

        # what is too large even then falls apart into single rows
        large = np.bincount(clusters)[clusters] > limit
        clusters[large] = clusters.max() + 1 + np.arange(np.count_nonzero(large))
        return np.unique(clusters, return_inverse=True)[1], int(np.count_nonzero(loosened))

    def _joined(self, minima: np.ndarray, rows: np.ndarray, threshold: float) -> np.ndarray:
        """Number of the connected component of each row, where similar rows of a bucket are connected.

        minima (all rows, permutations): the lowest byte of each.
        """
        # one standard error below the threshold still counts as similar
        agreeing = int(np.ceil((threshold - np.sqrt(threshold * (1 - threshold) / PERMUTATIONS)) * PERMUTATIONS))
        component = np.arange(len(rows))
        for path in self._band_files:
            band = np.fromfile(path, np.uint32)[rows]
            order = np.argsort(band, kind="stable")
            sorted_band = band[order]
            same = np.flatnonzero(sorted_band[1:] == sorted_band[:-1])

            # each row of a bucket is compared with the next one behind it, then with the second next, and so on
            for distance in range(1, NEIGHBOURS + 1):
                same = same[same + distance < len(order)]
                same = same[sorted_band[same] == sorted_band[same + distance]]
                if not len(same):
                    break
                first, second = order[same], order[same + distance]
                apart = component[first] != component[second]
                first, second = first[apart], second[apart]
                similar = _similar(minima, rows[first], rows[second], agreeing)
                if similar.any():
                    component = _merged(component, component[first[similar]], component[second[similar]])
        return component


def _similar(minima: np.ndarray, first: np.ndarray, second: np.ndarray, agreeing: int) -> np.ndarray:
    """Whether both rows of each pair (pairs) agree in at least so many minima."""
    similar = np.empty(len(first), bool)
    for start in range(0, len(first), COMPARED_PAIRS):
        part = slice(start, start + COMPARED_PAIRS)
        equal = minima[first[part]] == minima[second[part]]
        similar[part] = np.count_nonzero(equal, axis=1) >= agreeing
    return similar


def _merged(component: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Components after joining pairs of them."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    touched, ends = np.unique(np.concatenate([first, second]), return_inverse=True)
    pairs = (np.ones(len(first), bool), (ends[: len(first)], ends[len(first) :]))
    number = connected_components(coo_array(pairs, shape=(len(touched), len(touched))), directed=False)[1]
    # a joined component takes the number of its first one
    name = np.full(number.max() + 1, len(component))
    np.minimum.at(name, number, touched)
    renamed = np.arange(len(component))
    renamed[touched] = name[number]
    return renamed[component]


@functools.cache
def _is_word() -> np.ndarray:
    """For each code point up to 0x20000, whether it is a letter or a digit."""
    return np.array([chr(code).isalnum() for code in range(0x20000)])
