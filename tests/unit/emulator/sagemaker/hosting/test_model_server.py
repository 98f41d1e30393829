"""The model server as the container runs it: handlers, errors, health."""

import ast
import http.client
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from waiting import wait_until

from emulator.sagemaker.hosting import model_server
from emulator.sagemaker.hosting.model_server import Context, read_handlers

ECHO = """
import json
def model_fn(model_dir):
    return "loaded"
def input_fn(body, content_type):
    return {"body": body if isinstance(body, str) else "bytes", "type": content_type}
def predict_fn(data, model, context):
    if data["body"] == "fail":
        raise ValueError("expected a text; got 'fail'")
    return {**data, "model": model, "id": context.get_request_header(0, "X-Amzn-SageMaker-Inference-Id")}
def output_fn(prediction, accept):
    return json.dumps({**prediction, "accept": accept})
"""


class Server:
    """A running model server and how to ask it."""

    def __init__(self, directory: Path, code: str, **environment: str):
        (directory / "code").mkdir()
        (directory / "code" / "inference.py").write_text(code)
        self._port_file = directory / "port"
        script = [sys.executable, "-P", model_server.__file__, "--model-dir", str(directory)]
        self.process = subprocess.Popen(
            [*script, "--port-file", str(self._port_file)],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(directory / "code"), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait(self) -> "Server":
        try:
            wait_until(lambda: self._port_file.exists() and self.get("/ping")[0] == 200)
        except AssertionError as error:
            raise AssertionError(self.stop()) from error
        return self

    def get(self, path: str) -> tuple[int, bytes]:
        return self._request("GET", path, None, {})[:2]

    def post(self, body: bytes, path: str = "/invocations", **headers: str) -> tuple[int, bytes, str]:
        return self._request("POST", path, body, {name.replace("_", "-"): value for name, value in headers.items()})

    def stop(self) -> str:
        self.process.kill()
        return self.process.communicate()[0]

    def _request(self, method: str, path: str, body: bytes | None, headers: dict) -> tuple[int, bytes, str]:
        connection = http.client.HTTPConnection("127.0.0.1", int(self._port_file.read_text()), timeout=10)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read(), response.headers["Content-Type"]
        finally:
            connection.close()


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("echo"), ECHO).wait()
    yield server
    server.stop()


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://elsewhere.example"}, {"Sec_Fetch_Site": "none"}, {"Host": "elsewhere.example"}]
)
def test_what_a_web_page_sends_never_reaches_the_handlers(echo, headers):
    status, body, _ = echo.post(b"hello", Content_Type="application/json", **headers)
    assert status == 403
    assert b"hello" not in body


def test_the_handlers_run_one_after_another_with_context_and_headers(echo):
    status, body, content_type = echo.post(
        b"hi", Content_Type="application/json", Accept="text/x-json", X_Amzn_SageMaker_Inference_Id="r-1"
    )
    assert (status, content_type) == (200, "text/x-json")
    assert json.loads(body) == {
        "body": "hi",
        "type": "application/json",
        "model": "loaded",
        "id": "r-1",
        "accept": "text/x-json",
    }


def test_a_body_of_another_type_reaches_the_handler_as_bytes(echo):
    assert json.loads(echo.post(b"hi", Content_Type="application/octet-stream")[1])["body"] == "bytes"


def test_no_accept_header_means_json(echo):
    status, body, content_type = echo.post(b"hi", Content_Type="application/json", Accept="*/*")
    assert (status, content_type, json.loads(body)["accept"]) == (200, "application/json", "application/json")


def test_an_exception_of_a_handler_is_a_400_with_its_message_and_the_server_lives_on(echo):
    status, body, _ = echo.post(b"fail", Content_Type="application/json")
    assert status == 400
    assert json.loads(body) == {
        "code": 400,
        "type": "InternalServerException",
        "message": "expected a text; got 'fail'",
    }
    assert echo.post(b"hi", Content_Type="application/json")[0] == 200


def test_a_body_that_is_not_utf8_is_a_400(echo):
    status, body, _ = echo.post(b"\xff\xfe", Content_Type="application/json")
    assert status == 400
    assert "utf-8" in json.loads(body)["message"]


