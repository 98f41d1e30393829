"""One emulator for all unit tests of the room, on a free port, in this process."""

import boto3
import pytest
from botocore.config import Config

from emulator.server import Emulator


@pytest.fixture(scope="session")
def emulator(tmp_path_factory):
    """The running Emulator; `emulator.cloud` is its Cloud."""
    running = Emulator(tmp_path_factory.mktemp("emulator"), time_scale=600)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def cloud(emulator):
    return emulator.cloud


@pytest.fixture(scope="session")
def cloud_url(emulator):
    """Address of the emulator: what AWS_ENDPOINT_URL is set to."""
    return emulator.cloud.url


@pytest.fixture(scope="session")
def aws(cloud_url):
    """aws(service_name, **credentials) -> boto3 client against the emulator, by default as the account itself."""
    session = boto3.Session(aws_access_key_id="AKIATESTTESTTESTTEST", aws_secret_access_key="test")
    clients = {}

    def client(service_name: str, **credentials):
        key = (service_name, *sorted(credentials.items()))
        if key not in clients:
            clients[key] = session.client(
                service_name,
                region_name="us-east-1",
                endpoint_url=cloud_url,
                config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, proxies={}),
                **credentials,
            )
        return clients[key]

    return client
