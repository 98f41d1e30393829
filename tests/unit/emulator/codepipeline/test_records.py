"""What a pipeline remembers."""

from emulator.codepipeline.records import (
    FAILED,
    ROLLBACK,
    SUCCEEDED,
    ActionRun,
    ConditionRun,
    Execution,
    History,
    RuleRun,
    StageRun,
)


def test_an_execution_shows_its_own_variables_and_id_beside_the_namespaces_of_actions():
    execution = Execution({}, 1, "", "", {"word": "w"}, namespaces={"Build": {"RESULT": "r"}})
    assert execution.visible_namespaces() == {
        "Build": {"RESULT": "r"},
        "variables": {"word": "w"},
        "codepipeline": {"PipelineExecutionId": execution.id},
    }


def test_what_ends_tells_when_and_keeps_to_the_lengths_of_the_api():
    action, rule, condition = ActionRun("e", "s", {"name": "a"}, {}, {}), RuleRun("e", "s", {}, {}), ConditionRun()
    began = action.changed
    action.end(FAILED, code="JobFailed", message="x" * 9000)
    rule.end(SUCCEEDED, "y" * 9000)
    condition.end(SUCCEEDED, "z" * 9000)
    assert (action.name, action.status, len(action.error_message)) == ("a", FAILED, 5000)
    assert [len(one.summary) for one in (rule, condition)] == [2048, 2048]
    assert action.changed >= began


def test_the_last_success_of_a_stage_is_of_the_present_version_and_no_rollback():
    history = History({"name": "p", "version": 2, "stages": [{"name": "Prod"}]})

    def came_through(version: int, kind: str = "STANDARD", status: str = SUCCEEDED) -> Execution:
        execution = Execution({}, version, "", "", {}, type=kind)
        execution.stage_runs["Prod"] = StageRun(execution.id, kind, status=status)
        history.executions[execution.id] = execution
        return execution

    assert history.last_success("Prod") is None
    came_through(1)
    wanted = came_through(2)
    came_through(2, ROLLBACK)
    came_through(2, status=FAILED)
    assert history.last_success("Prod") is wanted
    assert history.last_success("Staging") is None
