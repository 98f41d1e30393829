"""What was sent to make a model or an endpoint config, and the refusals that all of hosting words alike."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime

from moto.utilities.tagging_service import TaggingService

from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError


@dataclass(frozen=True)
class Record:
    """A model or an endpoint config, as it was sent."""

    arn: str
    created: datetime
    request: dict  # without Tags


class Records:
    """All records of one kind, by name; safe to use from several threads."""

    def __init__(self, cloud: Cloud, tags: TaggingService, kind: str, words: str):
        """`kind` is the word in the ARN ("endpoint-config"), `words` how errors call it ("endpoint configuration")."""
        self._cloud = cloud
        self._tags = tags
        self._kind = kind
        self._words = words
        self._lock = threading.Lock()
        self._records: dict[str, Record] = {}

    def add(self, name: str, request: dict) -> Record:
        """Keeps a request and its tags. Raises ValidationException where the name is taken."""
        members = {member: value for member, value in request.items() if member != "Tags"}
        arn = self._arn(name)
        with self._lock:
            if name in self._records:
                raise invalid(f'Cannot create already existing {self._words} "{arn}".')
            record = self._records[name] = Record(arn, self._cloud.now(), members)
        self._tags.tag_resource(arn, request.get("Tags", []))
        return record

    def find(self, name: str) -> Record:
        """The record. Raises ValidationException where there is none."""
        with self._lock:
            if name not in self._records:
                raise invalid(f'Could not find {self._words} "{self._arn(name)}".')
            return self._records[name]

    def get(self, name: str) -> Record | None:
        with self._lock:
            return self._records.get(name)

    def remove(self, name: str) -> None:
        """Forgets a record and its tags. Raises ValidationException where there is none."""
        self._tags.delete_all_tags_for_resource(self.find(name).arn)
        with self._lock:
            self._records.pop(name, None)

    def items(self) -> list[tuple[str, Record]]:
        with self._lock:
            return list(self._records.items())

    def _arn(self, name: str) -> str:
        return self._cloud.arn("sagemaker", f"{self._kind}/{name}")


def invalid(message: str) -> AwsError:
    """A refusal of what the request says."""
    return AwsError("ValidationException", message)


def absent(what: str) -> AwsError:
    """The honest answer to what AWS does and this emulator does not."""
    return AwsError(
        "NotImplementedException", f"{what} is not emulated by sagemaker. docs/emulator.md lists what is.", status=501
    )
