"""How a call to AWS fails: the exception that a stage ends with, and the answers that mean `there is none`."""

from botocore.exceptions import ClientError


class StageFailed(Exception):
    """A stage did not reach its goal because of AWS, not of a person's input; the message says why and what to do."""


def is_not_found(error: ClientError) -> bool:
    """SageMaker answers a missing thing with a ValidationException that only its message tells apart."""
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "").lower()
    if code in ("ResourceNotFound", "ResourceNotFoundException", "NoSuchKey", "404"):
        return True
    return code == "ValidationException" and any(
        words in message for words in ("could not find", "not found", "does not exist")
    )
