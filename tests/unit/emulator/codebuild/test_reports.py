"""Report groups and reports, by themselves."""

import json

import pytest

from emulator.codebuild.junit import TestCase
from emulator.codebuild.record import BuildRecord
from emulator.codebuild.reports import Reports
from emulator.core.errors import AwsError


@pytest.fixture
def reports(cloud):
    return Reports(cloud)


@pytest.fixture
def record(aws, cloud, request):
    name = f"reporter-{abs(hash(request.node.name)) % 10**8}"
    document = json.dumps({"Statement": []})
    role = aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    return BuildRecord(
        {"id": "p:1", "arn": "arn:b", "projectName": "p", "serviceRole": role, "reportArns": [], "phases": []}
    )


def case(name: str, status: str) -> TestCase:
    return TestCase("suite", "module", name, status, 5, "", "junit.xml")


def test_a_report_makes_its_group_and_is_found_by_build_status_and_case(reports, record):
    reports.add(record, "unit", [case("good", "SUCCEEDED"), case("bad", "FAILED")])
    (arn,) = record.snapshot()["reportArns"]
    report = reports.batch_get_reports({"reportArns": [arn, "absent"]}, None)["reports"][0]
    assert (report["status"], report["testSummary"]["total"], report["executionId"]) == ("FAILED", 2, "arn:b")
    assert reports.list_reports({"filter": {"status": "SUCCEEDED"}}, None)["reports"] == []
    group = report["reportGroupArn"]
    assert group.endswith(":report-group/p-unit")
    assert reports.list_reports_for_report_group({"reportGroupArn": group}, None)["reports"] == [arn]
    failed = reports.describe_test_cases({"reportArn": arn, "filter": {"status": "FAILED"}}, None)["testCases"]
    assert [(one["name"], one["testSuiteName"]) for one in failed] == [("bad", "suite")]
    with pytest.raises(AwsError, match="set deleteReports"):
        reports.delete_report_group({"arn": group}, None)
    reports.delete_report_group({"arn": group, "deleteReports": True}, None)
    with pytest.raises(AwsError, match="Report cannot be found"):
        reports.describe_test_cases({"reportArn": arn}, None)


def test_only_groups_of_tests_are_emulated(reports):
    with pytest.raises(AwsError, match="CODE_COVERAGE are not emulated"):
        reports.create_report_group({"name": "g", "type": "CODE_COVERAGE", "exportConfig": {}}, None)
