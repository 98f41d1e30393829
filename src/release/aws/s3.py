"""Objects in S3, by their addresses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from release.aws.failure import is_not_found

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

SCHEME = "s3://"


@dataclass(frozen=True)
class Address:
    """Where an object lies, or all objects whose keys begin so."""

    bucket: str
    key: str


def parse(uri: str) -> Address:
    """The address that `s3://bucket/key` stands for. Raises ValueError for anything else."""
    bucket, _, key = uri.removeprefix(SCHEME).partition("/")
    if not uri.startswith(SCHEME) or not bucket:
        raise ValueError(f"found {uri!r}, expected s3://<bucket>/<key>")
    return Address(bucket, key)


def read_bytes(uri: str, s3: S3Client) -> bytes | None:
    """What an object holds; None where there is none."""
    address = parse(uri)
    try:
        return s3.get_object(Bucket=address.bucket, Key=address.key)["Body"].read()
    except ClientError as error:
        if is_not_found(error):
            return None
        raise


def read_json(uri: str, s3: S3Client) -> dict[str, Any] | None:
    """What a JSON object in S3 holds; None where there is none."""
    content = read_bytes(uri, s3)
    return None if content is None else json.loads(content)


def object_exists(uri: str, s3: S3Client) -> bool:
    """True where the object is there."""
    address = parse(uri)
    try:
        s3.head_object(Bucket=address.bucket, Key=address.key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    return True


def list_objects(uri: str, s3: S3Client) -> Iterator[ObjectTypeDef]:
    """Every object whose key begins as the address does."""
    address = parse(uri)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=address.bucket, Prefix=address.key):
        yield from page.get("Contents", [])
