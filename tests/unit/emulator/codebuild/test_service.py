"""CodeBuild: builds that run real commands, seen through boto3."""

import io
import json
import re
import time
import zipfile

import pytest
from botocore.exceptions import ClientError
from waiting import gone, wait_until

from emulator.codebuild.service import CodeBuild
from emulator.core.cloud import Cloud

TRUSTED = {"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [TRUSTED]})

LOGGING = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]})


@pytest.fixture(scope="module")
def role_arn(aws):
    return aws("iam").create_role(RoleName="build-role", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]


@pytest.fixture(scope="module")
def bucket(aws):
    aws("s3").create_bucket(Bucket="build-test-bucket")
    aws("s3").put_bucket_versioning(Bucket="build-test-bucket", VersioningConfiguration={"Status": "Enabled"})
    return "build-test-bucket"


@pytest.fixture
def project(aws, role_arn, request):
    """project(buildspec, **members) creates a project without source, named after the test."""
    made = []

    def create(buildspec: str, **members):
        name = re.sub(r"[^A-Za-z0-9_-]", "-", request.node.name)[:100]
        environment = {"type": "LINUX_CONTAINER", "image": "image:1", "computeType": "BUILD_GENERAL1_SMALL"}
        environment |= members.pop("environment", {})
        settings = {
            "source": {"type": "NO_SOURCE", "buildspec": buildspec},
            "artifacts": {"type": "NO_ARTIFACTS"},
            **members,
        }
        aws("codebuild").create_project(name=name, environment=environment, serviceRole=role_arn, **settings)
        made.append(name)
        return name

    yield create
    for name in made:
        aws("codebuild").delete_project(name=name)


@pytest.fixture
def run(aws):
    """run(project, **overrides) -> the finished build."""

    def run_build(name: str, **overrides) -> dict:
        build_id = aws("codebuild").start_build(projectName=name, **overrides)["build"]["id"]
        return finished(aws, build_id)

    return run_build


def finished(aws, build_id: str) -> dict:
    def look() -> dict | None:
        build = aws("codebuild").batch_get_builds(ids=[build_id])["builds"][0]
        return build if build["buildComplete"] else None

    return wait_until(look)


def phase_of(aws, build_id: str) -> str:
    return aws("codebuild").batch_get_builds(ids=[build_id])["builds"][0]["currentPhase"]


def phases(build: dict) -> dict[str, dict]:
    return {phase["phaseType"]: phase for phase in build["phases"]}


def log_of(aws, build: dict) -> list[str]:
    logs = build["logs"]
    events = aws("logs").get_log_events(
        logGroupName=logs["groupName"], logStreamName=logs["streamName"], startFromHead=True
    )
    return [event["message"] for event in events["events"]]


