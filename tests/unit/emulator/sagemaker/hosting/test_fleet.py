"""A fleet that can't serve says why."""

import io
import json
import tarfile

import pytest

from emulator.sagemaker.hosting.fleet import Container, Fleet, FleetFailedError, UnavailableError

BUCKET = "fleet-models"


@pytest.fixture(scope="module")
def role(aws):
    aws("s3").create_bucket(Bucket=BUCKET)
    document = json.dumps({"Version": "2012-10-17", "Statement": []})
    return aws("iam").create_role(RoleName="fleet", AssumeRolePolicyDocument=document)["Role"]["Arn"]


@pytest.fixture
def fleet(aws, cloud, role):
    """fleet(code, **variant) -> a fleet that serves code/inference.py with that content, not started yet."""
    made = []

    def make(code: str, **variant) -> Fleet:
        written = io.BytesIO()
        with tarfile.open(fileobj=written, mode="w:gz") as tar:
            entry = tarfile.TarInfo("code/inference.py")
            entry.size = len(code)
            tar.addfile(entry, io.BytesIO(code.encode()))
        aws("s3").put_object(Bucket=BUCKET, Key="m", Body=written.getvalue())
        container = Container("primary", "image", f"s3://{BUCKET}/m", {})
        made.append(Fleet(cloud, "fleet-test", {"VariantName": "v"} | variant, container, role))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def test_a_model_that_does_not_load_fails_the_fleet_with_its_last_error(fleet):
    with pytest.raises(FleetFailedError, match=r"did not pass the ping health check.*OSError: no weights"):
        fleet("def model_fn(model_dir):\n    raise OSError('no weights')\n").start()


def test_a_model_that_is_not_there_fails_the_fleet_with_its_address(cloud, role):
    absent = Fleet(cloud, "e", {"VariantName": "v"}, Container("primary", None, f"s3://{BUCKET}/absent", {}), role)
    with pytest.raises(FleetFailedError, match=f"Failed to download model data s3://{BUCKET}/absent"):
        absent.start()
    absent.stop()


def test_a_model_answers_on_a_kept_connection_and_not_once_the_fleet_is_stopped(fleet):
    code = "def model_fn(d):\n    return 0\ndef transform_fn(model, body, content_type, accept):\n    return body\n"
    serving = fleet(code)
    serving.start()
    for text in (b"one", b"two"):
        answer = serving.invoke(text, {"Content-Type": "text/plain"})
        assert (answer.status, answer.body) == (200, text)
    serving.stop()
    with pytest.raises(UnavailableError, match="variant v does not answer"):
        serving.invoke(b"three", {})
