from datetime import datetime

import pytest

from release.aws.jobs import TRAINING
from release.operate import operator
from release.operate.operator import RunningJob
from release.operate.progress import Stage

EVALUATED = {
    "GATE": "PASS",
    "GATE_SUMMARY": "All 3 rules passed.",
    "MODEL_PACKAGE_ARN": "arn:package/1",
    "MACRO_AVERAGE_PRECISION": "0.6000",
    "CHAMPION_MACRO_AVERAGE_PRECISION": "none",
    "MACRO_AUROC": "0.9000",
    "MACRO_F1": "0.5000",
    "AGAINST_CHAMPION": "none",
    "WORST_LABEL": "threat -0.040 (-0.090 to +0.010)",
    "MOST_FLIPS": "insult 3.1%",
    "FALSE_POSITIVES_PER_1000_CLEAN": "20.0",
    "POLICY_ID": "p-0123456789ab",
    "REPORT_URL": "https://report",
}
EXECUTION = {
    "pipelineExecutionId": "e-1",
    "status": "InProgress",
    "sourceRevisions": [{"revisionId": "0123456789abcdef"}],
}


def stage(name, status="Succeeded", seconds=10.0, outputs=None, log=("group", "stream"), summary=""):
    return Stage(name, status, seconds, outputs or {}, log, summary)


class CodePipeline:
    """A pipeline in which one approval waits, unless told otherwise."""

    class meta:
        region_name = "eu-west-1"
        endpoint_url = "https://codepipeline.eu-west-1.amazonaws.com"

    def __init__(self, names=("moderation",), waiting=True, executions=(EXECUTION,), outputs=EVALUATED):
        self.names, self.waiting, self.executions, self.results = names, waiting, list(executions), []
        self.outputs, self.operation = outputs, ""

    def client(self, service):
        return self

    def get_paginator(self, operation):
        self.operation = operation
        return self

    def paginate(self, **filters):
        if self.operation == "list_pipelines":
            return [{"pipelines": [{"name": name} for name in self.names]}]
        assert filters["filter"] == {"pipelineExecutionId": "e-1"}
        moment = datetime(2026, 1, 1)
        evaluated = {
            "stageName": "Evaluate",
            "actionName": "Evaluate",
            "status": "Succeeded",
            "startTime": moment,
            "lastUpdateTime": moment,
            "output": {"outputVariables": self.outputs},
        }
        return [{"actionExecutionDetails": [evaluated]}]

    def list_pipeline_executions(self, pipelineName, maxResults):
        return {"pipelineExecutionSummaries": self.executions}

    def get_pipeline_state(self, name):
        latest = {"status": "InProgress", "token": "t-1"} if self.waiting else {"status": "Succeeded"}
        return {
            "stageStates": [
                {"stageName": "Source", "actionStates": [{"actionName": "Source"}]},
                {
                    "stageName": "Approve",
                    "latestExecution": {"pipelineExecutionId": "e-1"},
                    "actionStates": [{"actionName": "Approve", "latestExecution": latest}],
                },
            ]
        }

    def put_approval_result(self, **request):
        self.results.append(request)


def test_the_only_pipeline_is_the_one_meant():
    assert operator.find_pipeline(CodePipeline(), None, {}) == "moderation"
    assert operator.find_pipeline(CodePipeline(("a", "b")), "b", {}) == "b"
    assert operator.find_pipeline(CodePipeline(("a", "b")), None, {"PIPELINE_NAME": "a"}) == "a"


@pytest.mark.parametrize(("names", "found"), [((), "found none"), (("a", "b"), "found a, b")])
def test_no_pipeline_or_several_is_a_question_back(names, found):
    with pytest.raises(ValueError, match=found):
        operator.find_pipeline(CodePipeline(names), None, {})


@pytest.mark.parametrize(("approve", "status"), [(True, "Approved"), (False, "Rejected")])
def test_a_decision_answers_the_waiting_approval_with_its_token_and_reason(approve, status, capsys):
    codepipeline = CodePipeline()
    assert operator.decide(codepipeline, None, approve, "looked at the report") == 0
    assert codepipeline.results == [
        {
            "pipelineName": "moderation",
            "stageName": "Approve",
            "actionName": "Approve",
            "token": "t-1",
            "result": {"status": status, "summary": "looked at the report"},
        }
    ]
    assert "execution e-1, package arn:package/1" in capsys.readouterr().out


