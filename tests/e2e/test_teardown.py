"""After all that the pipeline did: Terraform agrees with what is live, and can take all of it away again."""

import pytest

from release import laptop as local

pytestmark = pytest.mark.timeout(400)


def test_a_second_plan_of_the_platform_is_empty(platform):
    done = local.terraform(
        platform.laptop,
        "plan",
        "-input=false",
        "-detailed-exitcode",
        "-no-color",
        *local.variable_arguments(platform.laptop),
    )
    assert done.returncode == 0, done.stdout + done.stderr
