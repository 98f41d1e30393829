import pytest
from botocore.exceptions import ClientError

from release.aws.failure import is_not_found


@pytest.mark.parametrize(
    ("code", "message", "not_found"),
    [
        ("ResourceNotFound", "", True),
        ("NoSuchKey", "", True),
        ("404", "Not Found", True),
        ("ValidationException", "Could not find endpoint moderation-prod.", True),
        ("ValidationException", "1 validation error detected", False),
        ("AccessDeniedException", "the role does not exist", False),
    ],
)
def test_only_a_missing_thing_is_not_found(code, message, not_found):
    error = ClientError({"Error": {"Code": code, "Message": message}}, "DescribeEndpoint")
    assert is_not_found(error) is not_found