def zipped(files: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


def spec(**sections) -> str:
    return json.dumps({"version": 0.2, **sections}, indent=1)


def test_commands_of_all_phases_share_variables_and_directory(aws, project, run):
    name = project(
        spec(
            env={"variables": {"COLOUR": "red"}, "exported-variables": ["RESULT", "PLACE", "UNSET"]},
            phases={
                "install": {"commands": ["export FIRST='a b'", "mkdir below && cd below"]},
                "build": {"commands": ["echo \"export SECOND='c $COLOUR'\" > variables.env", ". ./variables.env"]},
                "post_build": {"commands": ['RESULT="$FIRST-$SECOND"', "PLACE=$(basename $PWD)"]},
            },
        )
    )
    build = run(name)
    assert build["buildStatus"] == "SUCCEEDED", build["phases"]
    exported = {entry["name"]: entry["value"] for entry in build["exportedEnvironmentVariables"]}
    assert exported == {"RESULT": "a b-c red", "PLACE": "below", "UNSET": ""}


def test_a_failing_command_names_itself_and_its_status_and_what_it_said_is_in_the_log(aws, project, run):
    name = project(
        spec(
            phases={
                "build": {"commands": ["echo before; echo the reason >&2; exit 7", "echo never"]},
                "post_build": {"commands": ["echo after with $CODEBUILD_BUILD_SUCCEEDING"]},
            }
        )
    )
    build = run(name)
    assert build["buildStatus"] == "FAILED"
    context = phases(build)["BUILD"]["contexts"][0]
    assert context["statusCode"] == "COMMAND_EXECUTION_ERROR"
    assert context["message"].endswith("exit 7. Reason: exit status 7")
    lines = log_of(aws, build)
    assert "the reason" in lines
    assert "after with 0" in lines
    assert "never" not in lines


def test_a_failed_install_skips_the_other_phases_but_runs_its_finally(aws, project, run):
    name = project(
        spec(
            phases={
                "install": {"commands": ["false"], "finally": ["echo cleaned up"]},
                "build": {"commands": ["echo never"]},
            }
        )
    )
    build = run(name)
    assert phases(build)["INSTALL"]["phaseStatus"] == "FAILED"
    assert "BUILD" not in phases(build)
    assert "cleaned up" in log_of(aws, build)


def test_on_failure_continue_goes_on(project, run):
    name = project(
        spec(
            phases={
                "pre_build": {"on-failure": "CONTINUE", "commands": ["false"]},
                "build": {"commands": ["true"]},
            }
        )
    )
    build = run(name)
    assert phases(build)["PRE_BUILD"]["phaseStatus"] == "FAILED"
    assert build["buildStatus"] == "SUCCEEDED"


def test_the_environment_holds_the_project_the_parameters_and_the_secrets_but_not_the_developers(
    aws, project, run, monkeypatch
):
    monkeypatch.setenv("DEVELOPERS_TOKEN", "leak")
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", "/no/such/file")
    aws("ssm").put_parameter(Name="/build/size", Value="42", Type="String")
    aws("secretsmanager").create_secret(Name="build/login", SecretString='{"password": "hush-hush"}')
    name = project(
        spec(
            env={
                "variables": {"A": "buildspec", "B": "buildspec", "C": "buildspec"},
                "parameter-store": {"SIZE": "/build/size"},
                "secrets-manager": {"PASSWORD": "build/login:password"},
                "exported-variables": ["A", "B", "C", "SIZE", "LEAK", "TERRAFORM", "WHO", "PASSWORD_LENGTH"],
            },
            phases={
                "build": {
                    "commands": [
                        "echo the password is $PASSWORD; PASSWORD_LENGTH=${#PASSWORD}",
                        "LEAK=${DEVELOPERS_TOKEN:-none}; TERRAFORM=${TF_CLI_CONFIG_FILE:-none}",
                        "WHO=$CODEBUILD_INITIATOR",
                    ]
                }
            },
        ),
        environment={
            "environmentVariables": [{"name": "B", "value": "project"}, {"name": "C", "value": "project"}],
        },
    )
    build = run(name, environmentVariablesOverride=[{"name": "C", "value": "caller", "type": "PLAINTEXT"}])
    exported = {entry["name"]: entry["value"] for entry in build["exportedEnvironmentVariables"]}
    assert exported == {
        "A": "buildspec",
        "B": "project",
        "C": "caller",
        "SIZE": "42",
        "LEAK": "none",
        "TERRAFORM": "none",
        "WHO": "root",
        "PASSWORD_LENGTH": "9",
    }
    lines = log_of(aws, build)
    assert "the password is ***" in lines
    assert not any("hush-hush" in line for line in lines)


def test_commands_call_aws_as_the_projects_role(aws, project, run):
    name = project(
        spec(
            env={"exported-variables": ["WHO"]},
            phases={
                "build": {
                    "commands": [
                        "WHO=$(python -c \"import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])\")"
                    ]
                }
            },
        )
    )
    build = run(name)
    assert ":assumed-role/build-role/AWSCodeBuild-" in build["exportedEnvironmentVariables"][0]["value"], build


def test_source_zip_becomes_artifacts_reports_and_a_cache(aws, bucket, project, run, cloud):
    source = {
        "buildspec.yml": spec(
            reports={"unit": {"files": ["junit.xml"], "base-directory": "results"}},
            artifacts={"files": ["**/*.txt"], "base-directory": "out"},
            cache={"paths": ["kept/**/*"]},
            phases={
                "build": {
                    "commands": [
                        "test -e kept/before.txt || { echo no cache; mkdir kept; date > kept/before.txt; }",
                        "mkdir -p out/deep results; cp input.txt out/deep/result.txt",
                        "cp junit.in results/junit.xml",
                    ]
                }
            },
        ),
        "input.txt": "hello",
        "junit.in": '<testsuites><testsuite name="s"><testcase classname="c" name="good" time="0.5"/>'
        '<testcase classname="c" name="bad"><failure message="1 != 2">here</failure></testcase>'
        '<testcase classname="c" name="left"><skipped message="later"/></testcase></testsuite></testsuites>',
    }
    aws("s3").put_object(Bucket=bucket, Key="in/source.zip", Body=zipped(source))
    name = project(
        "buildspec.yml",
        source={"type": "S3", "location": f"{bucket}/in/source.zip"},
        artifacts={"type": "S3", "location": bucket, "path": "out", "name": "made.zip", "packaging": "ZIP"},
        cache={"type": "S3", "location": f"{bucket}/cache"},
    )
    build = run(name)
    assert build["buildStatus"] == "SUCCEEDED", build["phases"]
    assert "no cache" in log_of(aws, build)
    made = zipfile.ZipFile(io.BytesIO(aws("s3").get_object(Bucket=bucket, Key="out/made.zip")["Body"].read()))
    assert made.namelist() == ["deep/result.txt"]
    assert made.read("deep/result.txt") == b"hello"
    report = aws("codebuild").batch_get_reports(reportArns=build["reportArns"])["reports"][0]
    assert report["status"] == "FAILED"
    assert report["testSummary"]["statusCounts"]["FAILED"] == 1
    assert report["testSummary"]["durationInNanoSeconds"] == 500_000_000
    cases = aws("codebuild").describe_test_cases(reportArn=report["arn"], filter={"status": "FAILED"})["testCases"]
    assert [(case["name"], case["message"]) for case in cases] == [("bad", "1 != 2\nhere")]
    calls = [json.loads(line) for line in (cloud.root / "calls.jsonl").read_text().splitlines()]
    assert [call["operation"] for call in calls if call["resource"] == report["reportGroupArn"]] == [
        "CreateReportGroup",
        "CreateReport",
        "BatchPutTestCases",
        "UpdateReport",
    ]
    kept = aws("s3").list_objects_v2(Bucket=bucket, Prefix="cache/")["Contents"]
    assert "no cache" not in log_of(aws, run(name))
    # A cache that did not change is not written again.
    assert aws("s3").list_objects_v2(Bucket=bucket, Prefix="cache/")["Contents"] == kept
    wait_until(lambda: list(cloud.directory("codebuild").joinpath(name).iterdir()) == [])


def test_a_stopped_build_ends_with_all_its_processes(aws, project, tmp_path):
    pid = tmp_path / "pid"
    name = project(
        spec(
            phases={
                "build": {"commands": [f"sleep 60 & echo $! > {pid}.new; mv {pid}.new {pid}; sleep 60"]},
                "post_build": {"commands": ["echo never"]},
            }
        )
    )
    build_id = aws("codebuild").start_build(projectName=name)["build"]["id"]
    wait_until(pid.exists)
    begun = time.monotonic()
    build = aws("codebuild").stop_build(id=build_id)["build"]
    assert time.monotonic() - begun < 10  # the commands would take a minute
    assert build["buildStatus"] == "STOPPED"
    assert "POST_BUILD" not in phases(build)
    wait_until(lambda: gone(int(pid.read_text())))


def test_the_log_is_live_while_a_command_runs(aws, project):
    name = project(spec(phases={"build": {"commands": ["echo early; sleep 30"]}}))
    build = aws("codebuild").start_build(projectName=name)["build"]

    def said_early() -> bool:
        try:
            return "early" in log_of(aws, build)
        except aws("logs").exceptions.ResourceNotFoundException:
            return False

    wait_until(said_early)
    assert phase_of(aws, build["id"]) == "BUILD"
    aws("codebuild").stop_build(id=build["id"])


def test_a_killed_command_fails_the_build_and_a_retry_runs_again(aws, project, run, tmp_path):
    marker = tmp_path / "once"
    name = project(spec(phases={"build": {"commands": [f"test -e {marker} || {{ touch {marker}; kill -9 $$; }}"]}}))
    build = run(name)
    assert "Reason: signal: SIGKILL" in phases(build)["BUILD"]["contexts"][0]["message"]
    again = aws("codebuild").retry_build(id=build["id"])["build"]
    assert again["buildNumber"] == build["buildNumber"] + 1
    assert finished(aws, again["id"])["buildStatus"] == "SUCCEEDED"


def test_a_broken_buildspec_fails_with_its_location_and_reason(project, run):
    build = run(project(spec(phases={"build": {"commands": [{"echo a": "b"}]}})))
    context = phases(build)["DOWNLOAD_SOURCE"]["contexts"][0]
    assert context["statusCode"] == "YAML_FILE_ERROR"
    assert "phases/build/commands, entry 1: expected a string, found a mapping" in context["message"]


def test_missing_artifacts_fail_the_build(project, run, bucket):
    name = project(
        spec(phases={"build": {"commands": ["true"]}}, artifacts={"files": ["nothing/*"]}),
        artifacts={"type": "S3", "location": bucket, "name": "x", "packaging": "ZIP"},
    )
    build = run(name)
    assert build["buildStatus"] == "FAILED"
    assert "no matching artifact paths" in phases(build)["UPLOAD_ARTIFACTS"]["contexts"][0]["message"]


def test_a_limit_of_concurrent_builds_queues_the_next_one(aws, project, tmp_path):
    gate, order = tmp_path / "gate", tmp_path / "order"
    command = f"echo begin >> {order}; while ! test -e {gate}; do sleep 0.05; done; echo end >> {order}"
    name = project(spec(phases={"build": {"commands": [command]}}), concurrentBuildLimit=1)
    first = aws("codebuild").start_build(projectName=name)["build"]["id"]
    wait_until(order.exists)
    second = aws("codebuild").start_build(projectName=name)["build"]["id"]
    assert (phase_of(aws, first), phase_of(aws, second)) == ("BUILD", "QUEUED")
    gate.touch()
    assert finished(aws, second)["buildStatus"] == "SUCCEEDED"
    assert order.read_text().split() == ["begin", "end", "begin", "end"]


def test_a_project_reads_back_what_was_sent_with_the_defaults_of_aws(aws, project):
    name = project(
        spec(phases={"build": {"commands": ["true"]}}), timeoutInMinutes=17, tags=[{"key": "a", "value": "b"}]
    )
    found = aws("codebuild").batch_get_projects(names=[name, "absent"])
    assert found["projectsNotFound"] == ["absent"]
    found = found["projects"][0]
    assert found["timeoutInMinutes"] == 17
    assert found["queuedTimeoutInMinutes"] == 480
    assert found["cache"] == {"type": "NO_CACHE"}
    assert found["tags"] == [{"key": "a", "value": "b"}]
    assert found["badge"] == {"badgeEnabled": False}
    aws("codebuild").update_project(name=name, timeoutInMinutes=18)
    changed = aws("codebuild").batch_get_projects(names=[name])["projects"][0]
    assert changed["timeoutInMinutes"] == 18
    assert changed["source"] == found["source"]
    assert name in aws("codebuild").list_projects()["projects"]


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"environment": {"privilegedMode": True}}, "privilegedMode is not emulated"),
        ({"source": {"type": "GITHUB", "location": "https://x"}}, "source type GITHUB is not emulated"),
        ({"environment": {"type": "WINDOWS_CONTAINER"}}, "environment type WINDOWS_CONTAINER is not emulated"),
    ],
    ids=["docker", "github", "windows"],
)
def test_what_is_not_emulated_is_refused_by_name(project, members, said):
    with pytest.raises(ClientError, match=said):
        project("version: 0.2\n", **members)