def test_an_oversized_body_is_refused(echo):
    status, body, _ = echo.post(b"x" * (model_server.LARGEST_BODY_BYTES + 1), Content_Type="application/json")
    assert (status, json.loads(body)["type"]) == (413, "RequestEntityTooLargeException")


def test_other_paths_are_not_found(echo):
    assert echo.get("/models")[0] == 404
    assert echo.post(b"{}", path="/predict")[0] == 404


def test_ping_is_unhealthy_until_the_model_is_loaded_and_the_log_keeps_texts_out(tmp_path):
    code = ECHO.replace('return "loaded"', 'open(os.environ["GATE"]).read(); return "slow"')
    os.mkfifo(tmp_path / "gate")  # opening it waits until the test opens the other end
    server = Server(tmp_path, "import os\n" + code, GATE=str(tmp_path / "gate"))
    wait_until((tmp_path / "port").exists)
    assert server.get("/ping")[0] == 503
    assert server.post(b"hi")[0] == 503
    (tmp_path / "gate").write_text("")
    server.wait()
    assert server.post(b"fail", Content_Type="application/json")[0] == 400
    log = server.stop()
    assert "ValueError at" in log
    assert "inference.py" in log
    assert "got 'fail'" not in log


def test_a_model_that_does_not_load_ends_the_server_with_the_reason(tmp_path):
    server = Server(tmp_path, "def model_fn(model_dir):\n    raise OSError('no weights here')\n")
    output, _ = server.process.communicate(timeout=20)
    assert server.process.returncode == 1
    assert "OSError: no weights here" in output


def test_without_handlers_the_pipeline_of_the_task_answers(tmp_path):
    code = tmp_path / "code" / "transformers.py"
    code.parent.mkdir()
    code.write_text(
        "def pipeline(task, model, tokenizer):\n    return lambda inputs, **parameters: [task, inputs, parameters]\n"
    )
    code.parent.rename(tmp_path / "lib")
    server = Server(tmp_path, "", PYTHONPATH=f"{tmp_path}/code:{tmp_path}/lib", HF_TASK="some-task").wait()
    status, body, _ = server.post(b'{"inputs": "a", "parameters": {"top_k": 2}}', Content_Type="application/json")
    server.stop()
    assert (status, json.loads(body)) == (200, ["some-task", "a", {"top_k": 2}])


def test_handlers_are_counted_when_the_model_loads():
    module = SimpleNamespace(predict_fn=lambda data: data)
    with pytest.raises(TypeError, match=r"predict_fn takes 1 parameters; expected 2 \(data, model\) or one more"):
        read_handlers(module)


def test_transform_fn_replaces_the_three_steps_but_does_not_stand_beside_them():
    handlers = read_handlers(SimpleNamespace(transform_fn=lambda model, body, content_type, accept: [model, body]))
    assert handlers.transform("m", "b", "t", "a", Context("dir")) == ["m", "b"]
    with pytest.raises(ValueError, match="found transform_fn and input_fn"):
        read_handlers(
            SimpleNamespace(transform_fn=lambda model, body, content_type, accept: 0, input_fn=lambda body, kind: 0)
        )


def test_a_model_without_model_fn_and_task_says_what_is_missing(monkeypatch):
    monkeypatch.delenv("HF_TASK", raising=False)
    with pytest.raises(ValueError, match=r"neither model_fn .* nor the task in HF_TASK"):
        read_handlers(None).load("dir", Context("dir"))


def test_csv_is_understood_without_handlers():
    assert model_server.default_input("inputs\na\nb\n", "text/csv", Context("dir")) == {"inputs": ["a", "b"]}
    assert model_server.default_output([{"a": 1}], "text/csv", Context("dir")).splitlines() == ["a", "1"]


def test_content_that_the_defaults_do_not_understand_is_named():
    with pytest.raises(ValueError, match="found content type image/png"):
        model_server.default_input(b"", "image/png", Context("dir"))
    with pytest.raises(ValueError, match="found accept image/png"):
        model_server.default_output({}, "image/png", Context("dir"))


def test_the_script_imports_nothing_but_the_standard_library():
    tree = ast.parse(Path(model_server.__file__).read_text())
    plain = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    from_modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in plain | from_modules} <= sys.stdlib_module_names
