import pytest

from release.aws.s3 import Address, list_objects, object_exists, parse, read_bytes, read_json


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("s3://bucket/a/b.json", Address("bucket", "a/b.json")),
        ("s3://bucket/prefix/", Address("bucket", "prefix/")),
        ("s3://bucket", Address("bucket", "")),
    ],
)
def test_an_address_is_bucket_and_key(uri, address):
    assert parse(uri) == address


@pytest.mark.parametrize("uri", ["", "bucket/key", "https://bucket/key", "s3:///key"])
def test_what_is_no_address_is_named(uri):
    with pytest.raises(ValueError, match="expected s3://<bucket>/<key>"):
        parse(uri)


def test_an_object_is_read_and_one_that_is_not_there_is_none(aws, platform):
    s3 = aws.client("s3")
    s3.put_object(Bucket=platform.data_bucket, Key="a/b.json", Body=b'{"x": 1}')
    uri = f"s3://{platform.data_bucket}/a/b.json"
    assert (read_bytes(uri, s3), read_json(uri, s3), object_exists(uri, s3)) == (b'{"x": 1}', {"x": 1}, True)
    gone = f"s3://{platform.data_bucket}/gone"
    assert (read_bytes(gone, s3), read_json(gone, s3), object_exists(gone, s3)) == (None, None, False)


def test_the_objects_of_a_prefix_are_listed(aws, platform):
    s3 = aws.client("s3")
    for key in ("raw/a", "raw/b", "other/c"):
        s3.put_object(Bucket=platform.data_bucket, Key=key, Body=b"")
    assert [entry["Key"] for entry in list_objects(f"s3://{platform.data_bucket}/raw/", s3)] == ["raw/a", "raw/b"]
