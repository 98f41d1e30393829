"""Objects in S3."""

import json
from typing import Any

from botocore.exceptions import ClientError

from release.aws.failure import is_not_found


def read_json(bucket: str, key: str, s3) -> dict[str, Any] | None:
    """A JSON object in S3, or None where there is none."""
    try:
        return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if is_not_found(error):
            return None
        raise


def object_exists(uri: str, s3) -> bool:
    """True where s3://bucket/key is there."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    return True
