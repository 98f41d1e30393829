from dataclasses import asdict

import pytest

from release.aws.platform import read_platform


def environment_of(platform):
    return {
        name.upper(): str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in asdict(platform).items()
    }


def test_a_platform_survives_the_way_through_the_environment(platform):
    assert read_platform(environment_of(platform)) == platform


def test_every_missing_variable_is_named(platform):
    environment = environment_of(platform)
    del environment["KMS_KEY_ARN"], environment["DATA_BUCKET"]
    with pytest.raises(ValueError, match="DATA_BUCKET, KMS_KEY_ARN"):
        read_platform(environment)


@pytest.mark.parametrize(
    ("name", "value"), [("TRAINING_INSTANCE_COUNT", "two"), ("MAX_TRAINING_SECONDS", "0"), ("TRAINING_USE_SPOT", "yes")]
)
def test_a_malformed_variable_is_named_with_what_was_found(platform, name, value):
    with pytest.raises(ValueError, match=f"{name} is '{value}'"):
        read_platform(environment_of(platform) | {name: value})
