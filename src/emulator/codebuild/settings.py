"""What one build is given: the project with StartBuild's overrides, and all that is fixed when the build starts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from emulator.codebuild.junit import TestCase


@dataclass(frozen=True)
class Source:
    """One input of a build."""

    identifier: str | None  # None: the primary source
    bucket: str | None  # None: there is no source (NO_SOURCE)
    key: str = ""  # a zip, or a prefix that ends with a slash
    version_id: str | None = None


@dataclass(frozen=True)
class Target:
    """Where one output of a build goes in S3."""

    identifier: str | None  # None: the primary artifact
    bucket: str
    path: str
    name: str
    packaging: str  # ZIP or NONE
    name_from_buildspec: bool = False  # `overrideArtifactName`
    kms_key_id: str | None = None


@dataclass(frozen=True)
class BuildSettings:
    """All that is fixed when a build starts."""

    build_id: str  # <project>:<uuid>
    build_arn: str
    build_number: int
    project_name: str
    project_arn: str
    role_arn: str  # the service role: the build's own calls and those of its commands
    sources: tuple[Source, ...]  # the primary one first
    source_version: str
    buildspec: str  # a path in the source, s3 ARN, inline YAML, or empty for buildspec.yml
    variables: tuple[tuple[str, str, str], ...]  # (name, value, PLAINTEXT | PARAMETER_STORE | SECRETS_MANAGER)
    targets: tuple[Target, ...]
    cache: tuple[str, str] | None  # (bucket, key) of the S3 cache
    log_group: str | None  # None: CloudWatch Logs are off
    log_stream: str
    timeout_seconds: float
    image: str
    initiator: str
    kms_key_arn: str
    on_report: Callable[[str, list[TestCase]], None]  # gets each report group's name or ARN and its test cases


def overridden(project: dict, request: dict) -> dict:
    """The project as one build sees it: with StartBuild's overrides."""
    source = dict(project["source"])
    for parameter, member in (
        ("sourceTypeOverride", "type"),
        ("sourceLocationOverride", "location"),
        ("buildspecOverride", "buildspec"),
    ):
        if parameter in request:
            source[member] = request[parameter]

    environment = dict(project["environment"])
    for parameter, member in (
        ("environmentTypeOverride", "type"),
        ("imageOverride", "image"),
        ("computeTypeOverride", "computeType"),
    ):
        if parameter in request:
            environment[member] = request[parameter]

    variables = {variable["name"]: variable for variable in environment["environmentVariables"]}
    for variable in request.get("environmentVariablesOverride", []):
        variables[variable["name"]] = {"type": "PLAINTEXT", **variable}
    environment["environmentVariables"] = list(variables.values())

    result = {**project, "source": source, "environment": environment}
    for parameter, member in (
        ("artifactsOverride", "artifacts"),
        ("secondaryArtifactsOverride", "secondaryArtifacts"),
        ("secondarySourcesOverride", "secondarySources"),
        ("secondarySourcesVersionOverride", "secondarySourceVersions"),
        ("cacheOverride", "cache"),
        ("serviceRoleOverride", "serviceRole"),
        ("timeoutInMinutesOverride", "timeoutInMinutes"),
        ("queuedTimeoutInMinutesOverride", "queuedTimeoutInMinutes"),
        ("encryptionKeyOverride", "encryptionKey"),
        ("logsConfigOverride", "logsConfig"),
    ):
        if parameter in request:
            result[member] = request[parameter]
    return result


def settings_of(project: dict, build: dict, on_report: Callable[[str, list[TestCase]], None]) -> BuildSettings:
    """The settings of a build (an item of BatchGetBuilds) of a project as that build sees it."""
    source_version = build["sourceVersion"] or ""
    secondary_versions = {
        entry["sourceIdentifier"]: entry["sourceVersion"] for entry in project.get("secondarySourceVersions", [])
    }
    sources = [_source(project["source"], None, source_version)]
    sources += [
        _source(source, source["sourceIdentifier"], secondary_versions.get(source["sourceIdentifier"], ""))
        for source in project.get("secondarySources", [])
    ]

    targets = [
        target
        for artifacts, identifier in [
            (project["artifacts"], None),
            *((entry, entry.get("artifactIdentifier")) for entry in project.get("secondaryArtifacts", [])),
        ]
        if (target := _target(artifacts, identifier, build, project)) is not None
    ]

    return BuildSettings(
        build_id=build["id"],
        build_arn=build["arn"],
        build_number=build["buildNumber"],
        project_name=project["name"],
        project_arn=project["arn"],
        role_arn=project["serviceRole"],
        sources=tuple(sources),
        source_version=source_version,
        buildspec=project["source"].get("buildspec", ""),
        variables=tuple(
            (variable["name"], variable["value"], variable["type"])
            for variable in project["environment"]["environmentVariables"]
        ),
        targets=tuple(targets),
        cache=cache_location(project),
        log_group=build["logs"].get("groupName"),
        log_stream=build["logs"].get("streamName", ""),
        timeout_seconds=60 * project["timeoutInMinutes"],
        image=project["environment"]["image"],
        initiator=build["initiator"],
        kms_key_arn=project["encryptionKey"],
        on_report=on_report,
    )


def _source(source: dict, identifier: str | None, version: str) -> Source:
    if source["type"] == "NO_SOURCE":
        return Source(identifier, None)
    bucket, _, key = source["location"].removeprefix("arn:aws:s3:::").partition("/")
    # CodePipeline passes its artifact's ARN as the version; for S3 a version is an object version.
    return Source(identifier, bucket, key, version if version and not version.startswith("arn:") else None)


def _target(artifacts: dict, identifier: str | None, build: dict, project: dict) -> Target | None:
    if artifacts["type"] != "S3":
        return None
    path = artifacts.get("path", "")
    if artifacts.get("namespaceType") == "BUILD_ID":
        path = f"{path.strip('/')}/{build['id'].split(':')[1]}"
    key = None if artifacts.get("encryptionDisabled") else project["encryptionKey"]
    # The key of the account that S3 itself manages needs no name.
    if key and key.endswith("alias/aws/s3"):
        key = None
    return Target(
        identifier=identifier,
        bucket=artifacts["location"].removeprefix("arn:aws:s3:::"),
        path=path,
        name=artifacts.get("name") or project["name"],
        packaging=artifacts.get("packaging", "NONE"),
        name_from_buildspec=artifacts.get("overrideArtifactName", False),
        kms_key_id=key,
    )


def artifact_location(artifacts: dict) -> str:
    """Where BatchGetBuilds says that the artifacts are."""
    if artifacts["type"] != "S3":
        return ""
    parts = [artifacts["location"], artifacts.get("path", "").strip("/"), artifacts.get("name", "")]
    return "arn:aws:s3:::" + "/".join(filter(None, parts))


def cache_location(project: dict) -> tuple[str, str] | None:
    """(bucket, key) of a project's cache in S3."""
    cache = project["cache"]
    if cache["type"] != "S3":
        return None  # a local cache may be lost at any time, on AWS too
    bucket, _, prefix = cache["location"].partition("/")
    name = hashlib.sha256(cache.get("cacheNamespace", project["name"]).encode()).hexdigest()[:32]
    return bucket, "/".join(filter(None, [prefix.strip("/"), f"{name}.tar.gz"]))


def session_of(build_id: str) -> str:
    """The session of the service role in which a build acts, as CodeBuild names it."""
    return f"AWSCodeBuild-{build_id.split(':')[1]}"