def test_another_execution_than_the_one_read_is_not_decided():
    codepipeline = CodePipeline()
    with pytest.raises(ValueError, match="execution e-1 of moderation waits for approval, not e-0: not decided"):
        operator.decide(codepipeline, None, True, "", "e-0")
    assert not codepipeline.results
    assert operator.decide(codepipeline, None, True, "", "e-1") == 0


def test_what_cannot_be_named_is_decided_only_by_its_execution():
    codepipeline = CodePipeline(outputs={})
    with pytest.raises(ValueError, match="python -m release reject --execution e-1"):
        operator.decide(codepipeline, None, False, "")
    assert not codepipeline.results
    assert operator.decide(codepipeline, None, False, "", "e-1") == 0


@pytest.mark.parametrize(
    ("url", "command"),
    [
        ("https://codepipeline.eu-west-1.amazonaws.com", "python -m release approve --execution e-1"),
        ("http://127.0.0.1:4566", "make approve EXECUTION=e-1"),
    ],
)
def test_status_names_the_command_that_decides_what_it_shows(url, command, monkeypatch, capsys):
    codepipeline = CodePipeline()
    monkeypatch.setattr(codepipeline.meta, "endpoint_url", url)
    assert operator.show_status(codepipeline, None) == 0
    assert command in capsys.readouterr().out.splitlines()[3]


def test_nothing_to_decide_is_said():
    with pytest.raises(ValueError, match="nothing waits for approval"):
        operator.decide(CodePipeline(waiting=False), "moderation", True, "")


def test_the_running_execution_is_shown_before_a_younger_one_that_waits_behind_it():
    waiting = {"pipelineExecutionId": "e-2", "status": "InProgress"}
    done = {"pipelineExecutionId": "e-0", "status": "Succeeded"}
    assert operator.shown_execution(CodePipeline(executions=[waiting, EXECUTION, done]), "p") == EXECUTION
    assert operator.shown_execution(CodePipeline(executions=[done]), "p") == done
    assert operator.shown_execution(CodePipeline(executions=[]), "p") is None


def test_status_shows_stages_and_the_progress_of_the_job():
    job = RunningJob(TRAINING, "moderation-train-abc", 65.0, "progress 10 of 20")
    lines = operator.status_lines(
        "moderation", EXECUTION, [stage("Check"), stage("Train", "InProgress", 70.0)], job, None, ""
    )
    assert lines[0] == "moderation: InProgress, execution e-1, commit 0123456789ab"
    assert "Train      InProgress" in lines[2]
    assert "1 m 10 s" in lines[2]
    assert lines[3].strip() == "training job moderation-train-abc, 1 m 5 s  progress 10 of 20"


def test_status_shows_what_an_approver_needs():
    stages = [stage("Evaluate", outputs=EVALUATED), stage("Approve", "InProgress")]
    approval = {"stage": "Approve", "action": "Approve", "token": "t", "execution": "e-1"}
    text = "\n".join(operator.status_lines("moderation", EXECUTION, stages, None, approval, ""))
    for words in ("waits for approval", "gate PASS", "0.6000", "live in prod: none", "arn:package/1", "https://report"):
        assert words in text


def test_the_approval_of_another_execution_is_not_shown_as_this_ones():
    approval = {"stage": "Approve", "action": "Approve", "token": "t", "execution": "e-0"}
    assert "waits" not in "\n".join(operator.status_lines("m", EXECUTION, [stage("Check")], None, approval, ""))


def test_a_pipeline_that_never_ran_says_so():
    assert operator.status_lines("moderation", None, [], None, None, "") == [
        "moderation: has not run yet; push a commit"
    ]


def test_an_answer_is_readable_with_the_highest_score_first():
    answer = {
        "id": "r-1",
        "model": "arn:package/1",
        "policy": "p-1",
        "results": [
            {
                "decision": "block",
                "flagged": True,
                "truncated": True,
                "labels": {
                    "insult": {"score": 0.2, "review": 0.4, "block": 0.8, "decision": "allow"},
                    "spam": {"score": 0.6, "review": 0.5, "block": 0.8, "decision": "review"},
                    "threat": {"score": 0.9, "review": 0.5, "block": 0.8, "decision": "block"},
                },
            }
        ],
    }
    lines = operator.answer_lines(answer)
    assert lines[0] == "block, text was too long and was cut"
    assert lines[1].startswith("  [x] threat")
    assert lines[2].startswith("  [?] spam")
    assert lines[3].startswith("  [ ] insult")
    assert "arn:package/1, policy p-1, request r-1" in lines[4]


