"""What the outside sees of a build."""

from emulator.codebuild.record import FAILED, BuildRecord


def test_phases_follow_each_other_until_the_build_is_complete():
    record = BuildRecord({"id": "p:1", "phases": []})
    record.begin_phase("BUILD")
    assert record.snapshot()["currentPhase"] == "BUILD"
    record.end_phase(FAILED, "CODE", "why")
    record.complete(FAILED, exportedEnvironmentVariables=[])
    found = record.snapshot()
    assert [phase["phaseType"] for phase in found["phases"]] == ["BUILD", "COMPLETED"]
    assert found["phases"][0]["contexts"] == [{"statusCode": "CODE", "message": "why"}]
    assert (found["buildStatus"], found["buildComplete"]) == (FAILED, True)
    assert record.finished.is_set()


def test_a_snapshot_does_not_change_with_the_build():
    record = BuildRecord({"id": "p:1", "phases": []})
    record.begin_phase("BUILD")
    before = record.snapshot()
    record.end_phase("SUCCEEDED")
    assert "endTime" not in before["phases"][0]