def test_batch_builds_answer_that_they_are_not_emulated(aws):
    with pytest.raises(ClientError, match="codebuild:StartBuildBatch is not emulated"):
        aws("codebuild").start_build_batch(projectName="x")


def test_empty_lists_are_lists(aws, project):
    name = project(spec(phases={"build": {"commands": ["true"]}}))
    assert aws("codebuild").list_builds_for_project(projectName=name)["ids"] == []
    assert aws("codebuild").batch_get_projects(names=["absent"])["projects"] == []


def test_a_report_that_the_role_may_not_publish_is_missing_and_the_log_says_why(aws, project, run, cloud, monkeypatch):
    junit = "<testsuites><testsuite name='s'><testcase classname='c' name='n'/></testsuite></testsuites>"
    source = spec(
        reports={"unit": {"files": ["junit.xml"]}}, phases={"build": {"commands": [f'echo "{junit}" > junit.xml']}}
    )
    monkeypatch.setattr(cloud, "enforce_iam", True)
    aws("iam").put_role_policy(RoleName="build-role", PolicyName="logs", PolicyDocument=LOGGING)
    build = run(project(source))
    aws("iam").delete_role_policy(RoleName="build-role", PolicyName="logs")
    assert build["buildStatus"] == "SUCCEEDED"
    assert build["reportArns"] == []
    assert re.search("Report unit can't be published.*codebuild:CreateReportGroup", "\n".join(log_of(aws, build)))


