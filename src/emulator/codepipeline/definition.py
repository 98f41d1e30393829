"""What a pipeline declares: checked when it is created, with the defaults that AWS adds."""

import copy
import json
import re
from collections.abc import Iterator

from emulator.codepipeline.variables import references
from emulator.core.errors import AwsError

SOURCE = "Source"
# (category, owner, provider) of the actions that are executed
ACTION_TYPES = {
    ("Source", "AWS", "CodeStarSourceConnection"),
    ("Source", "AWS", "CodeCommit"),
    ("Source", "AWS", "S3"),
    ("Build", "AWS", "CodeBuild"),
    ("Test", "AWS", "CodeBuild"),
    ("Approval", "AWS", "Manual"),
}
REQUIRED_CONFIGURATION = {
    "CodeStarSourceConnection": {"ConnectionArn", "FullRepositoryId", "BranchName"},
    "CodeCommit": {"RepositoryName", "BranchName"},
    "S3": {"S3Bucket", "S3ObjectKey"},
    "CodeBuild": {"ProjectName"},
    "Manual": set(),
}
KNOWN_CONFIGURATION = {
    "CodeStarSourceConnection": {
        "ConnectionArn",
        "FullRepositoryId",
        "BranchName",
        "OutputArtifactFormat",
        "DetectChanges",
    },
    "CodeCommit": {"RepositoryName", "BranchName", "OutputArtifactFormat", "PollForSourceChanges"},
    "S3": {"S3Bucket", "S3ObjectKey", "PollForSourceChanges", "AllowOverrideForS3ObjectKey"},
    "CodeBuild": {"ProjectName", "PrimarySource", "EnvironmentVariables", "BatchEnabled", "CombineArtifacts"},
    "Manual": {"CustomData", "ExternalEntityLink", "NotificationArn"},
}
RULES = {
    "VariableCheck": {"Variable", "Value", "Operator"},
    "CloudWatchAlarm": {"AlarmName", "AlarmStates", "WaitTime"},
}
CONDITION_RESULTS = {
    "beforeEntry": {"FAIL", "SKIP"},
    "onSuccess": {"FAIL", "ROLLBACK"},
    "onFailure": {"FAIL", "ROLLBACK", "RETRY"},
}
RESERVED_NAMESPACES = ("codepipeline", "variables")


def with_defaults(declaration: dict) -> dict:
    """The declaration as GetPipeline gives it back."""
    result = copy.deepcopy(declaration)
    result.setdefault("executionMode", "SUPERSEDED")
    result.setdefault("pipelineType", "V1")
    for _, action in actions_of(result):
        action.setdefault("runOrder", 1)
        action.setdefault("configuration", {})
        action.setdefault("inputArtifacts", [])
        action.setdefault("outputArtifacts", [])
    for _, _, condition in conditions_of(result):
        for rule in condition.get("rules", []):
            rule.setdefault("configuration", {})
            rule.setdefault("inputArtifacts", [])
    return result


def actions_of(declaration: dict) -> Iterator[tuple[dict, dict]]:
    """(stage, action) of the whole pipeline, in the order of their execution."""
    for stage in declaration["stages"]:
        for action in sorted(stage["actions"], key=lambda action: action.get("runOrder", 1)):
            yield stage, action


def conditions_of(declaration: dict) -> Iterator[tuple[dict, str, dict]]:
    """(stage, beforeEntry | onSuccess | onFailure, condition)."""
    for stage in declaration["stages"]:
        for when in CONDITION_RESULTS:
            for condition in stage.get(when, {}).get("conditions", []):
                yield stage, when, condition


def check(declaration: dict, region: str) -> None:
    """Raises AwsError, with the code that CodePipeline has for it, for a pipeline that could not run here."""
    _check_structure(declaration, region)
    produced: set[str] = set()
    namespaces: set[str] = set(RESERVED_NAMESPACES)
    for stage, group in _groups(declaration):
        for action in group:
            _check_action(stage, action, region)
            _check_artifacts(stage, action, produced)
            for value in action.get("configuration", {}).values():
                _check_references(value, namespaces, declaration, f"action {stage['name']}/{action['name']}")
        for action in group:
            produced |= {artifact["name"] for artifact in action.get("outputArtifacts", [])}
            if namespace := action.get("namespace"):
                if namespace in namespaces:
                    raise _action_error(stage, action, f"the namespace {namespace} is taken; each must be unique")
                namespaces.add(namespace)
    _check_conditions(declaration)
    _check_triggers(declaration)


def _groups(declaration: dict) -> Iterator[tuple[dict, list[dict]]]:
    for stage in declaration["stages"]:
        for order in sorted({action.get("runOrder", 1) for action in stage["actions"]}):
            yield stage, [action for action in stage["actions"] if action.get("runOrder", 1) == order]


