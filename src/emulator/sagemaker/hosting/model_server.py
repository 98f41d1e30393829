"""The server inside a hosting container: a model directory behind /ping and /invocations.

It follows the Hugging Face inference toolkit 2.6 on multi-model-server: `code/inference.py` may define `model_fn`,
`input_fn`, `predict_fn`, `output_fn` or `transform_fn`; what it does not define has the toolkit's default; a handler
may take the context as one parameter more; every exception of a handler is answered with status 400. One worker, so
that handlers run one at a time.

A script of its own, run by the Python of the container (`python -P model_server.py --model-dir DIR --port-file FILE`):
it imports the standard library and what the model brings, nothing else.
"""

import argparse
import csv
import importlib
import importlib.util
import inspect
import io
import json
import os
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

JSON, CSV, ANY = "application/json", "text/csv", "*/*"
LARGEST_BODY_BYTES = 6_553_500  # multi-model-server's default
# Parameters of each handler without the context.
PARAMETERS = {
    "model_fn": ("model_dir",),
    "input_fn": ("body", "content_type"),
    "predict_fn": ("data", "model"),
    "output_fn": ("prediction", "accept"),
    "transform_fn": ("model", "body", "content_type", "accept"),
}


class Context:
    """What a handler may ask about the model and the request, named as multi-model-server names it."""

    def __init__(self, model_dir: str, headers: dict[str, str] | None = None):
        self.system_properties = {"model_dir": model_dir, "gpu_id": None, "batch_size": 1, "server_name": "MMS"}
        self.response_content_type: str | None = None
        self._headers = {name.lower(): value for name, value in (headers or {}).items()}

    def get_request_header(self, idx: int, key: str) -> str | None:
        return self._headers.get(key.lower())

    def get_all_request_header(self, idx: int) -> dict[str, str]:
        return dict(self._headers)

    def set_response_content_type(self, idx: int, value: str) -> None:
        self.response_content_type = value


@dataclass(frozen=True)
class Handlers:
    """The functions of a model, each taking the context as its last argument."""

    load: Callable  # (model_dir, context) -> model
    transform: Callable  # (model, body, content_type, accept, context) -> answer


def read_handlers(module) -> Handlers:
    """The handlers of `module` (None: the toolkit's defaults for all).

    Raises TypeError for a wrong number of parameters and ValueError for transform_fn beside what it replaces.
    """
    own = {name: getattr(module, name) for name in PARAMETERS if hasattr(module, name)}
    if "transform_fn" in own and (beside := sorted(own.keys() & {"input_fn", "predict_fn", "output_fn"})):
        raise ValueError(f"found transform_fn and {', '.join(beside)}; define either transform_fn or the others")
    functions = {name: with_context(name, function) for name, function in own.items()}
    take_in = functions.get("input_fn", default_input)
    predict = functions.get("predict_fn", default_predict)
    give_out = functions.get("output_fn", default_output)

    def in_three_steps(model, body, content_type, accept, context):
        data = take_in(body, content_type, context)
        return give_out(predict(data, model, context), accept, context)

    return Handlers(functions.get("model_fn", default_model), functions.get("transform_fn", in_three_steps))


def with_context(name: str, function: Callable) -> Callable:
    """`function` so that it can be called with the context, whether it takes it or not; the toolkit counts as well."""
    expected = PARAMETERS[name]
    found = len(inspect.signature(function).parameters)
    if found == len(expected) + 1:
        return function
    if found == len(expected):
        return lambda *arguments: function(*arguments[:-1])
    raise TypeError(
        f"{name} takes {found} parameters; expected {len(expected)} ({', '.join(expected)}) or one more, the context"
    )


def default_model(model_dir: str, context: Context):
    """A transformers pipeline for the task in HF_TASK."""
    task = os.environ.get("HF_TASK")
    if not task:
        raise ValueError("found neither model_fn in code/inference.py nor the task in HF_TASK; define one of the two")
    transformers = importlib.import_module("transformers")
    return transformers.pipeline(task=task, model=model_dir, tokenizer=model_dir)


def default_input(body, content_type: str, context: Context):
    if content_type == JSON:
        return json.loads(body)
    if content_type == CSV:
        return {"inputs": [row["inputs"] for row in csv.DictReader(io.StringIO(body))]}
    raise ValueError(
        f"found content type {content_type}; expected {JSON} or {CSV}, or an input_fn in code/inference.py"
    )


def default_predict(data, model, context: Context):
    inputs = data.pop("inputs", data)
    return model(inputs, **(data.pop("parameters", None) or {}))


