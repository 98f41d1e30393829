"""Report groups and reports of CodeBuild."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta

from emulator.codebuild.junit import TestCase, summary
from emulator.codebuild.record import BuildRecord
from emulator.codebuild.settings import session_of
from emulator.core.access import Caller
from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError
from emulator.core.listing import page, sorted_by_age
from emulator.iam.authorisation import call_under_role

REPORT_LIFETIME_DAYS = 30
REPORT_CALLS = ("CreateReport", "BatchPutTestCases", "UpdateReport")  # what a build does for each of its reports


class Reports:
    """The operations on report groups, reports and test cases; builds add their reports."""

    def __init__(self, cloud: Cloud):
        self._cloud = cloud
        self._lock = threading.RLock()
        self._report_groups: dict[str, dict] = {}  # by ARN
        self._reports: dict[str, dict] = {}  # by ARN, oldest first
        self._test_cases: dict[str, list[dict]] = {}  # by report ARN

    def create_report_group(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            arn = self._report_group_arn(request["name"])
            if arn in self._report_groups:
                raise AwsError("ResourceAlreadyExistsException", f"Report group already exists: {arn}")
            if request["type"] != "TEST":
                raise AwsError("InvalidInputException", f"report groups of type {request['type']} are not emulated")
            return {"reportGroup": self._new_report_group(request)}

    def update_report_group(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            group = self._report_group(request["arn"])
            for member in ("exportConfig", "tags"):
                if member in request:
                    group[member] = request[member]
            group["lastModified"] = self._cloud.now()
            return {"reportGroup": group}

    def delete_report_group(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            reports = [arn for arn, report in self._reports.items() if report["reportGroupArn"] == request["arn"]]
            if reports and not request.get("deleteReports"):
                raise AwsError("InvalidInputException", "Cannot delete report group with reports: set deleteReports")
            for arn in reports:
                del self._reports[arn], self._test_cases[arn]
            self._report_groups.pop(request["arn"], None)
        return {}

    def batch_get_report_groups(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            arns = request["reportGroupArns"]
            found = [self._report_groups[arn] for arn in arns if arn in self._report_groups]
            absent = [arn for arn in arns if arn not in self._report_groups]
        return {"reportGroups": found, "reportGroupsNotFound": absent}

    def list_report_groups(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            arns = sorted(self._report_groups)
        if request.get("sortOrder") == "DESCENDING":
            arns.reverse()
        return page("reportGroups", arns, request)

    def list_reports_for_report_group(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            self._report_group(request["reportGroupArn"])
            arns = [
                arn for arn, report in self._reports.items() if report["reportGroupArn"] == request["reportGroupArn"]
            ]
        return self._report_page(arns, request)

    def list_reports(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            arns = list(self._reports)
        return self._report_page(arns, request)

    def batch_get_reports(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            arns = request["reportArns"]
            found = [self._reports[arn] for arn in arns if arn in self._reports]
            absent = [arn for arn in arns if arn not in self._reports]
        return {"reports": found, "reportsNotFound": absent}

    def delete_report(self, request: dict, caller: Caller) -> dict:
        with self._lock:
            self._reports.pop(request["arn"], None)
            self._test_cases.pop(request["arn"], None)
        return {}

    def describe_test_cases(self, request: dict, caller: Caller) -> dict:
        wanted = request.get("filter", {})
        with self._lock:
            if request["reportArn"] not in self._test_cases:
                raise AwsError("ResourceNotFoundException", f"Report cannot be found: {request['reportArn']}")
            cases = [
                case
                for case in self._test_cases[request["reportArn"]]
                if wanted.get("status", case["status"]) == case["status"] and wanted.get("keyword", "") in case["name"]
            ]
        return page("testCases", cases, request)

    def _report_page(self, arns: list[str], request: dict) -> dict:
        status = request.get("filter", {}).get("status")
        found = [arn for arn in arns if status in (None, self._reports[arn]["status"])]
        return page("reports", sorted_by_age(found, request), request)

    def _report_group_arn(self, name: str) -> str:
        return self._cloud.arn("codebuild", f"report-group/{name}")

    def _report_group(self, arn: str) -> dict:
        if arn not in self._report_groups:
            raise AwsError("ResourceNotFoundException", f"Report group cannot be found: {arn}")
        return self._report_groups[arn]

    def _new_report_group(self, request: dict) -> dict:
        now = self._cloud.now()
        arn = self._report_group_arn(request["name"])
        self._report_groups[arn] = {
            "arn": arn,
            "name": request["name"],
            "type": request["type"],
            "exportConfig": request["exportConfig"],
            "created": now,
            "lastModified": now,
            "tags": request.get("tags", []),
            "status": "ACTIVE",
        }
        return self._report_groups[arn]

    def add(self, record: BuildRecord, group: str, cases: list[TestCase]) -> None:
        """Adds a report of a build to a group, by its name in the buildspec or its ARN.

        Raises AwsError where the build's role may not publish it.
        """
        build = record.snapshot()
        # A name in the buildspec means <project>-<name>, and the group is made when it is not there.
        arn = group if group.startswith("arn:") else self._report_group_arn(f"{build['projectName']}-{group}")
        for operation in (*(() if arn in self._report_groups else ("CreateReportGroup",)), *REPORT_CALLS):
            call_under_role(
                self._cloud, build["serviceRole"], session_of(build["id"]), "codebuild", operation, {"resourceArn": arn}
            )

        with self._lock:
            if arn not in self._report_groups:
                name = arn.rsplit("/", 1)[1]
                self._new_report_group(
                    {"name": name, "type": "TEST", "exportConfig": {"exportConfigType": "NO_EXPORT"}}
                )
            report = self._report_of(build, self._report_groups[arn], cases)
            self._reports[report["arn"]] = report
            self._test_cases[report["arn"]] = [_described(case, report) for case in cases]
            record.update(reportArns=[*record.snapshot()["reportArns"], report["arn"]])

    def _report_of(self, build: dict, group: dict, cases: list[TestCase]) -> dict:
        report_arn = group["arn"].replace(":report-group/", ":report/") + f":{uuid.uuid4()}"
        now = self._cloud.now()
        failed = any(case.status in ("FAILED", "ERROR") for case in cases)
        return {
            "arn": report_arn,
            "type": "TEST",
            "name": report_arn.rsplit(":", 1)[1],
            "reportGroupArn": group["arn"],
            "executionId": build["arn"],
            "status": "FAILED" if failed else "SUCCEEDED",
            "created": now,
            "expired": now + timedelta(days=REPORT_LIFETIME_DAYS),
            "exportConfig": group["exportConfig"],
            "truncated": False,
            "testSummary": summary(cases),
        }


def _described(case: TestCase, report: dict) -> dict:
    """A test case as DescribeTestCases shows it."""
    return {
        "reportArn": report["arn"],
        "testRawDataPath": case.file,
        "prefix": case.prefix,
        "name": case.name,
        "status": case.status,
        "durationInNanoSeconds": case.nanoseconds,
        "message": case.message,
        "expired": report["expired"],
        "testSuiteName": case.suite,
    }
