"""The HTTP server: every request is recognised, recorded, and answered by one of our services or by moto."""

from __future__ import annotations

import io
import json
import logging
import os
import socket
import threading
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

from moto.core.request import Request
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Response

from emulator.codebuild.service import CodeBuild
from emulator.codepipeline.service import CodePipeline
from emulator.core import protocol
from emulator.core.access import Caller, page_refusal
from emulator.core.cloud import Cloud
from emulator.core.errors import AwsError
from emulator.core.protocol import Answer, Call
from emulator.core.retries import Retries
from emulator.core.service import Service, not_emulated
from emulator.git.codecommit import CodeCommit
from emulator.git.connections import CodeConnections, CodeStarConnections
from emulator.git.host import repository_of, serve_git
from emulator.iam.authorisation import Denial, Guard, input_of
from emulator.iam.permissions import resource_of
from emulator.moto_overlays.autoscaling import ApplicationAutoScaling
from emulator.moto_overlays.budgets import Budgets
from emulator.moto_overlays.cloudwatch import CloudWatch
from emulator.moto_overlays.s3 import S3
from emulator.sagemaker.hosting.runtime import SageMakerRuntime
from emulator.sagemaker.service import SageMaker

LOG = logging.getLogger("emulator")


def services_of(cloud: Cloud) -> list[Service]:
    """The services that we emulate ourselves; every other service is moto's."""
    sagemaker = SageMaker(cloud)
    return [
        CodeBuild(cloud),
        CodeCommit(cloud),
        CodePipeline(cloud),
        SageMakerRuntime(cloud, sagemaker.endpoints),
        CodeConnections(cloud),
        CodeStarConnections(cloud),
        S3(cloud),
        sagemaker,
        ApplicationAutoScaling(cloud),
        Budgets(cloud),
        CloudWatch(cloud),
    ]


class Application:
    """The WSGI application of one Cloud."""

    def __init__(self, cloud: Cloud):
        self.cloud = cloud
        self._guard = Guard(cloud)
        self._retries = Retries()
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._moto_locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)
        self._port = urlsplit(cloud.url).port or 80

    def __call__(self, environ: dict, start_response):
        request = Request(environ)
        if refusal := page_refusal(request.headers, self._port):
            LOG.warning("%s %s refused: %s", request.method, request.path, refusal)
            return Response(f"{refusal}\n", status=403, content_type="text/plain")(environ, start_response)
        body = request.get_data(cache=True)
        try:
            answer = self._answer(request, body, environ)
        except Exception as error:
            LOG.exception("%s %s failed", request.method, request.path)
            answer = protocol.error_answer(None, AwsError("InternalFailure", f"{type(error).__name__}: {error}", 500))
        return Response(answer.body, status=answer.status, headers=answer.headers)(environ, start_response)

    def _answer(self, request: Request, body: bytes, environ: dict) -> Answer:
        if request.path.startswith("/_emulator/"):
            return self._own_page(request)
        signed = bool(protocol.credential(request)[0])
        if not signed and (found := repository_of(request.path)):
            return serve_git(self.cloud, request, body, *found)
        if request.headers.get("x-emulator-moto") == self.cloud.moto_token:
            return self._from_moto(protocol.recognise(request, body, list(self.cloud.services)), body, environ)

        call = protocol.recognise(request, body, list(self.cloud.services))
        caller = self.cloud.accounts.caller(call.access_key_id)
        parameters = input_of(call, request, body)
        try:
            self._judge(self._guard.denial(call, parameters, caller), call, caller)
            answer = self._retries.answered(request.headers) or self._dispatch(call, request, body, environ, caller)
            self._retries.remember(request.method, request.headers, answer)
            if answer.status == 404:
                self._judge(self._guard.denial_of_absence(call, parameters, caller), call, caller)
        except AwsError as error:
            answer = protocol.error_answer(call, error)
        except Exception as error:
            LOG.exception("%s:%s failed", call.service, call.operation)
            message = f"{call.service}:{call.operation}: {type(error).__name__}: {error}"
            answer = protocol.error_answer(call, AwsError("InternalFailure", message, 500))

        self.cloud.calls.write(
            principal=caller.arn,
            service=call.service,
            operation=call.operation,
            resource=resource_of(call, parameters, self.cloud.region, self.cloud.account_id),
            status=answer.status,
        )
        return answer

    def _judge(self, denial: Denial | None, call: Call, caller: Caller) -> None:
        if denial is None:
            return
        self.cloud.denials.write(principal=caller.arn, enforced=self.cloud.enforce_iam, **asdict(denial))
        if self.cloud.enforce_iam:
            raise denial.error(call, caller)

    def _dispatch(self, call: Call, request: Request, body: bytes, environ: dict, caller: Caller) -> Answer:
        service = self.cloud.services.get(call.service)
        method = service.operation(call.operation) if service else None
        if service is None or method is None:
            return self._from_moto(call, body, environ)
        parameters = protocol.parse(call, request, body)
        protocol.validate(call, parameters, service.validation_error_code)
        return protocol.answer(call, method(parameters, caller))

    def _from_moto(self, call: Call, body: bytes, environ: dict) -> Answer:
        if call.protocol == protocol.CBOR:
            return protocol.through_json(call, body, environ, lambda text, env: self._run_moto(call, text, env))
        return self._run_moto(call, body, environ)

    def _run_moto(self, call: Call, body: bytes, environ: dict) -> Answer:
        environ = dict(environ)
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ.pop("wsgi.input_terminated", None)
        for name in [name for name in environ if name.startswith("werkzeug.")]:
            del environ[name]
        try:
            with self._moto_locks[call.service]:  # moto's backends are plain dictionaries
                chunks, status, headers = run_wsgi_app(self._moto, environ, buffered=True)
                content = b"".join(chunks)
        except NotImplementedError as error:
            raise not_emulated(call.service, call.operation) from error
        return Answer(int(status.split(" ")[0]), dict(headers), content)

    def _own_page(self, request: Request) -> Answer:
        if request.path == "/_emulator/health":
            return _json(200, {"status": "ok", "pid": os.getpid(), "services": sorted(self.cloud.services)})
        # What AWS does by itself and a demonstration wants on demand: /_emulator/<service>/<action>/<name>
        _, _, *words = request.path.split("/")
        service = self.cloud.services.get(words[0])
        if request.method == "POST" and service and len(words) == 3:
            try:
                service.on_demand(words[1], words[2])
            except AwsError as error:
                return _json(error.status, {"error": str(error)})
            return _json(200, {"status": "ok"})
        return _json(404, {"error": f"no page {request.path}; there is /_emulator/health"})