def _check_structure(declaration: dict, region: str) -> None:
    stages = declaration["stages"]
    problems = []
    if len(stages) < 2:
        problems.append(f"found {len(stages)} stage, expected at least two")
    names = [stage["name"] for stage in stages]
    problems += [f"stage name {name} is there twice" for name in sorted(set(names)) if names.count(name) > 1]

    for position, stage in enumerate(stages):
        actions = [action["name"] for action in stage["actions"]]
        if not actions:
            problems.append(f"stage {stage['name']} has no actions")
        problems += [
            f"stage {stage['name']} has two actions {name}" for name in set(actions) if actions.count(name) > 1
        ]
        categories = {action["actionTypeId"]["category"] for action in stage["actions"]}
        if position == 0 and categories - {SOURCE}:
            problems.append(f"the first stage, {stage['name']}, may hold source actions only")
        if position > 0 and SOURCE in categories:
            problems.append(f"stage {stage['name']} holds a source action; expected it in the first stage")
        if stage.get("blockers"):
            problems.append(f"stage {stage['name']} has blockers, which are not emulated")

    stores = declaration.get("artifactStores", {})
    if ("artifactStore" in declaration) == bool(stores):
        problems.append("expected either artifactStore or artifactStores")
    if set(stores) - {region}:
        problems.append(f"artifactStores of other regions than {region} are not emulated: {', '.join(sorted(stores))}")

    if declaration.get("pipelineType", "V1") == "V1":
        for member in ("triggers", "variables"):
            if declaration.get(member):
                problems.append(f"{member} need pipelineType V2")
        if declaration.get("executionMode", "SUPERSEDED") != "SUPERSEDED":
            problems.append(f"executionMode {declaration['executionMode']} needs pipelineType V2")
    if problems:
        raise AwsError("InvalidStructureException", "; ".join(problems))


def _check_action(stage: dict, action: dict, region: str) -> None:
    kind = action["actionTypeId"]
    provider = kind["provider"]
    if (kind["category"], kind["owner"], provider) not in ACTION_TYPES or kind["version"] != "1":
        known = ", ".join(sorted({name for _, _, name in ACTION_TYPES}))
        raise _action_error(
            stage,
            action,
            f"{kind['category']} by {kind['owner']}/{provider} version {kind['version']} is not emulated; "
            f"emulated providers: {known} (version 1)",
        )

    configuration = action.get("configuration", {})
    if missing := sorted(REQUIRED_CONFIGURATION[provider] - set(configuration)):
        raise _action_error(stage, action, f"the configuration lacks {', '.join(missing)}")
    if unknown := sorted(set(configuration) - KNOWN_CONFIGURATION[provider]):
        raise _action_error(stage, action, f"the configuration of {provider} has no {', '.join(unknown)}")
    if configuration.get("OutputArtifactFormat", "CODE_ZIP") != "CODE_ZIP":
        raise _action_error(stage, action, "OutputArtifactFormat CODEBUILD_CLONE_REF is not emulated; use CODE_ZIP")
    if configuration.get("BatchEnabled", "false").lower() != "false":
        raise _action_error(stage, action, "BatchEnabled is not emulated: batch builds are absent")

    if action.get("region", region) != region:
        raise _action_error(stage, action, f"actions in another region than {region} are not emulated")
    for member in ("commands", "outputVariables", "environmentVariables"):
        if action.get(member):
            raise _action_error(stage, action, f"{member} are not emulated")
    if "timeoutInMinutes" in action and provider != "Manual":
        # AWS: only the manual approval's is settable
        raise _action_error(stage, action, "timeoutInMinutes may be set for manual approvals only")
    if "EnvironmentVariables" in configuration:
        _check_environment(stage, action, configuration["EnvironmentVariables"])


def _check_environment(stage: dict, action: dict, text: str) -> None:
    expected = 'expected a JSON list like [{"name": "NAME", "value": "text", "type": "PLAINTEXT"}]'
    try:
        entries = json.loads(text)
    except json.JSONDecodeError as error:
        raise _action_error(stage, action, f"EnvironmentVariables is not JSON ({error}); {expected}") from error
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict) and {"name", "value"} <= set(entry) <= {"name", "value", "type"} for entry in entries
    ):
        raise _action_error(stage, action, f"EnvironmentVariables: {expected}")


