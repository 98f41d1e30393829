"""Places in S3, as requests spell them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Location:
    """One place in S3."""

    bucket: str
    key: str  # an object's key or a prefix; no leading slash

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def below(self, *names: str) -> Location:
        """The location of `names` (joined by slashes) under this prefix."""
        return Location(self.bucket, "/".join([self.key.rstrip("/"), *names]).lstrip("/"))


def parse_location(uri: str) -> Location:
    """Splits `s3://bucket/key`. Raises ValueError for anything else."""
    scheme, separator, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not separator or not bucket:
        raise ValueError(f"found {uri!r} where an S3 location is expected; write it as s3://bucket/prefix")
    return Location(bucket, key)
