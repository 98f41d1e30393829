"""IAM policy evaluation: pure functions over policy documents.

As AWS documents it: an explicit Deny wins, then an Allow, and what nothing mentions is denied.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Context = Mapping[str, str | list[str]]  # condition keys in lower case


@dataclass(frozen=True)
class Request:
    """One access to decide about."""

    action: str  # "s3:GetObject"
    resource: str  # ARN, or "*" where the operation has no resource
    principal: str = ""  # ARN of the calling role or account
    service_principal: str = ""  # "logging.s3.amazonaws.com" where a service calls
    context: Context = field(default_factory=dict)


def statements_of(document: str | dict) -> list[dict]:
    """The statements of a policy document. Raises ValueError where it is not one."""
    try:
        parsed = json.loads(document) if isinstance(document, str) else document
        found = parsed["Statement"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"found no policy document but {str(document)[:80]!r}; expected JSON with Statement"
        ) from error
    return [found] if isinstance(found, dict) else list(found)


def decide(statements: list[dict], request: Request) -> str:
    """ "Allow", "Deny" (an explicit one), or "" where no statement applies."""
    outcome = ""
    for statement in statements:
        if applies(statement, request):
            if statement.get("Effect") == "Deny":
                return "Deny"
            outcome = "Allow"
    return outcome


def trusts(document: str | dict, service: str, account_id: str) -> bool:
    """Whether a role's trust policy lets a service, such as "codebuild.amazonaws.com", take it for this account."""
    context = {"aws:sourceaccount": account_id}
    return decide(statements_of(document), Request("sts:AssumeRole", "*", "", service, context)) == "Allow"


def applies(statement: dict, request: Request) -> bool:
    """Whether a statement speaks about this request. `Principal` counts only where the statement has one."""
    if "Action" in statement and not _any_matches(statement["Action"], request.action, ignore_case=True):
        return False
    if "NotAction" in statement and _any_matches(statement["NotAction"], request.action, ignore_case=True):
        return False

    variables = request.context
    if "Resource" in statement and not _any_matches(statement["Resource"], request.resource, variables):
        return False
    if "NotResource" in statement and _any_matches(statement["NotResource"], request.resource, variables):
        return False
    if "Principal" in statement and not _principal_matches(statement["Principal"], request):
        return False
    if "NotPrincipal" in statement and _principal_matches(statement["NotPrincipal"], request):
        return False

    return all(
        _condition_holds(operator, key, wanted, request.context)
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


def _as_list(value) -> list:
    return list(value) if isinstance(value, list | tuple | set) else [value]


def _any_matches(patterns, value: str, variables: Context | None = None, ignore_case: bool = False) -> bool:
    return any(_like(_filled(str(pattern), variables or {}), value, ignore_case) for pattern in _as_list(patterns))


def _filled(pattern: str, variables: Context) -> str:
    return re.sub(r"\$\{([^}]+)\}", lambda found: str(variables.get(found.group(1).lower(), found.group(0))), pattern)


def _like(pattern: str, value: str, ignore_case: bool = False) -> bool:
    return _compiled(pattern, ignore_case).fullmatch(value) is not None


@functools.lru_cache(maxsize=4096)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern:
    # Only * and ? are wildcards in IAM: fnmatch's brackets are literal.
    literal = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(literal, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _principal_matches(principal, request: Request) -> bool:
    if principal == "*":
        return True
    for kind, wanted in principal.items():
        for one in _as_list(wanted):
            if kind == "AWS" and request.principal and (one == "*" or _names_principal(one, request.principal)):
                return True
            if kind == "Service" and one == request.service_principal:
                return True
    return False


def _names_principal(wanted: str, principal: str) -> bool:
    account = principal.split(":")[4]
    # An account, or its root, stands for every principal in it.
    return wanted in (principal, account, f"arn:aws:iam::{account}:root")


def _condition_holds(operator: str, key: str, wanted, context: Context) -> bool:
    quantifier, _, name = operator.rpartition(":")
    name, optional = (name.removesuffix("IfExists"), True) if name.endswith("IfExists") else (name, False)
    present = key.lower() in context
    if name == "Null":
        return all((str(one).lower() == "true") != present for one in _as_list(wanted))
    if not present:
        return optional or quantifier == "ForAllValues" or name in _NEGATED
    values = [str(value) for value in _as_list(context[key.lower()])]
    compare, negated = _operator(name)
    options = [_filled(str(one), context) for one in _as_list(wanted)]
    matches = [any(compare(option, value) for option in options) != negated for value in values]
    return any(matches) if quantifier == "ForAnyValue" else all(matches)


_NEGATED = {
    "StringNotEquals",
    "StringNotEqualsIgnoreCase",
    "StringNotLike",
    "ArnNotEquals",
    "ArnNotLike",
    "NumericNotEquals",
}


def _operator(name: str) -> tuple[Callable[[str, str], bool], bool]:
    """(comparison of the policy's value with the request's, whether its outcome is negated)."""
    comparisons: dict[str, Callable[[str, str], bool]] = {
        "StringEquals": lambda wanted, value: wanted == value,
        "StringEqualsIgnoreCase": lambda wanted, value: wanted.lower() == value.lower(),
        "StringLike": _like,
        "ArnEquals": _like,
        "ArnLike": _like,
        "Bool": lambda wanted, value: wanted.lower() == value.lower(),
        "NumericEquals": lambda wanted, value: float(value) == float(wanted),
        "NumericLessThan": lambda wanted, value: float(value) < float(wanted),
        "NumericLessThanEquals": lambda wanted, value: float(value) <= float(wanted),
        "NumericGreaterThan": lambda wanted, value: float(value) > float(wanted),
        "NumericGreaterThanEquals": lambda wanted, value: float(value) >= float(wanted),
    }
    positive = name.replace("Not", "", 1)
    if positive not in comparisons:
        raise ValueError(f"found condition operator {name}; expected one of {', '.join(comparisons)} or its negation")
    return comparisons[positive], name in _NEGATED
