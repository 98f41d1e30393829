"""The log of a build."""

import re

import pytest

from emulator.codebuild.log import BuildLog


class Lines(list):
    """Stands for a stream."""

    write = list.append

    def close(self):
        self.append("closed")


@pytest.fixture
def lines():
    return Lines()


def test_secrets_are_masked_and_codebuild_s_own_lines_tell_the_time(lines):
    log = BuildLog()
    log.say("lost: there is no stream yet")
    log.open(lines)
    log.hide("password")
    log.hide("abc")  # too short to be masked
    log.write("abc password")
    log.say("first password\nsecond")
    log.close()
    assert lines[0] == "abc ***"
    assert [re.sub(r"[0-9/:. ]+", " ", line) for line in lines[1:3]] == ["[Container] first ***", "[Container] second"]
    assert lines[3] == "closed"
