"""Whether the caller's role allows a call: identity policies, bucket policies and key policies together.

moto's own enforcement knows neither resources nor conditions, so it is done here, where action, resource and caller
are all visible. The account itself may do everything.
"""

from __future__ import annotations

import functools
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from moto.core.request import Request
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.s3.models import s3_backends

from emulator.core import protocol
from emulator.core.access import Caller
from emulator.core.errors import AwsError
from emulator.core.protocol import Call
from emulator.iam import policies
from emulator.iam.permissions import Need, needs, resource_of

if TYPE_CHECKING:
    from emulator.core.cloud import Cloud


@dataclass(frozen=True)
class Denial:
    """Why a call is not allowed."""

    role_arn: str
    action: str
    resource: str
    reason: str

    def error(self, call: Call, caller: Caller) -> AwsError:
        """The refusal as AWS words it."""
        message = (
            f"User: {caller.arn} is not authorized to perform: {self.action} on resource: {self.resource} "
            f"because {self.reason} (role {self.role_arn})"
        )
        if call.protocol in ("json", protocol.CBOR):
            return AwsError("AccessDeniedException", message, 400)
        return AwsError("AccessDeniedException" if call.protocol == "rest-json" else "AccessDenied", message, 403)


def input_of(call: Call, request: Request, body: bytes) -> dict:
    """The input as far as permissions depend on it. The body of an object is not looked at. {} where unreadable."""
    if call.service == "s3" and call.operation != "DeleteObjects":
        found = dict(call.uri_params)
        for member, name in (("VersionId", "versionId"), ("Prefix", "prefix")):
            if name in request.args:
                found[member] = request.args[name]
        for member, name in (
            ("CopySource", "x-amz-copy-source"),
            ("ServerSideEncryption", "x-amz-server-side-encryption"),
            ("SSEKMSKeyId", "x-amz-server-side-encryption-aws-kms-key-id"),
        ):
            if name in request.headers:
                found[member] = request.headers[name]
        return found
    try:
        return protocol.parse(call, request, body)
    except AwsError:  # a service of moto's own with a malformed body: moto will say so
        return {}


class Guard:
    """Decides over calls in one Cloud."""

    def __init__(self, cloud: Cloud):
        self._cloud = cloud

    def denial(self, call: Call, parameters: dict, caller: Caller) -> Denial | None:
        """None where the call is allowed, otherwise the first permission that is missing."""
        wanted = needs(call, parameters, self._cloud.region, self._cloud.account_id)
        tags = self._resource_tags(call, parameters)
        wanted = [replace(need, context={**need.context, **tags}) for need in wanted]
        return self._first_missing(wanted + self._key_needs(call, parameters), caller)

    def denial_of_absence(self, call: Call, parameters: dict, caller: Caller) -> Denial | None:
        """S3 tells that an object is absent (404) only to those who may list the bucket; others get 403."""
        if call.service != "s3" or call.operation not in ("GetObject", "HeadObject"):
            return None
        listing = Need("s3:ListBucket", (f"arn:aws:s3:::{parameters['Bucket']}",), {"s3:prefix": parameters["Key"]})
        return self._first_missing([listing], caller)

    def _first_missing(self, wanted: list[Need], caller: Caller) -> Denial | None:
        if caller.role_arn is None:
            return None
        statements = self._statements(caller.role_arn)
        for need in wanted:
            reason = self._refusal(statements, need, caller)
            if reason:
                return Denial(caller.role_arn, need.action, need.resources[0], reason)
        return None

    def _refusal(self, statements: list[dict], need: Need, caller: Caller) -> str:
        """Why a permission is missing, or "" where it is there."""
        requests = [self._request(need, resource, caller) for resource in need.resources]
        by_identity = _best(statements, requests)
        if by_identity == "Deny":
            return "an identity-based policy denies it"
        if need.action.startswith("kms:") and need.resources[0] != "*":
            return self._key_refusal(requests[0], by_identity, caller)
        by_resource = ""
        if need.action.startswith("s3:"):
            by_resource = policies.decide(self._bucket_statements(need.resources[0]), requests[0])
        if by_resource == "Deny":
            return "the bucket's policy denies it"
        if "Allow" in (by_identity, by_resource):
            return ""
        return f"no identity-based policy allows {need.action}"

    def _request(self, need: Need, resource: str, caller: Caller) -> policies.Request:
        account = self._cloud.account_id
        context = {
            "aws:securetransport": "true",  # loopback stands for TLS
            "aws:principalarn": caller.role_arn or caller.arn,
            "aws:principalaccount": account,
            "aws:resourceaccount": account,
            "aws:requestedregion": self._cloud.region,
        }
        return policies.Request(
            need.action, resource, caller.role_arn or caller.arn, context={**context, **need.context}
        )

    def _statements(self, role_arn: str) -> list[dict]:
        roles = {role.arn: role for role in list(iam_backends[self._cloud.account_id]["aws"].roles.values())}
        if role_arn not in roles:  # deleted since its session began
            return []
        role = roles[role_arn]
        documents = list(role.policies.values())
        for managed in role.managed_policies.values():
            versions = [one for one in managed.versions if one.is_default]
            documents += [one.document for one in versions]
        return [statement for document in documents for statement in _parsed(_text(document))]

    def _bucket_statements(self, resource: str) -> list[dict]:
        bucket = resource.removeprefix("arn:aws:s3:::").split("/")[0]
        document = self._cloud.services["s3"].policy_of(bucket)
        return list(_parsed(document)) if document else []

    def _key_refusal(self, request: policies.Request, by_identity: str, caller: Caller) -> str:
        """A key is used where its own policy allows the role, or leaves it to the account's identity policies."""
        backend = kms_backends[self._cloud.account_id][self._cloud.region]
        try:
            key = backend.keys[backend.get_key_id(self._resolved(request.resource))]
        except KeyError:
            return "" if by_identity == "Allow" else f"no identity-based policy allows {request.action}"
        in_key = policies.Request(request.action, key.arn, request.principal, context=request.context)
        applying = [one for one in _parsed(_text(key.policy)) if policies.applies(one, in_key)]
        if any(one["Effect"] == "Deny" for one in applying):
            return "the key's policy denies it"
        if any(caller.role_arn in _named_principals(one) for one in applying):
            return ""
        if not applying:
            return "the key's policy does not allow it"
        return "" if by_identity == "Allow" else f"no identity-based policy allows {request.action}"

    def _resource_tags(self, call: Call, parameters: dict) -> dict[str, str]:
        """Condition keys of the resource's tags."""
        service = self._cloud.services.get(call.service)
        tags = service.tags_for_policies(parameters) if service else {}
        return {f"aws:resourcetag/{key.lower()}": value for key, value in tags.items()}

    def _resolved(self, resource: str) -> str:
        """The key behind an alias's ARN."""
        name = resource.split(":", 5)[-1]
        if not name.startswith("alias/"):
            return name.removeprefix("key/")
        backend = kms_backends[self._cloud.account_id][self._cloud.region]
        return backend.get_key_id_from_alias(name) or name

    def _key_needs(self, call: Call, parameters: dict) -> list[Need]:
        """Permissions for the key of an encrypted bucket, which S3 uses in the caller's name."""
        if call.service != "s3" or "Key" not in parameters:
            return []
        bucket = s3_backends[self._cloud.account_id]["aws"].buckets.get(parameters["Bucket"])
        if bucket is None:
            return []
        context = {"kms:viaservice": f"s3.{self._cloud.region}.amazonaws.com"}
        if call.operation in ("PutObject", "CopyObject", "CreateMultipartUpload"):
            key = parameters.get("SSEKMSKeyId") or _default_key(bucket, parameters.get("ServerSideEncryption"))
            return [Need("kms:GenerateDataKey", (self._key_arn(key),), context)] if key else []
        if call.operation == "GetObject":
            stored = bucket.keys.get(parameters["Key"])
            key = stored.kms_key_id if stored is not None and stored.encryption == "aws:kms" else None
            return [Need("kms:Decrypt", (self._key_arn(key),), context)] if key else []
        return []

    def _key_arn(self, key: str) -> str:
        if key.startswith("arn:"):
            return key
        kind = key if key.startswith("alias/") else f"key/{key}"
        return f"arn:aws:kms:{self._cloud.region}:{self._cloud.account_id}:{kind}"


