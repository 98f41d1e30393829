import pytest

from laptop.emulator_process import free_port
from laptop.machine import Laptop, LaptopError, copy_terraform, write_whole


def test_an_emulator_that_is_gone_is_not_taken_for_a_running_one(tmp_path):
    laptop = Laptop(directory=tmp_path)
    laptop.emulator_root.mkdir()
    (laptop.emulator_root / "emulator.json").write_text(f'{{"pid": 1, "url": "http://127.0.0.1:{free_port()}"}}')
    assert laptop.url is None
    with pytest.raises(LaptopError, match="make up"):
        laptop.environment()


def test_what_talks_to_the_emulator_reads_nothing_of_the_users_aws_setup(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    environment = Laptop(directory=tmp_path).environment("http://127.0.0.1:1")
    assert "AWS_PROFILE" not in environment
    assert "AWS_SESSION_TOKEN" not in environment
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"


def test_the_platform_on_this_machine_knows_nothing_of_the_users_settings_for_aws(tmp_path):
    users = ("terraform.tfvars", "mine.auto.tfvars", "mine.auto.tfvars.json", "backend.tf", "local_override.tf")
    kept = ("main.tf", ".terraform.lock.hcl", "backend.tf.example", "modules/storage/main.tf")
    for name in (*users, *kept, ".terraform/modules/modules.json"):
        (tmp_path / "terraform" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "terraform" / name).touch()
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "removed.tf").touch()
    copy_terraform(tmp_path / "terraform", copy)
    assert {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()} == set(kept)
    assert Laptop(directory=tmp_path).platform_root == tmp_path / "platform"


def test_a_file_is_written_whole(tmp_path):
    write_whole(tmp_path / "demo.json", b"{}")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("demo.json", b"{}")]
