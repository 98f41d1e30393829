from laptop import record
from laptop.machine import Laptop
from release.operate.progress import Stage


def stage(name: str, status: str = "Succeeded", **outputs) -> Stage:
    return Stage(name, status, 1.25, outputs, None, "")


def test_the_record_names_every_stage_even_those_never_reached():
    records = record.stage_records([stage("Source"), stage("Check", "Failed")])
    assert [record["name"] for record in records] == list(record.STAGES)
    assert [record["status"] for record in records][:3] == ["Succeeded", "Failed", "NotStarted"]


def test_the_time_is_that_of_terraform_of_the_model_and_of_the_rest():
    stages = [
        Stage("Check", "Succeeded", 50.0, {}, None, ""),
        Stage("Train", "Succeeded", 70.0, {}, None, ""),
        Stage("Evaluate", "Succeeded", 30.0, {}, None, ""),
        Stage("Staging", "Succeeded", 19.0, {"TERRAFORM_APPLY_SECONDS": "12.5"}, None, ""),
        Stage("Approve", "Succeeded", 5.0, {}, None, ""),
    ]
    spent = record.seconds_of(60.0, stages, 240.0)
    assert spent["terraform apply"] == 72.5
    assert (spent["training"], spent["evaluation"], spent["approval"]) == (70.0, 30.0, 5.0)
    assert sum(spent.values()) == 240.0


def test_the_report_of_another_run_is_not_taken_for_this_ones(tmp_path):
    (tmp_path / "report.html").write_text("of another candidate")
    assert record.keep_report(Laptop(tmp_path), [stage("Train", "Failed")]) is None
    assert list(tmp_path.iterdir()) == []


class Emulator:
    """A laptop on which these endpoints are in service."""

    def __init__(self, *names):
        self.names = names

    def client(self, service):
        return self

    def list_endpoints(self, NameContains, StatusEquals):
        return {"Endpoints": [{"EndpointName": name} for name in self.names if NameContains in name]}


def test_an_endpoint_that_is_not_in_service_is_not_asked():
    assert record.ask(Emulator("moderation-prod-old"), "moderation-prod", "text") is None
    assert record.live("moderation-prod", None) is None
