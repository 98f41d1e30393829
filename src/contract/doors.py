"""The doors that SageMaker opens, and the folders that each ships: what it imports, and nothing else.

A job's fingerprint is made of the same files, so that a change elsewhere starts no job. A folder means its own files,
not the folders below it. A test walks the imports and proves each line complete and not too wide.
"""

from contract.model.archive import SERVING_DOOR, SERVING_FOLDERS

_READING = ("contract/data", "contract/kinds", "contract/strict", "moderation/job", "moderation/rows")

DOORS: dict[str, tuple[str, ...]] = {
    "shard.py": _READING,
    "prepare.py": (*_READING, "contract/dataset", "moderation/data", "moderation/pages"),
    # it packs the serving door into the model archive
    "train.py": (
        "contract/dataset",
        "contract/kinds",
        "contract/model",
        "contract/policy",
        "contract/training",
        "moderation/fitting",
        "moderation/job",
        "moderation/metrics",
        "moderation/model",
        "moderation/training",
    ),
    "evaluate.py": (
        "contract/dataset",
        "contract/evaluation",
        "contract/kinds",
        "contract/model",
        "contract/policy",
        "contract/strict",
        "moderation/evaluation",
        "moderation/fitting",
        "moderation/job",
        "moderation/metrics",
        "moderation/model",
        "moderation/pages",
        "moderation/report",
    ),
    SERVING_DOOR: SERVING_FOLDERS,
}
PACKED_DOORS = {"train.py": (SERVING_DOOR,)}
"""Doors that a job hands on inside what it makes."""
