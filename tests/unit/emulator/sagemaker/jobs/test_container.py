import os
import subprocess
import sys

import pytest

from emulator.sagemaker.jobs.instances import CONTAINER_FILES


def run(command, **environment):
    path = os.pathsep.join([str(CONTAINER_FILES), os.path.dirname(sys.executable), os.environ["PATH"]])
    finished = subprocess.run(command, env={"PATH": path, **environment}, capture_output=True, text=True, check=True)
    return finished.stdout


@pytest.fixture
def fake_torch(tmp_path):
    package = tmp_path / "torch" / "distributed"
    package.mkdir(parents=True)
    (tmp_path / "torch" / "__init__.py").touch()  # a package, so that it hides the real one
    (package / "__init__.py").touch()
    (package / "run.py").write_text("import json, sys\nprint(json.dumps(sys.argv[1:]))")
    return str(tmp_path)


def torchrun(fake_torch, *arguments):
    return run(["torchrun", *arguments], PYTHONPATH=fake_torch, EMULATED_RENDEZVOUS_PORT="4711").strip()


def test_the_rendezvous_of_a_job_is_on_loopback_at_a_port_of_its_own(fake_torch):
    toolkit = ["--nnodes", "2", "--nproc_per_node", "1", "--master_addr", "algo-1", "--master_port", "7777"]
    called = torchrun(fake_torch, *toolkit, "--node_rank", "1", "train.py", "--master_port", "mine")
    assert called == (
        '["--master_addr", "127.0.0.1", "--master_port", "4711", "--nnodes", "2", "--nproc_per_node", "1", '
        '"--node_rank", "1", "train.py", "--master_port", "mine"]'
    )


def test_a_single_instance_gets_a_port_of_its_own_too(fake_torch):
    called = torchrun(fake_torch, "--nnodes", "1", "--nproc_per_node", "2", "train.py")
    assert called.startswith('["--master_addr", "127.0.0.1", "--master_port", "4711", "--nnodes", "1"')


def test_instance_names_resolve_to_this_machine_and_others_do_not():
    program = (
        "import socket\n"
        "print(socket.gethostbyname('algo-2'), socket.getaddrinfo('algo-1', 80)[0][4][0])\n"
        "try:\n    print(socket.gethostbyname('algo-x.invalid'))\n"
        "except socket.gaierror:\n    print('unknown')"
    )
    assert run([sys.executable, "-c", program], PYTHONPATH=str(CONTAINER_FILES)).split() == [
        "127.0.0.1",
        "127.0.0.1",
        "unknown",
    ]


def test_an_instance_has_no_accelerator():
    assert run(["nvidia-smi", "--list-gpus"]) == ""
