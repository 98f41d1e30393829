"""The labelled file that a user names with DATA=: checked, and made the platform's only raw data."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING

from laptop.machine import Laptop, LaptopError
from release.aws.s3 import list_objects

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DATA_FORMATS = (".jsonl", ".jsonl.gz", ".csv", ".parquet")


def check_data_file(data: Path) -> Path:
    """The path, when something can be read from it; says what is wrong before anything is started."""
    if not data.is_file():
        raise LaptopError(f"DATA={data}: there is no such file; give a path to one of {', '.join(DATA_FORMATS)}")
    if not data.name.endswith(DATA_FORMATS):
        raise LaptopError(f"DATA={data}: the name ends with none of {', '.join(DATA_FORMATS)}; rename or convert it")
    if data.name.endswith(".gz"):
        try:
            with gzip.open(data) as stream:
                stream.read(1)
        except (OSError, EOFError) as error:
            raise LaptopError(f"DATA={data}: not a gzip file ({error}); compress it anew") from error
    return data


def upload_data(laptop: Laptop, bucket: str, data: Path | None) -> None:
    """Makes `data` the only raw data of the platform; None leaves the demonstration set."""
    s3: S3Client = laptop.client("s3")
    for stored in list_objects(f"s3://{bucket}/raw/", s3):
        s3.delete_object(Bucket=bucket, Key=stored["Key"])
    if data is not None:
        s3.upload_file(str(data), bucket, f"raw/{data.name}")
