"""The variables of a build: CodeBuild's own, and those that are read from parameters and secrets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from emulator.codebuild.buildspec import Buildspec
from emulator.codebuild.log import BuildLog
from emulator.codebuild.record import FAILED, PhaseEnd
from emulator.codebuild.settings import BuildSettings


class Variables:
    """Reads variables with the rights of the build; what is secret is masked in its log from then on."""

    def __init__(self, client: Callable[[str], Any], log: BuildLog):
        self._client = client
        self._log = log

    def of_spec(self, spec: Buildspec) -> dict[str, str]:
        return (
            spec.variables
            | {name: self._parameter(parameter) for name, parameter in spec.parameter_store.items()}
            | {name: self._secret(reference) for name, reference in spec.secrets_manager.items()}
        )

    def of_project(self, settings: BuildSettings) -> dict[str, str]:
        """Those of the project and of StartBuild."""
        readers: dict[str, Callable[[str], str]] = {
            "PLAINTEXT": str,
            "PARAMETER_STORE": self._parameter,
            "SECRETS_MANAGER": self._secret,
        }
        return {name: readers[kind](value) for name, value, kind in settings.variables}

    def _parameter(self, name: str) -> str:
        answer = self._client("ssm").get_parameters(Names=[name], WithDecryption=True)
        if not answer["Parameters"]:
            raise PhaseEnd(FAILED, "CLIENT_ERROR", f"Parameter does not exist: {name}")
        parameter = answer["Parameters"][0]
        if parameter["Type"] == "SecureString":
            self._log.hide(parameter["Value"])
        return parameter["Value"]

    def _secret(self, reference: str) -> str:
        request, json_key = secret_request(reference)
        value = self._client("secretsmanager").get_secret_value(**request)["SecretString"]
        if json_key:
            members = json.loads(value)
            if json_key not in members:
                raise PhaseEnd(FAILED, "CLIENT_ERROR", f"secret {request['SecretId']} has no key {json_key!r}")
            value = str(members[json_key])
        self._log.hide(value)
        return value


def codebuild_variables(settings: BuildSettings) -> dict[str, str]:
    """The variables that CodeBuild itself gives each build."""
    return {
        "CODEBUILD_BUILD_ARN": settings.build_arn,
        "CODEBUILD_BUILD_ID": settings.build_id,
        "CODEBUILD_BUILD_IMAGE": settings.image,
        "CODEBUILD_BUILD_NUMBER": str(settings.build_number),
        "CODEBUILD_BUILD_SUCCEEDING": "1",
        "CODEBUILD_INITIATOR": settings.initiator,
        "CODEBUILD_KMS_KEY_ID": settings.kms_key_arn,
        "CODEBUILD_LOG_PATH": settings.log_stream,
        "CODEBUILD_PROJECT_ARN": settings.project_arn,
        "CODEBUILD_RESOLVED_SOURCE_VERSION": "",
        "CODEBUILD_SOURCE_REPO_URL": next((f"{s.bucket}/{s.key}" for s in settings.sources if s.bucket), ""),
        "CODEBUILD_SOURCE_VERSION": settings.source_version,
        "CODEBUILD_START_TIME": str(int(time.time() * 1000)),
    }


def secret_request(reference: str) -> tuple[dict[str, str], str]:
    """GetSecretValue's request and the JSON key of `secret-id[:json-key[:version-stage[:version-id]]]`.

    The secret may be an ARN, which has six colons of its own.
    """
    parts = reference.split(":")
    start = 7 if reference.startswith("arn:") else 1
    secret_id = ":".join(parts[:start])
    json_key, stage, version = [*parts[start:], "", "", ""][:3]
    request = {"SecretId": secret_id}
    if stage:
        request["VersionStage"] = stage
    if version:
        request["VersionId"] = version
    return request, json_key
