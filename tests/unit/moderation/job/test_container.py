import pytest

from moderation.job import container


@pytest.fixture(autouse=True)
def base(tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path / "ml"))
    return tmp_path / "ml"


def test_paths_follow_the_base_directory(base, monkeypatch):
    assert container.checkpoint_directory() == base / "checkpoints"
    monkeypatch.delenv("SAGEMAKER_BASE_DIR")
    assert str(container.checkpoint_directory()) == "/opt/ml/checkpoints"


def test_the_first_failing_rank_keeps_the_word(base):
    container.write_failure(ValueError("the cause,\nin two lines"))
    container.write_failure(ConnectionError("the consequence"))
    assert (base / "output" / "failure").read_text() == "ValueError: the cause, in two lines"


def test_a_reason_is_as_long_as_sagemaker_shows():
    assert len(container.one_line(ValueError("x" * 5000))) == 1024


def test_outside_a_container_no_exit_message_is_left(base):
    container.write_exit_message(ValueError("x"))
    assert not base.exists()
    base.mkdir()
    container.write_exit_message(ValueError("x"))
    assert (base / "output" / "message").read_text() == "ValueError: x"


def test_a_metric_is_one_write_of_one_line(monkeypatch):
    written = []
    monkeypatch.setattr(container.sys.stdout, "write", written.append)
    container.say_metric("eval_macro_auroc", 0.61234567)
    container.say_metric("eval_undefined", None)
    assert written == ["metric eval_macro_auroc=0.612346\n"]
