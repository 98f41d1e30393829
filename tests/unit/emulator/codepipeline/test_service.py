"""CodePipeline: pipelines that really run, from a git push to the last stage, seen through boto3."""

import json
import re
import subprocess
import time
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from moto.sns.models import sns_backends
from waiting import wait_until

from emulator.codepipeline.service import CodePipeline
from emulator.core.cloud import Cloud
from emulator.git.repositories import environment

TRUSTED = {
    "Effect": "Allow",
    "Principal": {"Service": ["codepipeline.amazonaws.com", "codebuild.amazonaws.com"]},
    "Action": "sts:AssumeRole",
}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [TRUSTED]})
ENDED = ("Succeeded", "Failed", "Stopped", "Superseded")


@pytest.fixture(scope="module")
def account(aws):
    """What every pipeline of these tests shares: roles, an artifact bucket, a connection, a build project."""
    roles = {
        name: aws("iam").create_role(RoleName=f"test-{name}", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        for name in ("pipeline", "build")
    }
    aws("s3").create_bucket(Bucket="pipeline-artifacts")
    connection = aws("codestar-connections").create_connection(ProviderType="GitHub", ConnectionName="hub")
    aws("codebuild").create_project(
        name="from-pipeline",
        source={"type": "CODEPIPELINE", "buildspec": "build.json"},
        artifacts={"type": "CODEPIPELINE"},
        environment={"type": "LINUX_CONTAINER", "image": "image:1", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole=roles["build"],
    )
    return SimpleNamespace(roles=roles, connection=connection["ConnectionArn"], bucket="pipeline-artifacts")


def build_action(name: str, command: str, *, inputs=("source",), outputs=(), variables=None, **members) -> dict:
    """A build whose one command comes with the action."""
    given = [{"name": key, "value": value} for key, value in {"COMMAND": command, **(variables or {})}.items()]
    return {
        "name": name,
        "actionTypeId": {"category": "Build", "owner": "AWS", "provider": "CodeBuild", "version": "1"},
        "configuration": {
            "ProjectName": "from-pipeline",
            "EnvironmentVariables": json.dumps(given),
            "PrimarySource": inputs[0],
        },
        "inputArtifacts": [{"name": artifact} for artifact in inputs],
        "outputArtifacts": [{"name": artifact} for artifact in outputs],
        **members,
    }


def approval(**configuration) -> dict:
    return {
        "name": "Approve",
        "actionTypeId": {"category": "Approval", "owner": "AWS", "provider": "Manual", "version": "1"},
        "configuration": configuration,
    }


def stage(name: str, *actions, **members) -> dict:
    return {"name": name, "actions": list(actions), **members}


def rule(variable: str, operator: str, value: str) -> list[dict]:
    return [
        {
            "name": "check",
            "ruleTypeId": {"category": "Rule", "owner": "AWS", "provider": "VariableCheck", "version": "1"},
            "configuration": {"Variable": variable, "Operator": operator, "Value": value},
        }
    ]


class Running:
    """A pipeline of a test, with the git repository that it watches."""

    def __init__(self, aws, account, cloud_url, name, checkout, stages, **members):
        self.api = aws("codepipeline")
        self.name = name
        self.repository = f"team/{name}"[:100]
        self.checkout = checkout
        self.remote = f"{cloud_url}/git/{self.repository}"
        source = {
            "name": "Source",
            "actionTypeId": {
                "category": "Source",
                "owner": "AWS",
                "provider": "CodeStarSourceConnection",
                "version": "1",
            },
            "configuration": {
                "ConnectionArn": account.connection,
                "FullRepositoryId": self.repository,
                "BranchName": "main",
                "DetectChanges": "true",
            },
            "outputArtifacts": [{"name": "source"}],
            "namespace": "Source",
        }
        self.declaration = {
            "name": name,
            "roleArn": account.roles["pipeline"],
            "artifactStore": {"type": "S3", "location": account.bucket},
            "pipelineType": "V2",
            "executionMode": "QUEUED",
            "stages": [stage("Source", source), *stages],
        } | members
        self.api.create_pipeline(pipeline=self.declaration)

    def git(self, *arguments) -> str:
        identity = {f"GIT_{who}_{what}": "t" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        done = subprocess.run(
            ["git", "-C", str(self.checkout), *arguments],
            env=environment() | identity,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self, message: str = "a change", path: str = "file.txt", branch: str = "main") -> str:
        """Commits one changed file and pushes; returns the commit id."""
        if not (self.checkout / ".git").exists():
            self.git("init", "--quiet", f"--initial-branch={branch}")
            buildspec = {
                "version": 0.2,
                "env": {"exported-variables": ["RESULT"]},
                "phases": {"build": {"commands": ['eval "$COMMAND"']}},
                "artifacts": {"files": ["made.txt"]},
            }
            (self.checkout / "build.json").write_text(json.dumps(buildspec))
        target = self.checkout / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(f"{message} {time.time()}")
        self.git("add", "-A")
        self.git("commit", "--quiet", "-m", message)
        self.git("push", "--quiet", self.remote, f"HEAD:{branch}")
        return self.git("rev-parse", "HEAD")

    def executions(self) -> list[dict]:
        return self.api.list_pipeline_executions(pipelineName=self.name)["pipelineExecutionSummaries"]

    def push(self, *arguments, **named) -> str:
        """A commit, and the id of the execution that it started."""
        self.commit(*arguments, **named)
        return self.executions()[0]["pipelineExecutionId"]

    def status(self, execution_id: str) -> str:
        return self.api.get_pipeline_execution(pipelineName=self.name, pipelineExecutionId=execution_id)[
            "pipelineExecution"
        ]["status"]

    def finished(self, execution_id: str) -> str:
        wait_until(lambda: self.status(execution_id) in ENDED)
        return self.status(execution_id)

    def actions(self, execution_id: str) -> dict[str, dict]:
        """The latest run of each action of an execution."""
        details = self.api.list_action_executions(pipelineName=self.name, filter={"pipelineExecutionId": execution_id})[
            "actionExecutionDetails"
        ]
        return {detail["actionName"]: detail for detail in reversed(details)}

    def stages(self) -> dict[str, dict]:
        return {state["stageName"]: state for state in self.api.get_pipeline_state(name=self.name)["stageStates"]}

    def action_state(self, stage_name: str, position: int = 0) -> dict:
        return self.stages()[stage_name]["actionStates"][position].get("latestExecution", {})

    def waits_for_approval(self, stage_name: str) -> str:
        """The token of the approval, once it waits."""
        wait_until(lambda: self.action_state(stage_name).get("token"))
        return self.action_state(stage_name)["token"]

    def answer(self, stage_name: str, token: str, status: str = "Approved") -> None:
        self.api.put_approval_result(
            pipelineName=self.name,
            stageName=stage_name,
            actionName="Approve",
            token=token,
            result={"summary": "looked at it", "status": status},
        )


@pytest.fixture
def pipeline(aws, account, cloud_url, request, tmp_path):
    """pipeline(*stages after the source, **members) -> Running"""
    made = []

    def create(*stages, **members) -> Running:
        name = re.sub(r"[^A-Za-z0-9]+", "-", request.node.name)[:80]
        checkout = tmp_path / "checkout"
        checkout.mkdir()
        made.append(Running(aws, account, cloud_url, name, checkout, stages, **members))
        return made[-1]

    yield create
    for one in made:
        one.api.delete_pipeline(name=one.name)


def test_a_push_goes_through_all_stages_with_artifacts_variables_and_an_approval(aws, account, pipeline):
    running = pipeline(
        stage(
            "Build",
            build_action(
                "Make",
                "cat file.txt > made.txt; RESULT='say \"hi\"'; echo by $CODEBUILD_INITIATOR",
                outputs=["made"],
                namespace="Build",
            ),
        ),
        stage(
            "Approve", approval(CustomData="result #{Build.RESULT}", ExternalEntityLink="https://x/#{Source.CommitId}")
        ),
        stage(
            "Ship",
            build_action(
                "Ship",
                'grep subject $CODEBUILD_SRC_DIR_made/made.txt && RESULT="$GIVEN $ID"',
                inputs=["source", "made"],
                variables={"GIVEN": "#{Build.RESULT}", "ID": "#{codepipeline.PipelineExecutionId}"},
                namespace="Ship",
            ),
        ),
    )

    assert running.executions() == []  # the repository has no branch yet
    commit = running.commit("subject of the commit")
    execution = running.executions()[0]["pipelineExecutionId"]
    token = running.waits_for_approval("Approve")
    waiting = running.actions(execution)["Approve"]
    assert waiting["input"]["resolvedConfiguration"]["CustomData"] == 'result say "hi"'
    assert running.stages()["Approve"]["actionStates"][0]["entityUrl"] == f"https://x/{commit}"
    running.answer("Approve", token)
    assert running.finished(execution) == "Succeeded"

    found = running.actions(execution)
    assert found["Source"]["output"]["outputVariables"]["CommitMessage"] == "subject of the commit"
    assert found["Source"]["output"]["outputVariables"]["CommitId"] == commit
    assert found["Ship"]["output"]["outputVariables"]["RESULT"] == f'say "hi" {execution}'
    build_id = found["Make"]["output"]["executionResult"]["externalExecutionId"]
    build = aws("codebuild").batch_get_builds(ids=[build_id])["builds"][0]
    assert build["initiator"] == f"codepipeline/{running.name}"
    assert build["resolvedSourceVersion"] == commit
    summary = running.executions()[0]
    assert summary["sourceRevisions"][0]["revisionId"] == commit
    assert summary["trigger"]["triggerType"] == "Webhook"
    stored = found["Make"]["output"]["outputArtifacts"][0]["s3location"]
    assert stored["key"].startswith(f"{running.name[:20]}/made/")
    aws("s3").head_object(Bucket=stored["bucket"], Key=stored["key"])


def test_calls_of_actions_are_recorded_under_the_pipelines_role(pipeline, cloud):
    running = pipeline(stage("Build", build_action("Make", "true")))
    assert running.finished(running.push()) == "Succeeded"
    calls = [json.loads(line) for line in (cloud.root / "calls.jsonl").read_text().splitlines()]
    by_role = {(call["service"], call["operation"]) for call in calls if "/test-pipeline/" in call["principal"]}
    assert {("s3", "PutObject"), ("codebuild", "StartBuild"), ("codebuild", "BatchGetBuilds")} <= by_role


def test_a_role_that_codepipeline_cannot_take_is_refused(aws, pipeline):
    declaration = aws("codepipeline").get_pipeline(name=pipeline(stage("Approve", approval())).name)["pipeline"]
    role = aws("iam").create_role(
        RoleName="of-events", AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}'
    )
    for role_arn in (role["Role"]["Arn"], "arn:aws:iam::123456789012:role/absent"):
        with pytest.raises(ClientError, match="not authorized to perform AssumeRole") as caught:
            aws("codepipeline").update_pipeline(pipeline=declaration | {"roleArn": role_arn})
        assert caught.value.response["Error"]["Code"] == "InvalidStructureException"


def test_the_use_of_a_connection_needs_its_permission(aws, account, pipeline, cloud):
    def refusals() -> int:
        lines = [json.loads(line) for line in (cloud.root / "denials.jsonl").read_text().splitlines()]
        wanted = ("codestar-connections:UseConnection", account.connection, account.roles["pipeline"])
        return sum((line["action"], line["resource"], line["role_arn"]) == wanted for line in lines)

    running = pipeline(stage("Build", build_action("Make", "true")))
    before = refusals()
    running.finished(running.push())
    assert refusals() == before + 1
    statement = {"Effect": "Allow", "Action": "codestar-connections:UseConnection", "Resource": account.connection}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws("iam").put_role_policy(RoleName="test-pipeline", PolicyName="use", PolicyDocument=policy)
    running.finished(running.push())
    aws("iam").delete_role_policy(RoleName="test-pipeline", PolicyName="use")
    assert refusals() == before + 1


def test_a_failed_build_fails_the_stage_with_the_reason_and_a_retry_goes_on(pipeline, tmp_path):
    marker = tmp_path / "mended"
    running = pipeline(
        stage(
            "Build",
            build_action("Good", f"echo x >> {tmp_path}/good"),
            build_action("Bad", f"test -e {marker}", runOrder=2),
        ),
        stage("Last", build_action("After", "true")),
    )
    execution = running.push()
    assert running.finished(execution) == "Failed"
    error = running.actions(execution)["Bad"]["output"]["executionResult"]["errorDetails"]
    assert error["code"] == "JobFailed"
    assert "Reason: exit status 1" in error["message"]
    assert running.stages()["Build"]["latestExecution"]["status"] == "Failed"
    assert "latestExecution" not in running.stages()["Last"]

    marker.touch()
    running.api.retry_stage_execution(
        pipelineName=running.name, stageName="Build", pipelineExecutionId=execution, retryMode="FAILED_ACTIONS"
    )
    assert running.finished(execution) == "Succeeded"
    assert (tmp_path / "good").read_text() == "x\n"  # the action that had succeeded ran once
    assert running.stages()["Build"]["retryStageMetadata"]["manualStageRetryAttempt"] == 1


def test_a_retry_of_all_actions_runs_the_succeeded_ones_again(pipeline, tmp_path):
    running = pipeline(
        stage(
            "Build",
            build_action("Good", f"echo x >> {tmp_path}/good"),
            build_action("Bad", f"test -e {tmp_path}/mended", runOrder=2),
        )
    )
    execution = running.push()
    assert running.finished(execution) == "Failed"
    (tmp_path / "mended").touch()
    running.api.retry_stage_execution(
        pipelineName=running.name, stageName="Build", pipelineExecutionId=execution, retryMode="ALL_ACTIONS"
    )
    assert running.finished(execution) == "Succeeded"
    assert (tmp_path / "good").read_text() == "x\nx\n"


def test_only_the_latest_failed_execution_of_a_stage_can_be_retried(pipeline):
    running = pipeline(stage("Build", build_action("Bad", "false")))
    first, second = running.push("one"), running.push("two")
    assert (running.finished(first), running.finished(second)) == ("Failed", "Failed")
    arguments = {"pipelineName": running.name, "stageName": "Build", "retryMode": "FAILED_ACTIONS"}
    with pytest.raises(running.api.exceptions.NotLatestPipelineExecutionException):
        running.api.retry_stage_execution(pipelineExecutionId=first, **arguments)
    with pytest.raises(running.api.exceptions.StageNotRetryableException):
        running.api.retry_stage_execution(pipelineExecutionId=second, **arguments | {"stageName": "Source"})


def test_a_rejected_approval_fails_the_execution_and_spares_the_next_stage(pipeline):
    running = pipeline(stage("Approve", approval()), stage("Prod", build_action("Deploy", "true")))
    execution = running.push()
    running.answer("Approve", running.waits_for_approval("Approve"), "Rejected")
    assert running.finished(execution) == "Failed"
    found = running.actions(execution)
    assert "Deploy" not in found
    assert found["Approve"]["output"]["executionResult"]["errorDetails"]["message"] == "Rejected: looked at it"
    assert found["Approve"]["updatedBy"].endswith(":root")


def test_a_wrong_or_old_approval_token_is_refused(pipeline):
    running = pipeline(stage("Approve", approval()))
    running.push()
    token = running.waits_for_approval("Approve")
    with pytest.raises(running.api.exceptions.InvalidApprovalTokenException):
        running.answer("Approve", "00000000-0000-0000-0000-000000000000")
    running.answer("Approve", token)
    with pytest.raises(running.api.exceptions.ApprovalAlreadyCompletedException):
        running.answer("Approve", token)


def test_an_approval_notice_goes_to_its_topic(aws, pipeline, emulator):
    topic = aws("sns").create_topic(Name="approvals")["TopicArn"]
    running = pipeline(stage("Approve", approval(NotificationArn=topic, CustomData="please")))
    running.push()
    token = running.waits_for_approval("Approve")
    sent = sns_backends["123456789012"]["us-east-1"].topics[topic].sent_notifications
    wait_until(lambda: sent)
    notice = json.loads(sent[-1][1])["approval"]
    assert (notice["token"], notice["customData"]) == (token, "please")


def test_queued_executions_wait_for_the_stage_in_the_order_of_their_start(pipeline):
    running = pipeline(stage("Approve", approval()))
    first = running.push("one")
    token = running.waits_for_approval("Approve")
    second, third = running.push("two"), running.push("three")
    wait_until(lambda: len(running.stages()["Approve"]["inboundExecutions"]) == 2)
    assert [one["pipelineExecutionId"] for one in running.stages()["Approve"]["inboundExecutions"]] == [second, third]
    running.answer("Approve", token)
    assert running.finished(first) == "Succeeded"
    wait_until(lambda: running.action_state("Approve").get("token") not in (None, token))
    assert running.stages()["Approve"]["latestExecution"]["pipelineExecutionId"] == second


def test_a_newer_execution_supersedes_the_one_that_waits(pipeline):
    running = pipeline(stage("Approve", approval()), executionMode="SUPERSEDED")
    first = running.push("one")
    token = running.waits_for_approval("Approve")
    second = running.push("two")
    wait_until(lambda: running.stages()["Approve"].get("inboundExecution", {}).get("pipelineExecutionId") == second)
    third = running.push("three")
    assert running.finished(second) == "Superseded"
    assert running.status(first) == "InProgress"
    running.answer("Approve", token)
    wait_until(lambda: running.stages()["Approve"]["latestExecution"]["pipelineExecutionId"] == third)


def test_parallel_executions_do_not_wait_for_each_other(pipeline):
    running = pipeline(stage("Approve", approval()), executionMode="PARALLEL")
    executions = {running.push("one"), running.push("two")}

    def waiting() -> set[str]:
        details = running.api.list_action_executions(pipelineName=running.name)["actionExecutionDetails"]
        return {one["pipelineExecutionId"] for one in details if one["actionName"] == "Approve"}

    wait_until(lambda: waiting() == executions)
    with pytest.raises(running.api.exceptions.UnableToRollbackStageException):
        running.api.rollback_stage(
            pipelineName=running.name, stageName="Approve", targetPipelineExecutionId=executions.pop()
        )


@pytest.mark.parametrize(("gate", "expected"), [("PASS", "Succeeded"), ("FAIL", "Failed")])
def test_a_condition_before_a_stage_lets_only_the_right_value_in(pipeline, gate, expected):
    running = pipeline(
        stage("Evaluate", build_action("Evaluate", f"RESULT={gate}", namespace="Evaluate")),
        stage(
            "Staging",
            build_action("Deploy", "true"),
            beforeEntry={"conditions": [{"result": "FAIL", "rules": rule("#{Evaluate.RESULT}", "EQ", "PASS")}]},
        ),
    )
    execution = running.push()
    assert running.finished(execution) == expected
    assert ("Deploy" in running.actions(execution)) == (expected == "Succeeded")
    state = running.stages()["Staging"]["beforeEntryConditionState"]
    assert state["latestExecution"]["status"] == expected
    details = running.api.list_rule_executions(pipelineName=running.name)["ruleExecutionDetails"]
    assert details[0]["input"]["resolvedConfiguration"]["Variable"] == gate
    if expected == "Failed":
        assert "found 'FAIL', required EQ 'PASS'" in state["latestExecution"]["summary"]
        running.api.override_stage_condition(
            pipelineName=running.name,
            stageName="Staging",
            pipelineExecutionId=execution,
            conditionType="BEFORE_ENTRY",
        )
        assert running.finished(execution) == "Succeeded"


def test_a_condition_can_skip_its_stage(pipeline):
    running = pipeline(
        stage(
            "Optional",
            build_action("Deploy", "true"),
            beforeEntry={"conditions": [{"result": "SKIP", "rules": rule("#{Source.BranchName}", "NE", "main")}]},
        ),
        stage("Last", build_action("After", "true")),
    )
    execution = running.push()
    assert running.finished(execution) == "Succeeded"
    assert sorted(running.actions(execution)) == ["After", "Source"]
    assert running.stages()["Optional"]["latestExecution"]["status"] == "Skipped"


def test_an_alarm_after_a_stage_rolls_it_back_to_the_last_success(aws, pipeline, tmp_path):
    alarm = {"MetricName": "Errors", "Namespace": "Test", "Period": 60, "EvaluationPeriods": 1, "Statistic": "Sum"}
    aws("cloudwatch").put_metric_alarm(
        AlarmName="prod-errors", Threshold=1, ComparisonOperator="GreaterThanThreshold", **alarm
    )
    rules = [
        {
            "name": "quiet",
            "ruleTypeId": {"category": "Rule", "owner": "AWS", "provider": "CloudWatchAlarm", "version": "1"},
            "configuration": {"AlarmName": "prod-errors", "AlarmStates": "ALARM"},
        }
    ]
    running = pipeline(
        stage(
            "Prod",
            build_action("Deploy", f"echo #{{Source.CommitMessage}} >> {tmp_path}/deployed"),
            onSuccess={"conditions": [{"result": "ROLLBACK", "rules": rules}]},
        )
    )
    good = running.push("good")
    assert running.finished(good) == "Succeeded"
    aws("cloudwatch").set_alarm_state(AlarmName="prod-errors", StateValue="ALARM", StateReason="test")
    bad = running.push("bad")
    assert running.finished(bad) == "Failed"
    wait_until(lambda: running.executions()[0]["executionType"] == "ROLLBACK")
    back = running.executions()[0]
    assert back["trigger"]["triggerType"] == "AutomatedRollback"
    assert back["rollbackMetadata"]["rollbackTargetPipelineExecutionId"] == good
    running.finished(back["pipelineExecutionId"])
    assert (tmp_path / "deployed").read_text() == "good\nbad\ngood\n"


def test_a_stage_rolls_back_to_an_earlier_execution_by_hand(pipeline, tmp_path):
    running = pipeline(stage("Prod", build_action("Deploy", f"echo #{{Source.CommitMessage}} >> {tmp_path}/deployed")))
    first, second = running.push("first"), running.push("second")
    running.finished(second)
    arguments = {"pipelineName": running.name, "stageName": "Prod"}
    back = running.api.rollback_stage(targetPipelineExecutionId=first, **arguments)["pipelineExecutionId"]
    assert running.finished(back) == "Succeeded"
    assert (tmp_path / "deployed").read_text() == "first\nsecond\nfirst\n"
    running.api.update_pipeline(pipeline=running.declaration)
    with pytest.raises(running.api.exceptions.PipelineExecutionOutdatedException):
        running.api.rollback_stage(targetPipelineExecutionId=first, **arguments)


def test_a_stage_retries_itself_once(pipeline, tmp_path):
    running = pipeline(
        stage(
            "Flaky",
            build_action("Flaky", f"test -e {tmp_path}/once || {{ touch {tmp_path}/once; false; }}"),
            onFailure={"result": "RETRY", "retryConfiguration": {"retryMode": "FAILED_ACTIONS"}},
        )
    )
    assert running.finished(running.push()) == "Succeeded"
    assert running.stages()["Flaky"]["retryStageMetadata"]["latestRetryTrigger"] == "AutomatedStageRetry"


def test_actions_of_the_same_run_order_run_side_by_side(pipeline, tmp_path):
    meet = f"touch {tmp_path}/#NAME; until test -e {tmp_path}/a && test -e {tmp_path}/b; do sleep 0.05; done"
    running = pipeline(
        stage("Both", build_action("A", meet.replace("#NAME", "a")), build_action("B", meet.replace("#NAME", "b")))
    )
    assert running.finished(running.push()) == "Succeeded"


def test_a_stopped_execution_waits_for_its_action_unless_abandoned(pipeline):
    running = pipeline(stage("Approve", approval()), stage("Last", build_action("After", "true")))
    execution = running.push()
    token = running.waits_for_approval("Approve")
    arguments = {"pipelineName": running.name, "pipelineExecutionId": execution}
    running.api.stop_pipeline_execution(**arguments, reason="not now")
    assert running.status(execution) == "Stopping"
    with pytest.raises(running.api.exceptions.DuplicatedStopRequestException):
        running.api.stop_pipeline_execution(**arguments)
    running.answer("Approve", token)
    assert running.finished(execution) == "Stopped"
    assert running.stages()["Approve"]["latestExecution"]["status"] == "Stopped"
    assert "After" not in running.actions(execution)

    second = running.push()
    running.waits_for_approval("Approve")
    running.api.stop_pipeline_execution(**arguments | {"pipelineExecutionId": second}, abandon=True)
    assert running.finished(second) == "Stopped"
    assert running.actions(second)["Approve"]["status"] == "Abandoned"
    with pytest.raises(running.api.exceptions.PipelineExecutionNotStoppableException):
        running.api.stop_pipeline_execution(**arguments | {"pipelineExecutionId": second})


def test_a_disabled_transition_holds_executions_back(pipeline):
    running = pipeline(stage("Build", build_action("Make", "true")))
    transition = {"pipelineName": running.name, "stageName": "Build", "transitionType": "Inbound"}
    running.api.disable_stage_transition(reason="frozen", **transition)
    execution = running.push()
    wait_until(lambda: running.stages()["Build"].get("inboundExecution"))
    assert running.stages()["Build"]["inboundTransitionState"]["disabledReason"] == "frozen"
    running.api.enable_stage_transition(**transition)
    assert running.finished(execution) == "Succeeded"


def test_a_trigger_looks_at_branch_and_paths(pipeline):
    git_filter = {
        "sourceActionName": "Source",
        "push": [
            {"branches": {"includes": ["main", "release/*"]}, "filePaths": {"excludes": ["docs/**", "README.md"]}}
        ],
    }
    running = pipeline(
        stage("Build", build_action("Make", "true")),
        triggers=[{"providerType": "CodeStarSourceConnection", "gitConfiguration": git_filter}],
    )
    running.commit(path="src/a.py")
    assert len(running.executions()) == 1
    assert running.executions()[0]["trigger"]["triggerType"] == "WebhookV2"
    running.commit(path="docs/deep/b.md")
    running.commit(path="src/c.py", branch="elsewhere")
    assert len(running.executions()) == 1
    execution = running.push(path="src/d.py", branch="release/1")
    assert len(running.executions()) == 2
    running.finished(execution)
    assert running.actions(execution)["Source"]["output"]["outputVariables"]["BranchName"] == "release/1"


def test_an_execution_can_be_started_by_hand_with_variables_and_a_commit(pipeline, tmp_path):
    running = pipeline(
        stage("Build", build_action("Make", f"echo #{{variables.word}} #{{Source.CommitMessage}} > {tmp_path}/said")),
        variables=[{"name": "word", "defaultValue": "default"}],
    )
    first = running.commit("the first")
    running.finished(running.push("the second"))
    assert (tmp_path / "said").read_text() == "default the second\n"
    execution = running.api.start_pipeline_execution(
        name=running.name,
        variables=[{"name": "word", "value": "given"}],
        sourceRevisions=[{"actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": first}],
    )["pipelineExecutionId"]
    assert running.finished(execution) == "Succeeded"
    assert (tmp_path / "said").read_text() == "given the first\n"
    with pytest.raises(ClientError, match="declares no variable other"):
        running.api.start_pipeline_execution(name=running.name, variables=[{"name": "other", "value": "x"}])


def test_an_s3_source_starts_the_pipeline_when_the_object_changes(aws, account, pipeline, cloud):
    s3 = aws("s3")
    s3.create_bucket(Bucket="pipeline-sources")
    s3.put_bucket_versioning(Bucket="pipeline-sources", VersioningConfiguration={"Status": "Enabled"})
    running = pipeline(stage("Build", build_action("Make", "true")))
    source = running.declaration["stages"][0]["actions"][0]
    source["actionTypeId"]["provider"] = "S3"
    source["configuration"] = {"S3Bucket": "pipeline-sources", "S3ObjectKey": "source.zip"}
    s3.put_object(Bucket="pipeline-sources", Key="source.zip", Body=b"before")
    running.api.update_pipeline(pipeline=running.declaration)
    seen = cloud.service(CodePipeline)._sources._seen_objects
    wait_until(lambda: (running.name, "pipeline-sources/source.zip") in seen)
    assert running.executions() == []
    version = s3.put_object(Bucket="pipeline-sources", Key="source.zip", Body=b"no zip")["VersionId"]
    wait_until(lambda: running.executions())
    execution = running.executions()[0]["pipelineExecutionId"]
    assert running.finished(execution) == "Failed"  # the build says that it is no zip
    found = running.actions(execution)
    assert found["Source"]["output"]["outputVariables"]["VersionId"] == version
    assert "not a zip archive" in found["Make"]["output"]["executionResult"]["errorDetails"]["message"]


def test_a_codecommit_source_is_a_source_too(aws, pipeline, cloud_url):
    repository = aws("codecommit").create_repository(repositoryName="own")["repositoryMetadata"]
    running = pipeline(stage("Build", build_action("Make", "true")))
    source = running.declaration["stages"][0]["actions"][0]
    source["actionTypeId"]["provider"] = "CodeCommit"
    source["configuration"] = {"RepositoryName": "own", "BranchName": "main"}
    running.api.update_pipeline(pipeline=running.declaration)
    running.remote = repository["cloneUrlHttp"]
    execution = running.push("to codecommit")
    assert running.finished(execution) == "Succeeded"
    assert running.actions(execution)["Source"]["output"]["outputVariables"]["RepositoryName"] == "own"


def test_a_missing_role_fails_the_action_with_the_reason(pipeline):
    running = pipeline(stage("Build", build_action("Make", "true", roleArn="arn:aws:iam::123456789012:role/not-there")))
    execution = running.push()
    assert running.finished(execution) == "Failed"
    error = running.actions(execution)["Make"]["output"]["executionResult"]["errorDetails"]
    assert "not-there can't be assumed" in error["message"]


def test_a_pipeline_reads_back_as_it_was_sent_and_keeps_its_versions(pipeline):
    running = pipeline(stage("Build", build_action("Make", "true")))
    found = running.api.get_pipeline(name=running.name)
    sent = json.loads(json.dumps(running.declaration))
    for one in sent["stages"]:
        for action in one["actions"]:
            action.setdefault("inputArtifacts", [])
            action["runOrder"] = 1
    assert found["pipeline"] == sent | {"version": 1}
    assert found["metadata"]["pipelineArn"].endswith(f":codepipeline:us-east-1:123456789012:{running.name}")
    assert running.api.update_pipeline(pipeline=running.declaration)["pipeline"]["version"] == 2
    assert running.api.get_pipeline(name=running.name, version=1)["pipeline"]["version"] == 1
    arn = found["metadata"]["pipelineArn"]
    running.api.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "b"}])
    assert running.api.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "a", "value": "b"}]


def test_what_is_absent_says_so(aws):
    with pytest.raises(ClientError, match="codepipeline:PollForJobs is not emulated"):
        aws("codepipeline").poll_for_jobs(
            actionTypeId={"category": "Build", "owner": "Custom", "provider": "x", "version": "1"}
        )
    with pytest.raises(aws("codepipeline").exceptions.PipelineNotFoundException):
        aws("codepipeline").get_pipeline_state(name="not-there")


def test_no_webhook_can_be_made_so_there_is_none(tmp_path):
    assert CodePipeline(Cloud(tmp_path, "http://127.0.0.1:1")).list_webhooks({}, None) == {"webhooks": []}
