import re

import pytest

from moderation.training.arguments import parse
from moderation.training.train import main

CHANNELS = ["--train", "a", "--validation", "b", "--base-model", "c", "--model-dir", "d"]


def test_hyperparameters_arrive_as_text_and_leave_with_their_types():
    arguments = parse([*CHANNELS, "--epochs", "3", "--learning-rate", "1e-4", "--linear-probe", "false"])
    assert (arguments.settings.epochs, arguments.settings.learning_rate, arguments.settings.linear_probe) == (
        3,
        1e-4,
        False,
    )
    assert arguments.hyperparameters()["epochs"] == 3
    assert "train" not in arguments.hyperparameters()


def test_channels_come_from_the_environment(monkeypatch):
    for variable in ("SM_CHANNEL_TRAIN", "SM_CHANNEL_VALIDATION", "SM_CHANNEL_BASE_MODEL", "SM_MODEL_DIR"):
        monkeypatch.setenv(variable, f"/data/{variable}")
    assert str(parse([]).channels.base_model) == "/data/SM_CHANNEL_BASE_MODEL"
    assert str(parse(["--base-model", "mine"]).channels.base_model) == "mine"


def test_a_channel_that_nothing_names_is_a_reason(monkeypatch):
    monkeypatch.delenv("SM_MODEL_DIR", raising=False)
    with pytest.raises(ValueError, match="--model-dir: found nothing, expected a directory; name one or set SM_MODEL"):
        parse(CHANNELS[:-2])


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        (["--epochs", "0"], "--epochs: found 0, expected 1 or more"),
        (["--learning-rate", "0"], "--learning-rate: found 0.0, expected more than 0"),
        (["--learning-rate", "nan"], "--learning-rate: found nan"),
        (["--dropout", "1"], "--dropout: found 1.0, expected a share"),
        (["--encoder-dropout", "1"], "--encoder-dropout: found 1.0"),
        (["--patience", "-1"], "--patience: found -1, expected 0 or more"),
        (["--accumulation", "0"], "--accumulation: found 0, expected 1 or more"),
        (["--pooling", "max"], "--pooling: found 'max', expected one of mean, cls"),
        (["--positive-weight", "linear"], "--positive-weight: found 'linear', expected one of sqrt, none"),
        (["--precision", "int8"], "--precision: found 'int8', expected one of auto, fp32, bf16"),
    ],
)
def test_a_value_out_of_range_is_a_reason(option, reason):
    with pytest.raises(ValueError, match=reason):
        parse([*CHANNELS, *option])


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("--epoch 3", "unrecognized arguments: --epoch 3"),
        ("--epochs two", "argument --epochs: found 'two', expected a whole number"),
        ("--linear-probe maybe", "argument --linear-probe: found 'maybe', expected true or false"),
        ("--unknown 1", "unrecognized arguments: --unknown 1"),
    ],
)
def test_a_misspelt_hyperparameter_is_a_reason(option, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        parse([*CHANNELS, *option.split()])


def test_an_argument_error_reaches_the_failure_file(tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    with pytest.raises(ValueError, match="--epochs"):
        main([*CHANNELS, "--epochs", "two"])
    assert "argument --epochs: found 'two'" in (tmp_path / "output" / "failure").read_text()


def test_help_names_units_and_defaults(capsys):
    with pytest.raises(SystemExit):
        parse(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "rows of one step over all workers together, whatever their number (default: 16)" in shown
    assert "[SM_CHANNEL_TRAIN]" in shown
