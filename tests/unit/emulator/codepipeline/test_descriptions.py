"""What the API answers about what went on."""

from emulator.codepipeline.descriptions import action_detail, execution_summary, rule_detail, succeeded_in
from emulator.codepipeline.records import (
    FAILED,
    SUCCEEDED,
    ActionRun,
    Execution,
    Location,
    Revision,
    RuleRun,
    StageRun,
)


def execution() -> Execution:
    made = Execution({"executionMode": "QUEUED"}, 3, "Webhook", "o/r@main", {})
    made.revisions["Fetch"] = ("source", Revision("abc", "s" * 3000))
    return made


def test_a_summary_names_the_revision_and_the_trigger():
    found = execution_summary(execution())
    assert found["trigger"] == {"triggerType": "Webhook", "triggerDetail": "o/r@main"}
    (revision,) = found["sourceRevisions"]
    assert (revision["actionName"], revision["revisionId"], len(revision["revisionSummary"])) == ("Fetch", "abc", 2048)
    assert found["stopTrigger"] is None


def test_a_run_of_an_action_shows_artifacts_and_error():
    action = {"name": "Make", "actionTypeId": {"provider": "CodeBuild"}, "configuration": {}}
    run = ActionRun("e", "Build", action, {"a": "1"}, {"source": Location("b", "k")})
    run.end(FAILED, code="JobFailed", message="why")
    found = action_detail("us-east-1", execution(), run)
    assert found["input"]["inputArtifacts"] == [{"name": "source", "s3location": {"bucket": "b", "key": "k"}}]
    assert (found["input"]["region"], found["pipelineVersion"]) == ("us-east-1", 3)
    assert found["output"]["executionResult"]["errorDetails"] == {"code": "JobFailed", "message": "why"}


def test_a_rule_shows_an_error_only_where_it_could_not_be_evaluated():
    rule = {"name": "r", "ruleTypeId": {"provider": "VariableCheck"}, "configuration": {}}
    run = RuleRun("e", "Build", rule, {})
    run.end(FAILED, "found no")
    assert rule_detail(execution(), run)["output"]["executionResult"]["errorDetails"] is None
    run.end(FAILED, "no value", code="RuleExecutionError")
    assert rule_detail(execution(), run)["output"]["executionResult"]["errorDetails"]["code"] == "RuleExecutionError"


def test_an_execution_succeeded_in_the_stages_that_it_came_through():
    gone = execution()
    gone.stage_runs["Build"] = StageRun(gone.id, gone.type, status=SUCCEEDED)
    assert succeeded_in(gone, "Build")
    assert not succeeded_in(gone, "Prod")
