"""IAM policy evaluation against hand-made documents."""

import pytest

from emulator.iam.policies import Request, applies, decide, statements_of, trusts

READ = Request("s3:GetObject", "arn:aws:s3:::data/raw/a.csv")


def allow(**fields) -> dict:
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"} | fields


def test_what_no_statement_mentions_is_not_allowed():
    assert decide([], READ) == ""
    assert decide([allow(Action="s3:PutObject")], READ) == ""


def test_an_explicit_deny_wins_over_an_allow_in_any_order():
    deny = allow(Effect="Deny")
    assert decide([allow(), deny], READ) == "Deny"
    assert decide([deny, allow()], READ) == "Deny"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"Action": "s3:Get*"}, True),
        ({"Action": "S3:getobject"}, True),
        ({"Action": "s3:GetObject?"}, False),
        ({"Action": ["s3:PutObject", "*"]}, True),
        ({"Resource": "arn:aws:s3:::data/*"}, True),
        ({"Resource": "arn:aws:s3:::data"}, False),
        ({"Resource": "arn:aws:s3:::DATA/*"}, False),
        ({"Resource": "arn:aws:s3:::data/[r]aw/*"}, False),
    ],
)
def test_actions_and_resources_match_with_wildcards(fields, expected):
    assert applies(allow(**fields), READ) is expected


def test_not_action_and_not_resource_match_everything_else():
    others = {"Effect": "Deny", "NotAction": "s3:Get*", "Resource": "*"}
    assert not applies(others, READ)
    assert applies(others, Request("s3:PutObject", "x"))
    elsewhere = {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::data/*"}
    assert not applies(elsewhere, READ)
    assert applies(elsewhere, Request("s3:GetObject", "arn:aws:s3:::models/m"))


@pytest.mark.parametrize(
    ("condition", "context", "expected"),
    [
        ({"StringEquals": {"iam:PassedToService": "a"}}, {"iam:passedtoservice": "a"}, True),
        ({"StringEquals": {"iam:PassedToService": ["b", "a"]}}, {"iam:passedtoservice": "a"}, True),
        ({"StringEquals": {"iam:PassedToService": "b"}}, {"iam:passedtoservice": "a"}, False),
        ({"StringEquals": {"iam:PassedToService": "a"}}, {}, False),
        ({"StringEqualsIfExists": {"iam:PassedToService": "a"}}, {}, True),
        ({"StringNotEquals": {"k": "a"}}, {"k": "b"}, True),
        ({"StringNotEquals": {"k": "a"}}, {"k": "a"}, False),
        ({"StringNotEquals": {"k": "a"}}, {}, True),
        ({"StringLike": {"k": "logs.*.com"}}, {"k": "logs.eu.com"}, True),
        ({"ArnLike": {"k": "arn:aws:s3:::*"}}, {"k": "arn:aws:s3:::b"}, True),
        ({"Bool": {"aws:SecureTransport": "false"}}, {"aws:securetransport": "true"}, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, {"aws:securetransport": "true"}, True),
        ({"NumericLessThan": {"k": "10"}}, {"k": "9"}, True),
        ({"Null": {"k": "true"}}, {}, True),
        ({"Null": {"k": "true"}}, {"k": "x"}, False),
        ({"ForAllValues:StringEquals": {"k": ["a", "b"]}}, {"k": ["a", "c"]}, False),
        ({"ForAnyValue:StringEquals": {"k": ["a", "b"]}}, {"k": ["a", "c"]}, True),
        ({"StringEquals": {"k": "a"}, "Bool": {"j": "true"}}, {"k": "a", "j": "false"}, False),
    ],
)
def test_conditions(condition, context, expected):
    assert applies(allow(Condition=condition), Request(READ.action, READ.resource, context=context)) is expected


def test_an_unknown_condition_operator_is_named():
    with pytest.raises(ValueError, match="IpAddress"):
        applies(allow(Condition={"IpAddress": {"k": "x"}}), Request(READ.action, READ.resource, context={"k": "x"}))


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ("*", True),
        ({"AWS": "*"}, True),
        ({"AWS": "arn:aws:iam::111122223333:root"}, True),
        ({"AWS": "111122223333"}, True),
        ({"AWS": ["arn:aws:iam::111122223333:role/r"]}, True),
        ({"AWS": "arn:aws:iam::111122223333:role/other"}, False),
        ({"Service": "codebuild.amazonaws.com"}, False),
    ],
)
def test_principals_of_a_resource_policy(principal, expected):
    request = Request(READ.action, READ.resource, principal="arn:aws:iam::111122223333:role/r")
    assert applies(allow(Principal=principal), request) is expected


def test_a_document_without_statements_is_refused():
    assert statements_of('{"Statement": {"Effect": "Allow"}}') == [{"Effect": "Allow"}]
    for wrong in ("", "[]", '{"Version": "2012-10-17"}'):
        with pytest.raises(ValueError, match="expected JSON with Statement"):
            statements_of(wrong)


def trust(principal, **fields) -> dict:
    return {"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"} | fields]}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (trust({"Service": "sagemaker.amazonaws.com"}), True),
        (trust({"Service": ["a", "sagemaker.amazonaws.com"]}), True),
        (trust({"Service": "codebuild.amazonaws.com"}), False),
        (trust({"Service": "sagemaker.amazonaws.com"}, Effect="Deny"), False),
        (trust({"Service": "sagemaker.amazonaws.com"}, Action="sts:TagSession"), False),
        ({"Statement": []}, False),
    ],
)
def test_a_trust_policy_must_name_the_service(document, expected):
    assert trusts(document, "sagemaker.amazonaws.com", "123456789012") is expected


@pytest.mark.parametrize(("account", "expected"), [("123456789012", True), ("210987654321", False)])
def test_a_trust_policy_may_bind_the_service_to_one_account(account, expected):
    condition = {"StringEquals": {"aws:SourceAccount": account}}
    document = trust({"Service": "sagemaker.amazonaws.com"}, Condition=condition)
    assert trusts(document, "sagemaker.amazonaws.com", "123456789012") is expected