def _check_artifacts(stage: dict, action: dict, produced: set[str]) -> None:
    inputs = [artifact["name"] for artifact in action.get("inputArtifacts", [])]
    outputs = [artifact["name"] for artifact in action.get("outputArtifacts", [])]
    provider = action["actionTypeId"]["provider"]
    if missing := [name for name in inputs if name not in produced]:
        raise _action_error(stage, action, f"no earlier action has the output artifact {', '.join(missing)}")
    if taken := [name for name in outputs if name in produced]:
        raise _action_error(stage, action, f"the output artifact {', '.join(taken)} is another action's already")
    if action["actionTypeId"]["category"] == SOURCE and (inputs or len(outputs) != 1):
        raise _action_error(stage, action, "a source action takes no input and has exactly one output artifact")
    if provider == "Manual" and (inputs or outputs):
        raise _action_error(stage, action, "a manual approval has no artifacts")
    if provider == "CodeBuild":
        if not 1 <= len(inputs) <= 5 or len(outputs) > 5:
            raise _action_error(stage, action, "a CodeBuild action has 1 to 5 input and at most 5 output artifacts")
        primary = action["configuration"].get("PrimarySource")
        if len(inputs) > 1 and primary not in inputs:
            raise _action_error(stage, action, "with several input artifacts PrimarySource must name one of them")


def _check_references(value: str, namespaces: set[str], declaration: dict, where: str) -> None:
    declared = {variable["name"] for variable in declaration.get("variables", [])}
    try:
        for namespace, key in references(value):
            if namespace not in namespaces:
                raise ValueError(f"no earlier action has the namespace {namespace} of #{{{namespace}.{key}}}")
            if namespace == "codepipeline" and key != "PipelineExecutionId":
                raise ValueError(f"the namespace codepipeline has PipelineExecutionId only, not {key}")
            if namespace == "variables" and key not in declared:
                raise ValueError(f"the pipeline declares no variable {key}")
    except ValueError as error:
        raise AwsError("InvalidActionDeclarationException", f"{where}: {error}") from error


def _check_conditions(declaration: dict) -> None:
    for stage, when, condition in conditions_of(declaration):
        where = f"stage {stage['name']}, {when}"
        result = condition.get("result")
        allowed = CONDITION_RESULTS[when]
        if result is not None and result not in allowed:
            raise AwsError(
                "InvalidStageDeclarationException",
                f"{where}: found the result {result}, expected {' or '.join(sorted(allowed))}",
            )
        for rule in condition.get("rules", []):
            provider = rule["ruleTypeId"]["provider"]
            if provider not in RULES:
                raise AwsError(
                    "InvalidStageDeclarationException",
                    f"{where}: the rule provider {provider} is not emulated; emulated: {', '.join(RULES)}",
                )
            configuration = rule.get("configuration", {})
            if unknown := sorted(set(configuration) - RULES[provider]):
                raise AwsError(
                    "InvalidStageDeclarationException",
                    f"{where}: the configuration of {provider} has no {', '.join(unknown)}",
                )
            if provider == "VariableCheck":
                _check_variable_rule(where, configuration)
            elif "AlarmName" not in configuration:
                raise AwsError("InvalidStageDeclarationException", f"{where}: the configuration lacks AlarmName")
            if result == "SKIP" and provider != "VariableCheck":
                raise AwsError("InvalidStageDeclarationException", f"{where}: SKIP works with VariableCheck only")
    for position, stage in enumerate(declaration["stages"]):
        if position == 0 and stage.get("beforeEntry"):
            raise AwsError("InvalidStageDeclarationException", "the source stage takes no beforeEntry condition")


def _check_variable_rule(where: str, configuration: dict) -> None:
    if missing := sorted(RULES["VariableCheck"] - set(configuration)):
        raise AwsError("InvalidStageDeclarationException", f"{where}: the configuration lacks {', '.join(missing)}")
    if configuration["Operator"] not in ("EQ", "NE", "CONTAINS", "MATCHES"):
        raise AwsError(
            "InvalidStageDeclarationException",
            f"{where}: found the operator {configuration['Operator']}, expected EQ, NE, CONTAINS or MATCHES",
        )
    if configuration["Operator"] == "MATCHES":
        try:
            re.compile(configuration["Value"])
        except re.error as error:
            raise AwsError("InvalidStageDeclarationException", f"{where}: Value is no expression: {error}") from error


def _check_triggers(declaration: dict) -> None:
    connected = {
        action["name"]
        for action in declaration["stages"][0]["actions"]
        if action["actionTypeId"]["provider"] == "CodeStarSourceConnection"
    }
    for trigger in declaration.get("triggers", []):
        git = trigger["gitConfiguration"]
        if git["sourceActionName"] not in connected:
            raise AwsError(
                "InvalidStructureException",
                f"the trigger names the source action {git['sourceActionName']}; "
                f"source actions with a connection: {', '.join(sorted(connected)) or 'none'}",
            )
        if git.get("pullRequest"):
            raise AwsError("InvalidStructureException", "triggers on pull requests are not emulated; use push")


def _action_error(stage: dict, action: dict, what: str) -> AwsError:
    return AwsError("InvalidActionDeclarationException", f"action {stage['name']}/{action['name']}: {what}")
