"""JUnit reports as CodeBuild shows them."""

import pytest

from emulator.codebuild.junit import read_junit, summary

REPORT = """<?xml version="1.0"?>
<testsuites><testsuite name="s">
  <testcase classname="c" name="good" time="0.25"/>
  <testcase classname="c" name="bad"><failure message="m">text</failure></testcase>
  <testcase classname="c" name="broken"><error>boom</error></testcase>
  <testcase classname="c" name="left"><skipped/></testcase>
</testsuite></testsuites>"""


def test_every_outcome_has_its_status():
    cases = read_junit(REPORT, "r.xml")
    assert [(case.name, case.status, case.message) for case in cases] == [
        ("good", "SUCCEEDED", ""),
        ("bad", "FAILED", "m\ntext"),
        ("broken", "ERROR", "boom"),
        ("left", "SKIPPED", ""),
    ]
    assert {(case.suite, case.prefix, case.file) for case in cases} == {("s", "c", "r.xml")}


def test_the_summary_counts_and_adds_up():
    assert summary(read_junit(REPORT, "r.xml")) == {
        "total": 4,
        "statusCounts": {"SUCCEEDED": 1, "FAILED": 1, "ERROR": 1, "SKIPPED": 1, "UNKNOWN": 0},
        "durationInNanoSeconds": 250_000_000,
    }


@pytest.mark.parametrize(("text", "said"), [("<a", "not valid XML"), ("<coverage/>", "begins with <coverage>")])
def test_what_is_no_report_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        read_junit(text, "r.xml")
