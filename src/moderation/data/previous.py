"""Lets rows stay in the split that the dataset before put them into, so that releases are measured on the same rows."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from contract.data.section import DataConfig
from contract.dataset.manifest import MANIFEST_FILE, SPLITS
from moderation.data.splitting import FREE
from moderation.rows.row import normalised
from moderation.rows.spool import Spool, text_digest

BATCH_ROWS = 4096


@dataclass(frozen=True)
class Previous:
    """The dataset that was published before this one."""

    directory: Path
    version: str
    lineage: str
    """Version of the dataset that its splits go back to: since then, no row has changed its split."""

    def batches(self) -> Iterator[tuple[int, list[str]]]:
        """Split number and normalised texts of some rows, until all were given.

        Raises ValueError where the files are damaged.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        for number, split in enumerate(SPLITS):
            files = sorted((self.directory / split).glob("*.parquet"))
            if not files:
                raise ValueError(
                    f"--previous: found no Parquet file of the {split} split of dataset {self.version}, expected a "
                    "whole dataset; copy it again, or leave --previous out to split all rows anew"
                )
            for path in files:
                try:
                    for batch in pq.ParquetFile(path).iter_batches(batch_size=BATCH_ROWS, columns=["text"]):
                        yield number, [normalised(text) for text in batch["text"].to_pylist()]
                except (pa.ArrowException, OSError) as error:
                    raise ValueError(
                        f"--previous: found a damaged {split}/{path.name} ({type(error).__name__}), expected a whole "
                        "dataset; copy it again, or leave --previous out to split all rows anew"
                    ) from error


def split_settings(config: DataConfig) -> dict[str, Any]:
    """What decides how rows are split; a dataset with other settings says nothing about this one."""
    return {
        "seed": config.seed,
        "validation_fraction": config.validation_fraction,
        "test_fraction": config.test_fraction,
        "near_duplicates": config.near_duplicates,
    }


def read_previous(directory: Path | None, config: DataConfig) -> tuple[Previous | None, str | None]:
    """The dataset before and no reason, or None and the reason why there is none to go by.

    Raises ValueError for a directory that holds something else than a dataset.
    """
    if directory is None or not directory.is_dir() or not any(directory.iterdir()):
        return None, "there is none"
    try:
        manifest = json.loads((directory / MANIFEST_FILE).read_text(encoding="utf-8"))
        version, settings = manifest["dataset_version"], manifest.get("split", {})
        lineage = manifest.get("lineage", version)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"--previous: found no readable {MANIFEST_FILE} in {directory.name} ({type(error).__name__}), expected a "
            "prepared dataset; copy it again, or leave --previous out to split all rows anew"
        ) from error

    current = split_settings(config)
    other = [
        f"{name} was {'off' if settings[name] is None else settings[name]}" if name in settings else f"no {name} noted"
        for name in current
        if name not in settings or settings[name] != current[name]
    ]
    if other:
        return None, f"dataset {version} was split with other settings ({', '.join(other)})"
    return Previous(directory, version, lineage), None


def earlier_splits(previous: Previous, spool: Spool, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The split that each spooled row had, FREE where it is new or not kept; and the splits of rows that are gone.

    Rows that are gone leave their signatures in the spool, behind those of its rows: a corrected text stays in the
    split of the one it replaces.
    """
    digests = spool.digests
    rows = np.flatnonzero(kept)
    order = rows[np.lexsort((digests[rows, 1], digests[rows, 0]))]
    firsts = digests[order, 0]  # by which the rows are looked up
    splits = np.full(spool.rows, FREE, np.int8)
    gone: list[int] = []

    for split, texts in previous.batches():
        sought = np.frombuffer(b"".join(map(text_digest, texts)), ">u8").reshape(-1, 2).astype(np.uint64)
        place = np.minimum(np.searchsorted(firsts, sought[:, 0]), max(len(order) - 1, 0))
        still_there = (digests[order[place]] == sought).all(axis=1) if len(order) else np.zeros(len(texts), bool)
        splits[order[place[still_there]]] = split
        if spool.signatures:
            for index in np.flatnonzero(~still_there):
                spool.signatures.add(texts[index])
                gone.append(split)
    return splits, np.array(gone, np.int8)