def call_under_role(
    cloud: Cloud, role_arn: str, session_name: str, service: str, operation: str, parameters: dict
) -> None:
    """Authorize and record what a service does under a role where no request of ours stands for it.

    Raises AwsError, as AWS words it, where the role does not exist, or may not and IAM is enforced.
    """
    caller = cloud.accounts.caller(cloud.credentials(role_arn, session_name)["AWS_ACCESS_KEY_ID"])
    call = Call(service, operation, "json", caller.access_key_id)
    denial = Guard(cloud).denial(call, parameters, caller)
    refusal = denial if cloud.enforce_iam else None
    cloud.calls.write(
        principal=caller.arn,
        service=service,
        operation=operation,
        resource=resource_of(call, parameters, cloud.region, cloud.account_id),
        status=400 if refusal else 200,
    )
    if denial is not None:
        cloud.denials.write(principal=caller.arn, enforced=refusal is not None, **asdict(denial))
    if refusal is not None:
        raise refusal.error(call, caller)


def _best(statements: list[dict], requests: list[policies.Request]) -> str:
    """An explicit Deny of any spelling of the resource wins, then an Allow of any."""
    outcomes = [policies.decide(statements, request) for request in requests]
    return "Deny" if "Deny" in outcomes else "Allow" if "Allow" in outcomes else ""


def _default_key(bucket, requested: str | None) -> str | None:
    """The KMS key by which S3 encrypts a new object of the bucket, or None."""
    if requested == "AES256" or not bucket.encryption:
        return None
    rules = bucket.encryption["Rule"]
    rule = rules[0] if isinstance(rules, list) else rules
    by_default = rule.get("ApplyServerSideEncryptionByDefault", {})
    return by_default.get("KMSMasterKeyID") if by_default.get("SSEAlgorithm") == "aws:kms" else None


def _named_principals(statement: dict) -> list[str]:
    principal = statement.get("Principal", {})
    named = principal.get("AWS", []) if isinstance(principal, dict) else principal
    return [named] if isinstance(named, str) else list(named)


def _text(document) -> str:
    return document if isinstance(document, str) else json.dumps(document)


@functools.lru_cache(maxsize=512)
def _parsed(document: str) -> tuple[dict, ...]:
    return tuple(policies.statements_of(document))
