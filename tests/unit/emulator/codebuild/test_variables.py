"""The variables of a build."""

import json

import pytest

from emulator.codebuild.buildspec import Buildspec
from emulator.codebuild.log import BuildLog
from emulator.codebuild.record import PhaseEnd
from emulator.codebuild.variables import Variables, secret_request


@pytest.mark.parametrize(
    ("reference", "request_", "key"),
    [
        ("login", {"SecretId": "login"}, ""),
        ("login:password", {"SecretId": "login"}, "password"),
        ("login::AWSPREVIOUS", {"SecretId": "login", "VersionStage": "AWSPREVIOUS"}, ""),
        (
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:login-AbCdEf:user",
            {"SecretId": "arn:aws:secretsmanager:us-east-1:123456789012:secret:login-AbCdEf"},
            "user",
        ),
    ],
)
def test_secret_references_are_taken_apart(reference, request_, key):
    assert secret_request(reference) == (request_, key)


def test_what_is_secret_is_masked_from_then_on(aws):
    aws("ssm").put_parameter(Name="/vars/plain", Value="shown", Type="String")
    aws("ssm").put_parameter(Name="/vars/secure", Value="hidden", Type="SecureString")
    aws("secretsmanager").create_secret(Name="vars", SecretString=json.dumps({"password": "concealed"}))
    log = BuildLog()
    variables = Variables(aws, log)
    found = variables.of_spec(
        Buildspec(
            variables={"A": "a"},
            parameter_store={"P": "/vars/plain", "S": "/vars/secure"},
            secrets_manager={"W": "vars:password"},
        )
    )
    assert found == {"A": "a", "P": "shown", "S": "hidden", "W": "concealed"}
    assert log.masked("shown hidden concealed") == "shown *** ***"
    with pytest.raises(PhaseEnd, match="Parameter does not exist: /vars/none"):
        variables.of_spec(Buildspec(parameter_store={"N": "/vars/none"}))
    with pytest.raises(PhaseEnd, match="secret vars has no key 'user'"):
        variables.of_spec(Buildspec(secrets_manager={"N": "vars:user"}))
