import pytest

from emulator.core.locations import Location, parse_location


def test_a_location_is_bucket_and_key():
    assert parse_location("s3://bucket/a/b") == Location("bucket", "a/b")
    assert parse_location("s3://bucket") == Location("bucket", "")
    assert Location("bucket", "a/").below("b", "c").uri == "s3://bucket/a/b/c"
    assert Location("bucket", "").below("b").uri == "s3://bucket/b"


@pytest.mark.parametrize("uri", ["bucket/a", "https://bucket/a", "s3:///a", ""])
def test_what_is_no_s3_location_is_refused_with_what_was_found(uri):
    with pytest.raises(ValueError, match="expected") as refusal:
        parse_location(uri)
    assert repr(uri) in str(refusal.value)
