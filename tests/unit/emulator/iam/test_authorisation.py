"""What a role may do, asked of the running emulator with real clients."""

import json

import pytest
from botocore.exceptions import ClientError

from emulator.core.access import Caller
from emulator.core.protocol import CBOR, Call
from emulator.iam.authorisation import Denial


def policy(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | one for one in statements]})


@pytest.fixture
def enforced(cloud, monkeypatch):
    monkeypatch.setattr(cloud, "enforce_iam", True)


@pytest.fixture
def role(aws, cloud, request):
    """role(*statements) -> client factory under a role with that policy."""
    name = request.node.name.replace("[", "-").replace("]", "")[:60]
    aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=policy())

    def made(*statements: dict):
        aws("iam").put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy(*statements))
        return lambda service: cloud.client(service, role_arn=f"arn:aws:iam::{cloud.account_id}:role/{name}")

    return made


def denied(call, *arguments, **parameters) -> str:
    """The message with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(*arguments, **parameters)
    assert caught.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")
    return caught.value.response["Error"]["Message"]


@pytest.fixture
def bucket(aws, request):
    name = "auth-" + str(abs(hash(request.node.name)))[:12]
    aws("s3").create_bucket(Bucket=name)
    aws("s3").put_object(Bucket=name, Key="raw/a", Body=b"a")
    return name


@pytest.mark.usefixtures("enforced")
def test_a_role_reads_what_it_may_and_the_refusal_names_action_resource_and_role(role, bucket):
    s3 = role({"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/raw/*"})("s3")
    assert s3.get_object(Bucket=bucket, Key="raw/a")["Body"].read() == b"a"
    message = denied(s3.put_object, Bucket=bucket, Key="raw/a", Body=b"b")
    assert "s3:PutObject" in message
    assert f"arn:aws:s3:::{bucket}/raw/a" in message
    assert ":role/" in message
    denied(s3.list_objects_v2, Bucket=bucket)


def test_without_enforcement_the_denial_is_only_recorded(cloud, role, bucket):
    s3 = role({"Action": "sns:Publish", "Resource": "*"})("s3")
    assert s3.get_object(Bucket=bucket, Key="raw/a")["Body"].read() == b"a"
    last = json.loads((cloud.root / "denials.jsonl").read_text().splitlines()[-1])
    assert (last["action"], last["resource"], last["enforced"]) == (
        "s3:GetObject",
        f"arn:aws:s3:::{bucket}/raw/a",
        False,
    )


@pytest.mark.usefixtures("enforced")
def test_only_who_may_list_the_bucket_learns_that_an_object_is_absent(role, bucket):
    reading = {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3 = role(reading)("s3")
    assert "s3:ListBucket" in denied(s3.get_object, Bucket=bucket, Key="absent")
    role(reading, {"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"})
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="absent")


@pytest.mark.usefixtures("enforced")
def test_the_account_itself_may_do_everything(aws, bucket):
    aws("s3").put_object(Bucket=bucket, Key="x", Body=b"")


@pytest.mark.usefixtures("enforced")
def test_a_bucket_policy_denies_only_where_its_condition_holds(aws, role, bucket):
    s3 = role({"Action": "s3:*", "Resource": "*"})("s3")
    everything = {"Effect": "Deny", "Principal": "*", "Action": "s3:*"}
    resources = {"Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}
    tls_only = everything | resources | {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    aws("s3").put_bucket_policy(Bucket=bucket, Policy=policy(tls_only))
    s3.put_object(Bucket=bucket, Key="raw/b", Body=b"")
    aws("s3").put_bucket_policy(Bucket=bucket, Policy=policy(everything | resources))
    assert "bucket's policy" in denied(s3.put_object, Bucket=bucket, Key="raw/b", Body=b"")


@pytest.mark.usefixtures("enforced")
def test_an_encrypted_bucket_needs_the_key_as_well(aws, role, bucket):
    key = aws("kms").create_key()["KeyMetadata"]["Arn"]
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    aws("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    objects = {"Action": "s3:*", "Resource": "*"}
    s3 = role(objects)("s3")
    assert "kms:GenerateDataKey" in denied(s3.put_object, Bucket=bucket, Key="k", Body=b"1")
    role(objects, {"Action": "kms:GenerateDataKey", "Resource": key})
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    assert "kms:Decrypt" in denied(s3.get_object, Bucket=bucket, Key="k")
    role(objects, {"Action": "kms:*", "Resource": key})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"


@pytest.mark.usefixtures("enforced")
def test_an_attached_managed_policy_counts(aws, role, cloud):
    client = role({"Action": "sns:Publish", "Resource": "*"})
    denied(client("ssm").describe_parameters)
    arn = aws("iam").create_policy(
        PolicyName="managed", PolicyDocument=policy({"Action": "ssm:DescribeParameters", "Resource": "*"})
    )["Policy"]["Arn"]
    name = client("sts").get_caller_identity()["Arn"].split("/")[1]
    aws("iam").attach_role_policy(RoleName=name, PolicyArn=arn)
    client("ssm").describe_parameters()


@pytest.mark.usefixtures("enforced")
def test_a_scalable_target_is_its_environment_s_by_the_tags_it_was_made_with(aws, role):
    any_target = {"Resource": "arn:aws:application-autoscaling:*:*:scalable-target/*"}
    ours = {"aws:ResourceTag/Environment": "staging"}
    scaling = role(
        any_target | {"Action": "application-autoscaling:*", "Condition": {"StringEquals": ours}},
        any_target
        | {
            "Action": ["application-autoscaling:RegisterScalableTarget", "application-autoscaling:TagResource"],
            "Condition": {
                "StringEquals": {"aws:RequestTag/Environment": "staging"},
                "StringEqualsIfExists": ours,
            },
        },
    )("application-autoscaling")
    whole = {"ServiceNamespace": "sagemaker", "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
    size = {"MinCapacity": 1, "MaxCapacity": 2}
    staging = whole | {"ResourceId": "endpoint/ours/variant/v"}
    prod = whole | {"ResourceId": "endpoint/theirs/variant/v"}
    denied(scaling.register_scalable_target, **staging, **size)
    denied(scaling.register_scalable_target, **staging, **size, Tags={"Environment": "prod"})
    arn = scaling.register_scalable_target(**staging, **size, Tags={"Environment": "staging"})["ScalableTargetARN"]
    scaling.register_scalable_target(**staging, MinCapacity=1, MaxCapacity=3)
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"Environment": "staging"}
    scaling.deregister_scalable_target(**staging)

    aws("application-autoscaling").register_scalable_target(**prod, **size, Tags={"Environment": "prod"})
    denied(scaling.register_scalable_target, **prod, **size)
    denied(scaling.register_scalable_target, **prod, **size, Tags={"Environment": "staging"})
    denied(scaling.deregister_scalable_target, **prod)


@pytest.mark.parametrize(
    ("protocol", "code", "status"),
    [
        ("json", "AccessDeniedException", 400),
        (CBOR, "AccessDeniedException", 400),
        ("rest-json", "AccessDeniedException", 403),
        ("rest-xml", "AccessDenied", 403),
        ("query", "AccessDenied", 403),
    ],
)
def test_a_refusal_is_worded_as_the_protocol_words_it(protocol, code, status):
    denial = Denial("arn:role", "s3:GetObject", "arn:object", "nothing allows it")
    error = denial.error(Call("s3", "GetObject", protocol, "K"), Caller("arn:caller", "arn:role", "K"))
    assert (error.code, error.status) == (code, status)
    assert "arn:caller is not authorized to perform: s3:GetObject on resource: arn:object" in error.message
