"""A fleet: the instances that serve one variant of one endpoint config, here one model server process for all."""

from __future__ import annotations

import http.client
import logging
import queue
import shutil
import tarfile
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError

from emulator.core import processes
from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError
from emulator.core.locations import parse_location
from emulator.core.logs import LogStream

log = logging.getLogger(__name__)

SERVER_SCRIPT = Path(__file__).with_name("model_server.py")
HEALTH_CHECK_SECONDS = 480  # AWS's default for a container to answer its first /ping
INVOCATION_SECONDS = 60  # AWS's limit for one answer
POLL_SECONDS = 0.05
RESTART_SECONDS = 1.0


class FleetFailedError(Exception):
    """A fleet that can't serve; the message is what FailureReason says."""


class UnavailableError(Exception):
    """The model server can't be reached."""


@dataclass(frozen=True)
class Container:
    """What is hosted."""

    hostname: str  # names the container in error messages: primary
    image: str | None
    model_data_url: str | None  # s3://.../model.tar.gz
    environment: dict[str, str]


@dataclass(frozen=True)
class ModelAnswer:
    """One answer of the model server."""

    status: int
    content_type: str
    body: bytes
    custom_attributes: str | None


class Fleet:
    """Starts, feeds and stops the model server of one variant.

    One process stands for all instances; their number is reported, not run. A server that ends by itself is started
    again, as SageMaker restarts a container.
    """

    def __init__(self, cloud: Cloud, endpoint_name: str, variant: dict, container: Container, role_arn: str):
        self._cloud = cloud
        self._variant = variant
        self._container = container
        self._role_arn = role_arn
        self.endpoint_name = endpoint_name
        self.variant_name = variant["VariantName"]
        self.log_group = f"/aws/sagemaker/Endpoints/{endpoint_name}"
        self.log_stream = f"{self.variant_name}/i-{uuid.uuid4().hex[:17]}"
        self._directory = Path(tempfile.mkdtemp(prefix=f"{endpoint_name}-", dir=cloud.directory("sagemaker/endpoints")))
        self._log: LogStream | None = None
        self._child: processes.Child | None = None
        self._port = 0
        self._idle: queue.LifoQueue[http.client.HTTPConnection] = queue.LifoQueue()
        self._stopped = threading.Event()

    @property
    def container(self) -> Container:
        return self._container

    def start(self) -> None:
        """Bring the model and wait for its first healthy /ping. Raises FleetFailedError."""
        try:
            self._log = log_stream = LogStream(self._cloud, self.log_group, self.log_stream, role_arn=self._role_arn)
            self._unpack(log_stream)
            child = self._serve(log_stream)
        except AwsError as error:
            raise FleetFailedError(error.message) from error
        self._cloud.background(self._keep_alive, child, log_stream)

    def invoke(self, body: bytes, headers: dict[str, str]) -> ModelAnswer:
        """Send one request to the model. Raises UnavailableError, or TimeoutError after 60 s."""
        try:
            kept = self._idle.get_nowait()
            kept.sock.settimeout(INVOCATION_SECONDS)
            return self._exchange(kept, body, headers)
        except queue.Empty:
            log.debug("no idle connection to %s; opening one", self.endpoint_name)
        except (ConnectionError, http.client.HTTPException):
            log.debug("a kept connection to %s was closed; using a new one", self.endpoint_name)
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=INVOCATION_SECONDS)
        try:
            return self._exchange(connection, body, headers)
        except (ConnectionError, http.client.HTTPException) as error:
            raise UnavailableError(f"the container of variant {self.variant_name} does not answer") from error

    def stop(self) -> None:
        """End the model server and remove its files."""
        self._stopped.set()
        if self._child is not None:
            self._child.terminate(grace_seconds=1.0)
        if self._log is not None:
            self._log.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _exchange(self, connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str]) -> ModelAnswer:
        try:
            connection.request("POST", "/invocations", body, headers)
            response = connection.getresponse()
            answer = ModelAnswer(
                response.status,
                response.headers.get("Content-Type", "application/json"),
                response.read(),
                response.headers.get("X-Amzn-SageMaker-Custom-Attributes"),
            )
        except BaseException:
            connection.close()
            raise
        if connection.sock is not None:  # None where the server ended the connection
            self._idle.put(connection)
        return answer

    def _unpack(self, log_stream: LogStream) -> None:
        """Download model.tar.gz with the execution role's rights and unpack it without leaving the directory."""
        model = self._directory / "model"
        model.mkdir()
        url = self._container.model_data_url
        if url is None:
            return

        location = parse_location(url)
        archive = self._directory / "model.tar.gz"
        s3 = self._cloud.client("s3", role_arn=self._role_arn, session_name="SageMaker")
        try:
            s3.download_file(location.bucket, location.key, str(archive))
        except ClientError as error:
            raise FleetFailedError(f"Failed to download model data {url}: {error}") from error
        try:
            with tarfile.open(archive, "r:gz") as tar:
                tar.extractall(model, filter="data")  # refuses what would lie outside
        except (tarfile.TarError, OSError, EOFError) as error:
            raise FleetFailedError(f"Failed to extract model data archive {url}: {error}") from error
        archive.unlink()

        requirements = model / "code" / "requirements.txt"
        if requirements.exists():
            # The real container would install it into itself; here that would change the developer's environment.
            log_stream.write("code/requirements.txt is not installed by the emulator; the environment on PATH is used")

    def _serve(self, log_stream: LogStream) -> processes.Child:
        """Start the model server and wait until it is healthy. Raises FleetFailedError."""
        port_file = self._directory / f"port-{uuid.uuid4().hex}"
        model = self._directory / "model"
        last_lines: list[str] = []

        def on_line(line: str) -> None:
            last_lines[:] = [*last_lines[-19:], line]
            log_stream.write(line)

        self._child = child = processes.start(
            ["python", "-P", str(SERVER_SCRIPT), "--model-dir", str(model), "--port-file", str(port_file)],
            cwd=model,
            environment=self._environment(model),
            on_line=on_line,
        )
        limit = self._variant.get("ContainerStartupHealthCheckTimeoutInSeconds", HEALTH_CHECK_SECONDS)
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline and child.running() and not self._stopped.is_set():
            if self._healthy(port_file):
                return child
            child.wait(POLL_SECONDS)
        child.terminate(grace_seconds=1.0)
        cause = next((line for line in reversed(last_lines) if "Error" in line), "")
        raise FleetFailedError(
            f"The {self._container.hostname} container for production variant {self.variant_name} did not pass the "
            f"ping health check. Please check CloudWatch logs for this endpoint. {cause}".strip()
        )

    def _healthy(self, port_file: Path) -> bool:
        if not port_file.exists():
            return False
        self._port = int(port_file.read_text())
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=2)
        try:
            connection.request("GET", "/ping")
            response = connection.getresponse()
            response.read()
            return response.status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _environment(self, model: Path) -> dict[str, str]:
        # Where the emulator's own role in AWS ends: the container's, whose environment is all the model sees.
        return {
            **processes.base_environment(self._cloud),
            **self._cloud.credentials(self._role_arn, "SageMaker"),
            "SAGEMAKER_BASE_DIR": str(self._directory),
            "SAGEMAKER_REGION": self._cloud.region,
            "HF_HUB_OFFLINE": "1",
            **self._container.environment,
            "PYTHONPATH": str(model / "code"),
        }

    def _keep_alive(self, child: processes.Child, log_stream: LogStream) -> None:
        while not self._stopped.is_set():
            status = child.wait(timeout=0.5)
            if status is None or self._stopped.is_set():
                continue
            log_stream.write(f"The container ended with status {status} and is started again")
            self._stopped.wait(RESTART_SECONDS)
            try:
                if not self._stopped.is_set():
                    child = self._serve(log_stream)
            except FleetFailedError as error:
                log_stream.write(str(error))
