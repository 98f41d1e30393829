"""The context that all services share."""

import logging

import pytest

from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError


@pytest.fixture
def own(tmp_path):
    """A Cloud without a server."""
    return Cloud(tmp_path / "root", "http://127.0.0.1:1", time_scale=60)


def test_waiting_is_divided_by_the_time_scale(own):
    assert own.scaled(300) == 5


def test_an_arn_names_account_and_region(own):
    assert own.arn("codebuild", "project/check") == "arn:aws:codebuild:us-east-1:123456789012:project/check"


def test_a_role_that_does_not_exist_cannot_be_assumed(cloud):
    with pytest.raises(AwsError, match="does not exist"):
        cloud.credentials(f"arn:aws:iam::{cloud.account_id}:role/nobody", "s")


def test_a_client_is_made_once_for_each_principal(own):
    assert own.client("s3") is own.client("s3")
    assert own.client("s3") is not own.moto_client("s3")


def test_what_a_background_function_raises_is_logged(own, caplog):
    def broken():
        raise OSError("no space")

    with caplog.at_level(logging.ERROR):
        own.background(broken).join()
    assert [record.exc_info[0] for record in caplog.records] == [OSError]


def test_what_was_registered_last_ends_first_and_an_error_stops_nothing(own, caplog):
    ended = []

    def fails():
        ended.append("fails")
        raise OSError

    for function in (lambda: ended.append("first"), fails, lambda: ended.append("last")):
        own.on_shutdown(function)
    own.shut_down()
    assert ended == ["last", "fails", "first"]
    assert own.stopping.is_set()