def _json(status: int, value: dict) -> Answer:
    return Answer(status, {"Content-Type": "application/json"}, json.dumps(value).encode())


class _QuietHandler(MotoRequestHandler):
    """One line per request would drown the log; calls.jsonl has them."""

    def log(self, type: str, message: str, *args) -> None:
        if type == "error":
            LOG.error(message, *args)


class Emulator:
    """A running emulator on 127.0.0.1.

    `port` 0 takes a free one. Raises OSError, in words, where the port is taken.
    """

    def __init__(self, root: Path, port: int = 0, *, time_scale: float = 1.0, enforce_iam: bool = False):
        # moto reads this when IAM is first used.
        os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", port))
        except OSError as error:
            listening.close()
            raise OSError(f"port {port} of 127.0.0.1 is taken: stop what listens there, or choose another") from error
        listening.listen(256)
        port = listening.getsockname()[1]

        self.cloud = Cloud(root, f"http://127.0.0.1:{port}", time_scale=time_scale, enforce_iam=enforce_iam)
        self.cloud.services = {service.service_name: service for service in services_of(self.cloud)}

        self._listening = listening
        self._server = make_server(
            "127.0.0.1",
            port,
            Application(self.cloud),
            threaded=True,
            request_handler=_QuietHandler,
            fd=listening.fileno(),
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="http", daemon=True)

    def start(self) -> None:
        """Answer requests, start every service, and write `root/emulator.json`."""
        self._thread.start()
        for service in self.cloud.services.values():
            service.start()
        ready = self.cloud.root / "emulator.json"
        temporary = ready.with_suffix(".tmp")
        temporary.write_text(json.dumps({"pid": os.getpid(), "url": self.cloud.url}) + "\n")
        temporary.replace(ready)

    def stop(self) -> None:
        """Stop every service and then the server; no process and no socket stays."""
        (self.cloud.root / "emulator.json").unlink(missing_ok=True)
        self.cloud.shut_down()
        self._server.shutdown()
        self._server.server_close()
        self._listening.close()
