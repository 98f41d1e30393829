"""The one context that all emulated services share: where state lies, what time it is, how to call each other."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from emulator.core.access import Accounts, CallLog
from emulator.core.errors import AwsError
from emulator.core.service import Service

LOG = logging.getLogger("emulator")

ROOT_ACCESS_KEY_ID = "AKIAEMULATORACCOUNT0"

Kind = TypeVar("Kind", bound=Service)


class Cloud:
    """One emulated account in one region.

    `time_scale`: waiting periods that AWS defines in minutes (alarm periods, canary waits) are divided by it.
    """

    def __init__(
        self,
        root: Path,
        url: str,
        *,
        region: str = "us-east-1",
        account_id: str = "123456789012",
        time_scale: float = 1.0,
        enforce_iam: bool = False,
    ):
        self.root = root.resolve()
        self.root.mkdir(parents=True, exist_ok=True)
        self.url = url
        self.region = region
        self.account_id = account_id
        self.time_scale = time_scale
        self.enforce_iam = enforce_iam

        self.services: dict[str, Service] = {}
        self.accounts = Accounts(account_id)
        self.calls = CallLog(self.root / "calls.jsonl")
        self.denials = CallLog(self.root / "denials.jsonl")
        self.stopping = threading.Event()  # set when the emulator ends: loops wait on it instead of sleeping
        self.moto_token = secrets.token_hex(16)  # in a header, sends a request straight to moto

        self._lock = threading.RLock()
        self._session = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name=region)  # noqa: S106
        self._clients: dict[tuple[str, str, bool], Any] = {}
        self._credentials: dict[tuple[str, str], dict[str, str]] = {}
        self._shutdown_callbacks: list[Callable[[], None]] = []

    def directory(self, service_name: str) -> Path:
        """Where a service keeps its files: `root/<service_name>`, created when absent."""
        path = self.root / service_name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def service(self, kind: type[Kind]) -> Kind:
        """Our own service of that class, for calls in this process."""
        service = self.services[kind.service_name]
        assert isinstance(service, kind), f"{kind.service_name} is a {type(service).__name__}"
        return service

    def arn(self, service: str, resource: str) -> str:
        """An ARN in this account and region: `arn("codebuild", "project/check")`."""
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        return datetime.now(UTC)

    def scaled(self, seconds: float) -> float:
        """How many seconds to wait here for a period that lasts `seconds` on AWS."""
        return seconds / self.time_scale

    def client(self, service_name: str, role_arn: str | None = None, session_name: str = "emulator") -> Any:
        """A boto3 client against this emulator; with `role_arn` as a session of that role, else as the account.

        Raises AwsError where the role does not exist.
        """
        if role_arn is None:
            keys = {"AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": "emulator"}
        else:
            keys = self.credentials(role_arn, session_name)
        return self._client(service_name, keys)

    def moto_client(self, service_name: str) -> Any:
        """A boto3 client whose calls go straight to moto: for overlays that correct an answer. Not recorded."""
        keys = {"AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": "emulator"}
        return self._client(service_name, keys, to_moto=True)

    def credentials(self, role_arn: str, session_name: str) -> dict[str, str]:
        """Environment variables of a session of `role_arn` for a child process. Raises AwsError if it's no role."""
        key = (role_arn, session_name)
        with self._lock:
            if key not in self._credentials:
                self._credentials[key] = self._assume(role_arn, session_name)
            return dict(self._credentials[key])

    def _assume(self, role_arn: str, session_name: str) -> dict[str, str]:
        iam = self.moto_client("iam")
        try:
            iam.get_role(RoleName=role_arn.rsplit("/", 1)[-1])
        except iam.exceptions.NoSuchEntityException as error:
            raise AwsError("AccessDenied", f"The role {role_arn} can't be assumed: it does not exist.", 403) from error
        answer = self.moto_client("sts").assume_role(RoleArn=role_arn, RoleSessionName=session_name[:64])
        found = answer["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": found["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"],
            "AWS_SESSION_TOKEN": found["SessionToken"],
        }

    def _client(self, service_name: str, keys: dict[str, str], to_moto: bool = False) -> Any:
        cache_key = (service_name, keys["AWS_ACCESS_KEY_ID"], to_moto)
        with self._lock:  # boto3 sessions are not thread-safe, their clients are
            if cache_key not in self._clients:
                # Which service it is, is known when the emulator runs, not to the type checker: its clients are Any.
                client: Any = self._session.client(  # type: ignore[call-overload]
                    service_name,
                    endpoint_url=self.url,
                    aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
                    aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
                    aws_session_token=keys.get("AWS_SESSION_TOKEN"),
                    config=Config(
                        retries={"total_max_attempts": 1},
                        read_timeout=300,
                        s3={"addressing_style": "path"},
                        proxies={},
                        max_pool_connections=20,
                    ),
                )
                if to_moto:
                    client.meta.events.register("before-sign.*.*", self._mark_for_moto)
                self._clients[cache_key] = client
            return self._clients[cache_key]

    def _mark_for_moto(self, request, **_) -> None:
        request.headers["x-emulator-moto"] = self.moto_token

    def background(self, function: Callable, *args) -> threading.Thread:
        """Run `function(*args)` in a thread; what it raises is logged."""

        def run() -> None:
            try:
                function(*args)
            except Exception:
                if not self.stopping.is_set():
                    LOG.exception("%s failed", getattr(function, "__qualname__", function))

        thread = threading.Thread(target=run, name=getattr(function, "__qualname__", "background"), daemon=True)
        thread.start()
        return thread

    def on_shutdown(self, function: Callable[[], None]) -> None:
        """Call `function` when the emulator ends; the last one registered is called first."""
        self._shutdown_callbacks.append(function)

    def shut_down(self) -> None:
        """Stop every service and run what was registered with `on_shutdown`; an error in one does not stop the rest."""
        self.stopping.set()
        callbacks = [service.stop for service in self.services.values()] + self._shutdown_callbacks
        for callback in reversed(callbacks):
            try:
                callback()
            except Exception:
                LOG.exception("stopping %s failed", getattr(callback, "__qualname__", callback))
        self.calls.close()
        self.denials.close()
