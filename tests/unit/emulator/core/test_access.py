"""Who calls, and the record of calls."""

import json

import pytest

from emulator.core.access import Accounts, CallLog, page_refusal


@pytest.mark.parametrize("host", ["127.0.0.1:4566", "localhost:4566"])
def test_a_program_at_one_of_loopbacks_names_gets_through(host):
    assert page_refusal({"Host": host, "User-Agent": "aws-cli"}, 4566) == ""


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({}, "found Host ''; expected 127.0.0.1:4566 or localhost:4566"),
        ({"Host": "localhost:80"}, "found Host 'localhost:80'"),
        ({"Host": "localhost:4566", "Origin": "null"}, "found the header Origin"),
        ({"Host": "localhost:4566", "Sec-Fetch-Site": "none"}, "found the header Sec-Fetch-Site"),
    ],
)
def test_what_a_browser_sends_is_refused_in_words(headers, found):
    assert page_refusal(headers, 4566).startswith(found)


def test_a_key_of_nobody_is_the_account_and_that_of_a_session_its_role(cloud, aws):
    accounts = Accounts(cloud.account_id)
    assert accounts.caller("AKIANOBODY").role_arn is None
    assert accounts.caller("AKIANOBODY").arn == f"arn:aws:iam::{cloud.account_id}:root"
    document = json.dumps({"Statement": []})
    role = aws("iam").create_role(RoleName="caller", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    caller = accounts.caller(cloud.credentials(role, "session")["AWS_ACCESS_KEY_ID"])
    assert (caller.role_arn, caller.arn.rpartition(":")[2]) == (role, "assumed-role/caller/session")


def test_a_call_log_holds_one_line_for_each_call_and_takes_none_once_closed(tmp_path):
    log = CallLog(tmp_path / "calls.jsonl")
    log.write(operation="First")
    log.write(operation="Second")
    log.close()
    log.write(operation="Third")
    lines = [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()]
    assert [line["operation"] for line in lines] == ["First", "Second"]
    assert all(next(iter(line)) == "time" for line in lines)
