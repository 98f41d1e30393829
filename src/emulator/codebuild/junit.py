"""Test reports of builds: JUnit XML as CodeBuild reads it."""

import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass

STATUSES = ("SUCCEEDED", "FAILED", "ERROR", "SKIPPED", "UNKNOWN")
LONGEST_MESSAGE = 2000


@dataclass(frozen=True)
class TestCase:
    """One test of a report."""

    __test__ = False  # not a test of ours, whatever its name

    suite: str
    prefix: str  # the class or module
    name: str
    status: str  # one of STATUSES
    nanoseconds: int
    message: str
    file: str  # the report file it was read from


def read_junit(text: str, file: str) -> list[TestCase]:
    """The test cases of one JUnit XML file. Raises ValueError when it is not one."""
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - written by the build on this machine
    except ElementTree.ParseError as error:
        raise ValueError(f"{file} is not valid XML: {error}; expected a JUnit report") from error
    if root.tag not in ("testsuites", "testsuite"):
        raise ValueError(f"{file} begins with <{root.tag}>; expected <testsuites> or <testsuite>")
    return [_case(suite, case, file) for suite in root.iter("testsuite") for case in suite.findall("testcase")]


def summary(cases: list[TestCase]) -> dict:
    """Report summary in the shape of BatchGetReports' `testSummary`."""
    found = Counter(case.status for case in cases)
    return {
        "total": len(cases),
        "statusCounts": {status: found[status] for status in STATUSES},
        "durationInNanoSeconds": sum(case.nanoseconds for case in cases),
    }


def _case(suite: ElementTree.Element, case: ElementTree.Element, file: str) -> TestCase:
    status, message = "SUCCEEDED", ""
    for tag, meaning in (("failure", "FAILED"), ("error", "ERROR"), ("skipped", "SKIPPED")):
        found = case.find(tag)
        if found is not None:
            status = meaning
            message = "\n".join(filter(None, [found.get("message", ""), (found.text or "").strip()]))
            break
    return TestCase(
        suite=suite.get("name", ""),
        prefix=case.get("classname", ""),
        name=case.get("name", ""),
        status=status,
        nanoseconds=round(float(case.get("time") or 0) * 1e9),
        message=message[:LONGEST_MESSAGE],
        file=file,
    )