def default_output(prediction, accept: str, context: Context):
    if accept == JSON:
        as_plain = json.dumps(
            prediction, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=lambda value: value.tolist()
        )
        return as_plain
    if accept == CSV:
        rows = prediction if isinstance(prediction, list) else [prediction]
        text = io.StringIO()
        writer = csv.DictWriter(text, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()
    raise ValueError(f"found accept {accept}; expected {JSON} or {CSV}, or an output_fn in code/inference.py")


@dataclass(frozen=True)
class Answer:
    """One HTTP answer of the server."""

    status: int
    content_type: str
    body: bytes


def failure(status: int, kind: str, message: str) -> Answer:
    """An error as multi-model-server writes it."""
    text = json.dumps({"code": status, "type": kind, "message": message}, indent=2, ensure_ascii=False)
    return Answer(status, JSON, text.encode() + b"\n")


FORBIDDEN = failure(403, "ForbiddenException", "Web pages are not answered, only programs on this machine.")


class Model:
    """A loaded model and its handlers; `invoke` answers one request at a time."""

    def __init__(self, model_dir: Path):
        self._model_dir = str(model_dir)
        self._worker = threading.Lock()
        self._loaded: tuple[Handlers, Any] | None = None

    @property
    def ready(self) -> bool:
        return self._loaded is not None

    def load(self) -> None:
        """Import the handlers and load the model. Raises what they raise."""
        name = os.environ.get("SAGEMAKER_PROGRAM", "inference.py").removesuffix(".py")
        module = importlib.import_module(name) if importlib.util.find_spec(name) else None
        handlers = read_handlers(module)
        self._loaded = handlers, handlers.load(self._model_dir, Context(self._model_dir))

    def invoke(self, body: bytes, headers: dict[str, str]) -> Answer:
        """Run the handlers on one request body; an exception of theirs becomes status 400. The model is loaded."""
        assert self._loaded is not None
        handlers, model = self._loaded
        context = Context(self._model_dir, headers)
        content_type = context.get_request_header(0, "Content-Type")
        accept = context.get_request_header(0, "Accept")
        accept = JSON if not accept or accept == ANY else accept
        try:
            readable = body.decode("utf-8") if content_type in (JSON, CSV) else body
            with self._worker:
                answer = handlers.transform(model, readable, content_type, accept, context)
        except Exception as error:
            # Where it failed, never the message: it may quote what a user wrote.
            where = traceback.extract_tb(error.__traceback__)[-1]
            print(f"{type(error).__name__} at {where.filename}:{where.lineno} in {where.name}", flush=True)
            return failure(400, "InternalServerException", str(error))
        return Answer(200, context.response_content_type or accept, _as_bytes(answer))


def _as_bytes(answer) -> bytes:
    if isinstance(answer, bytes | bytearray):
        return bytes(answer)
    return (answer if isinstance(answer, str) else json.dumps(answer, indent=2)).encode()


class Requests(BaseHTTPRequestHandler):
    """GET /ping and POST /invocations on kept-alive connections."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two writes
    server: "ModelServer"

    def do_GET(self) -> None:
        if self._comes_from_a_page():
            self._answer(FORBIDDEN)
        elif self.path != "/ping":
            self._answer(failure(404, "ResourceNotFoundException", "Requested resource is not found, use /ping."))
        elif self.server.model.ready:
            self._answer(Answer(200, JSON, b'{"status": "Healthy"}'))
        else:
            self._answer(Answer(503, JSON, b'{"status": "Unhealthy"}'))

    def do_POST(self) -> None:
        started = time.monotonic()
        length = self.headers.get("Content-Length", "")
        if self._comes_from_a_page():
            self.close_connection = True
            answer = FORBIDDEN
        elif not length.isdigit():
            self.close_connection = True
            answer = failure(411, "BadRequestException", "Content-Length is missing.")
        elif int(length) > LARGEST_BODY_BYTES:
            left = int(length)
            while left > 0 and (chunk := self.rfile.read(min(left, 65536))):  # unread, it would reset the connection
                left -= len(chunk)
            self.close_connection = True
            answer = failure(
                413, "RequestEntityTooLargeException", f"{length} bytes; the limit is {LARGEST_BODY_BYTES}."
            )
        else:
            body = self.rfile.read(int(length))
            if self.path != "/invocations":
                answer = failure(404, "ResourceNotFoundException", "Requested resource is not found, use /invocations.")
            elif not self.server.model.ready:
                answer = failure(503, "ServiceUnavailableException", "The model is still loading.")
            else:
                answer = self.server.model.invoke(body, dict(self.headers.items()))

        self._answer(answer)
        took_ms = (time.monotonic() - started) * 1000
        print(f"POST {self.path} {length} bytes: {answer.status} in {took_ms:.1f} ms", flush=True)

    def _comes_from_a_page(self) -> bool:
        """Whether a page in a browser may have sent it: the port is open to whatever runs on the machine."""
        port = self.server.server_address[1]
        return (
            self.headers.get("Host") not in (f"127.0.0.1:{port}", f"localhost:{port}")
            or "Origin" in self.headers
            or "Sec-Fetch-Site" in self.headers
        )

    def _answer(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args) -> None:
        """The base class logs each ping; do_POST logs what matters."""


class ModelServer(ThreadingHTTPServer):
    """Listens on loopback at a port that the system chooses."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, model: Model):
        super().__init__(("127.0.0.1", 0), Requests)
        self.model = model

    def handle_error(self, request, client_address) -> None:
        """A client that went away is no reason for a traceback in the log."""
        print(f"connection ended: {type(sys.exception()).__name__}", flush=True)


def announce(port: int, port_file: Path) -> None:
    """Tell the starter the port, all at once."""
    with tempfile.NamedTemporaryFile("w", dir=port_file.parent, delete=False) as unfinished:
        unfinished.write(str(port))
    os.replace(unfinished.name, port_file)


def main(argv: list[str] | None = None) -> int:
    """Serve until terminated; exit status 1 when the model does not load."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model-dir", type=Path, required=True, help="directory of the unpacked model.tar.gz")
    parser.add_argument("--port-file", type=Path, required=True, help="file to write the port to")
    arguments = parser.parse_args(argv)

    model = Model(arguments.model_dir)
    server = ModelServer(model)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    serving.start()
    announce(server.server_address[1], arguments.port_file)
    started = time.monotonic()
    try:
        model.load()
    except BaseException:
        traceback.print_exc()
        print("The model did not load; see the lines above.", flush=True)
        return 1
    print(f"Model loaded in {time.monotonic() - started:.1f} s", flush=True)
    serving.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
