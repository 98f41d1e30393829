import pytest

from release.aws.session import aws_session


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")


def test_a_missing_region_is_named():
    with pytest.raises(ValueError, match="no AWS region is set"):
        aws_session()


def test_the_region_of_the_environment_is_the_sessions(monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert aws_session().region_name == "eu-west-1"