def test_logs_are_those_of_what_runs_otherwise_of_the_last_stage_that_has_some():
    done, runs, approves = stage("Check"), stage("Train", "InProgress"), stage("Approve", "InProgress", log=None)
    assert operator.stages_to_show([done, runs], None) == [runs]
    assert operator.stages_to_show([done, approves], None) == [done]
    assert operator.stages_to_show([done, runs], "check") == [done]
    with pytest.raises(ValueError, match="no stage 'Deploy' in this execution; found Check, Train"):
        operator.stages_to_show([done, runs], "Deploy")


class Logging(CodePipeline):
    """An execution that goes from one moment to the next; a moment is its status, its stages and all log lines."""

    class exceptions:
        ResourceNotFoundException = KeyError

    def __init__(self, *moments):
        super().__init__()
        self.moments, self.now = moments, 0

    def go_on(self):
        self.now = min(self.now + 1, len(self.moments) - 1)

    def get_pipeline_execution(self, pipelineName, pipelineExecutionId):
        assert pipelineExecutionId == "e-1"
        return {"pipelineExecution": {"status": self.moments[self.now][0]}}

    def get_log_events(self, logGroupName, logStreamName, startFromHead, nextToken="0"):
        lines = self.moments[self.now][2].get(logStreamName, [])
        events = [{"message": line} for line in lines[int(nextToken) :]]
        return {"events": events, "nextForwardToken": str(len(lines))}


def test_following_the_logs_drops_the_end_of_no_stage(monkeypatch, capsys, fake_time):
    def at(name, status):
        return stage(name, status, log=("group", name))

    checking, checked, preparing = at("Check", "InProgress"), at("Check", "Succeeded"), at("Prepare", "InProgress")
    aws = Logging(
        ("InProgress", [checking], {"Check": ["c1"]}),
        ("InProgress", [checked, preparing], {"Check": ["c1", "c2"], "Prepare": ["p1"]}),
        ("InProgress", [checked, preparing], {"Check": ["c1", "c2", "c3"], "Prepare": ["p1"]}),
        ("Succeeded", [checked, at("Prepare", "Succeeded")], {"Check": ["c1", "c2", "c3"], "Prepare": ["p1", "p2"]}),
        ("Succeeded", [], {"Check": ["c1", "c2", "c3"], "Prepare": ["p1", "p2", "p3"]}),
    )

    def sleep(seconds):
        fake_time.sleep(seconds)
        aws.go_on()

    monkeypatch.setattr(operator.progress, "stages", lambda *arguments: aws.moments[aws.now][1])
    monkeypatch.setattr(operator, "running_job", lambda *arguments: None)
    assert operator.show_logs(aws, None, None, True, sleep, fake_time.clock) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed == ["--- Check", "c1", "c2", "--- Prepare", "p1", "--- Check", "c3", "--- Prepare", "p2", "p3"]


def test_the_running_job_is_found_with_its_last_reported_line():
    class Session:
        def client(self, service):
            return self

        def list_training_jobs(self, NameContains, StatusEquals, SortBy, SortOrder):
            assert (NameContains, StatusEquals) == ("moderation-train-", "InProgress")
            return {"TrainingJobSummaries": [{"TrainingJobName": "m-train-1", "CreationTime": datetime.now()}]}

        def get_paginator(self, operation):
            return self

        def paginate(self, logGroupName, logStreamNamePrefix):
            assert (logGroupName, logStreamNamePrefix) == ("/aws/sagemaker/TrainingJobs", "m-train-1/")
            return [{"logStreams": [{"logStreamName": "m-train-1/algo-1"}]}]

        def get_log_events(self, nextToken=None, **_):
            lines = [] if nextToken else ["noise", "progress step 1 of 2", "noise"]
            return {"events": [{"message": line} for line in lines], "nextForwardToken": "end"}

    assert operator.running_job("moderation", "Train", Session()).last_line == "progress step 1 of 2"
    assert operator.running_job("moderation", "Approve", Session()) is None
