"""S3 is moto's, but for bucket policies, access logging, event notifications and the end of delete markers.

The gaps in moto 5.2.5:
- PutBucketPolicy takes any text, and a Deny is applied without its Condition: a TLS-only policy locks everybody out. So
  policies are kept and evaluated here, and GetBucketPolicyStatus and DeleteBucket go with them.
- PutBucketLogging reads the target's policy from moto's own store, which is empty here, and fails on it.
- GetBucketNotificationConfiguration does not give `EventBridgeConfiguration` back, which moto keeps.
- DeleteObjects of a delete marker's version calls `FakeDeleteMarker.dispose`, which is not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from moto.s3.models import FakeDeleteMarker, s3_backends

from emulator.core.access import Caller
from emulator.core.errors import AwsError
from emulator.core.service import Service
from emulator.iam import policies

if TYPE_CHECKING:
    from emulator.core.cloud import Cloud


class S3(Service):
    """Policies, access logging and notifications of buckets; all else is moto's."""

    service_name = "s3"
    rest_to_moto = True

    def __init__(self, cloud: Cloud):
        super().__init__(cloud)
        self._policies: dict[str, str] = {}  # JSON by bucket
        self._logging: dict[str, dict] = {}  # LoggingEnabled by bucket
        # moto disposes of every version of a key and forgets that a delete marker has nothing to dispose of
        setattr(FakeDeleteMarker, "dispose", lambda marker: None)  # noqa: B010 - the type checker knows no such method

    def policy_of(self, resource: str) -> str | None:
        return self._policies.get(resource)

    def put_bucket_policy(self, request: dict, caller: Caller) -> None:
        self._bucket(request["Bucket"])
        try:
            statements = policies.statements_of(request["Policy"])
        except ValueError as error:
            raise AwsError("MalformedPolicy", str(error)) from error
        for statement in statements:
            _check_statement(statement, request["Bucket"])
        self._policies[request["Bucket"]] = request["Policy"]

    def get_bucket_policy(self, request: dict, caller: Caller) -> dict:
        self._bucket(request["Bucket"])
        return {"Policy": self._policy(request["Bucket"])}

    def delete_bucket_policy(self, request: dict, caller: Caller) -> None:
        self._bucket(request["Bucket"])
        self._policies.pop(request["Bucket"], None)

    def get_bucket_policy_status(self, request: dict, caller: Caller) -> dict:
        self._bucket(request["Bucket"])
        public = any(
            statement.get("Effect") == "Allow"
            and statement.get("Principal") in ("*", {"AWS": "*"})
            and "Condition" not in statement
            for statement in policies.statements_of(self._policy(request["Bucket"]))
        )
        return {"PolicyStatus": {"IsPublic": public}}

    def put_bucket_logging(self, request: dict, caller: Caller) -> None:
        self._bucket(request["Bucket"])
        wanted = request["BucketLoggingStatus"].get("LoggingEnabled")
        if wanted is None:
            self._logging.pop(request["Bucket"], None)
            return
        target = wanted["TargetBucket"]
        self._bucket(target, "InvalidTargetBucketForLogging")

        delivery = policies.Request(
            action="s3:PutObject",
            resource=f"arn:aws:s3:::{target}/{wanted['TargetPrefix']}x",
            service_principal="logging.s3.amazonaws.com",
            context={
                "aws:securetransport": "true",
                "aws:sourcearn": f"arn:aws:s3:::{request['Bucket']}",
                "aws:sourceaccount": self.cloud.account_id,
            },
        )

        statements = policies.statements_of(self._policies.get(target, '{"Statement": []}'))
        if policies.decide(statements, delivery) != "Allow":
            raise AwsError(
                "InvalidTargetBucketForLogging",
                f"The policy of {target} must allow logging.s3.amazonaws.com to s3:PutObject below "
                f"{wanted['TargetPrefix']!r}.",
            )
        self._logging[request["Bucket"]] = wanted

    def get_bucket_logging(self, request: dict, caller: Caller) -> dict:
        self._bucket(request["Bucket"])
        return {"LoggingEnabled": self._logging.get(request["Bucket"])}

    def get_bucket_notification_configuration(self, request: dict, caller: Caller) -> dict:
        """moto keeps `EventBridgeConfiguration`, but does not give it back."""
        try:
            answer = self.cloud.moto_client("s3").get_bucket_notification_configuration(Bucket=request["Bucket"])
        except ClientError as error:
            raise AwsError.from_client(error) from error
        del answer["ResponseMetadata"]
        kept = s3_backends[self.cloud.account_id]["aws"].buckets[request["Bucket"]].notification_configuration
        if kept is not None and kept.event_bridge is not None:
            answer["EventBridgeConfiguration"] = {}
        return answer

    def delete_bucket(self, request: dict, caller: Caller) -> None:
        try:
            self.cloud.moto_client("s3").delete_bucket(Bucket=request["Bucket"])
        except ClientError as error:
            raise AwsError.from_client(error) from error
        self._policies.pop(request["Bucket"], None)
        self._logging.pop(request["Bucket"], None)

    def _policy(self, bucket: str) -> str:
        if bucket not in self._policies:
            raise AwsError("NoSuchBucketPolicy", "The bucket policy does not exist", 404)
        return self._policies[bucket]

    def _bucket(self, bucket: str, code: str = "NoSuchBucket") -> None:
        try:
            self.cloud.moto_client("s3").head_bucket(Bucket=bucket)
        except ClientError as error:
            raise AwsError(code, f"The specified bucket {bucket} does not exist", 404) from error


def _check_statement(statement: dict, bucket: str) -> None:
    for needed in ("Effect", ("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")):
        names = (needed,) if isinstance(needed, str) else needed
        if not any(name in statement for name in names):
            raise AwsError("MalformedPolicy", f"Missing required field {names[0]}")
    resources = statement.get("Resource", [])
    for resource in [resources] if isinstance(resources, str) else resources:
        if resource != f"arn:aws:s3:::{bucket}" and not resource.startswith(f"arn:aws:s3:::{bucket}/"):
            raise AwsError("MalformedPolicy", f"Policy has invalid resource: {resource} is not of bucket {bucket}")
