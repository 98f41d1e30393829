"""The error answer."""

from botocore.exceptions import ClientError

from emulator.core.errors import AwsError


def test_an_error_reads_as_its_code_and_message():
    assert str(AwsError("ValidationException", "no such job")) == "ValidationException: no such job"


def test_the_error_of_a_client_is_passed_on_with_its_status():
    response = {"Error": {"Code": "NoSuchBucket", "Message": "gone"}, "ResponseMetadata": {"HTTPStatusCode": 404}}
    error = AwsError.from_client(ClientError(response, "HeadBucket"))
    assert (error.code, error.message, error.status) == ("NoSuchBucket", "gone", 404)