@pytest.mark.parametrize("trusted", [{"Effect": "Deny"}, {"Principal": {"Service": "sagemaker.amazonaws.com"}}])
def test_a_role_that_codebuild_cannot_take_is_refused(aws, role_arn, project, trusted):
    name = project(spec())
    aws("iam").update_assume_role_policy(
        RoleName="build-role", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [TRUSTED | trusted]})
    )
    try:
        with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole on service role"):
            aws("codebuild").update_project(name=name, serviceRole=role_arn)
    finally:
        aws("iam").update_assume_role_policy(RoleName="build-role", PolicyDocument=TRUST)
    with pytest.raises(ClientError, match="sts:AssumeRole on service role"):
        aws("codebuild").update_project(name=name, serviceRole=f"{role_arn}-absent")


def test_report_groups_are_made_changed_and_deleted(aws):
    codebuild = aws("codebuild")
    export = {"exportConfigType": "NO_EXPORT"}
    group = codebuild.create_report_group(name="my-group", type="TEST", exportConfig=export)["reportGroup"]
    assert group["arn"] == "arn:aws:codebuild:us-east-1:123456789012:report-group/my-group"
    codebuild.update_report_group(arn=group["arn"], tags=[{"key": "k", "value": "v"}])
    found = codebuild.batch_get_report_groups(reportGroupArns=[group["arn"]])["reportGroups"][0]
    assert found["tags"] == [{"key": "k", "value": "v"}]
    codebuild.delete_report_group(arn=group["arn"])
    assert codebuild.batch_get_report_groups(reportGroupArns=[group["arn"]])["reportGroupsNotFound"] == [group["arn"]]


def test_a_service_that_ends_stops_its_builds(cloud, tmp_path):
    service = CodeBuild(Cloud(tmp_path, cloud.url))
    service.stop()
    assert service.operation("StartBuild") is not None
