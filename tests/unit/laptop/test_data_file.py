import gzip

import pytest

from laptop.data_file import check_data_file, upload_data
from laptop.machine import LaptopError


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("absent.jsonl", None, "no such file"),
        ("rows.xlsx", b"x", "ends with none of"),
        ("rows.jsonl.gz", b"not gzip", "not a gzip file"),
    ],
)
def test_a_data_file_that_cannot_be_read_is_refused_before_anything_starts(tmp_path, name, content, reason):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(LaptopError, match=reason):
        check_data_file(tmp_path / name)


def test_a_readable_data_file_passes(tmp_path):
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "a", "labels": []}\n'))
    assert check_data_file(path) == path


class Storage:
    """A laptop whose bucket holds these keys."""

    def __init__(self, *keys):
        self.keys = list(keys)

    def client(self, service):
        return self

    def get_paginator(self, operation):
        return self

    def paginate(self, Bucket, Prefix):
        return [{"Contents": [{"Key": key} for key in self.keys if key.startswith(Prefix)]}]

    def delete_object(self, Bucket, Key):
        self.keys.remove(Key)

    def upload_file(self, path, bucket, key):
        self.keys.append(key)


def test_the_users_file_is_the_only_raw_data(tmp_path):
    storage = Storage("raw/old.jsonl", "prepared/v1/manifest.json")
    upload_data(storage, "data", tmp_path / "rows.csv")
    assert storage.keys == ["prepared/v1/manifest.json", "raw/rows.csv"]


def test_without_a_file_nothing_raw_is_left():
    storage = Storage("raw/old.jsonl")
    upload_data(storage, "data", None)
    assert storage.keys == []
