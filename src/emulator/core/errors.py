"""The one exception by which an emulated operation refuses a request."""

from __future__ import annotations

from botocore.exceptions import ClientError


class AwsError(Exception):
    """An error answer as AWS gives it.

    `code` is the exception name the service documents (`ValidationException`), `status` the HTTP status,
    `members` further members of the modelled exception (`{"OriginalStatusCode": 500}`).
    """

    def __init__(self, code: str, message: str, status: int = 400, members: dict | None = None):
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.members = members or {}

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    @classmethod
    def from_client(cls, error: ClientError) -> AwsError:
        """The same error, as a client of moto or of another of our services received it."""
        found = error.response["Error"]
        return cls(found["Code"], found["Message"], error.response["ResponseMetadata"]["HTTPStatusCode"])
