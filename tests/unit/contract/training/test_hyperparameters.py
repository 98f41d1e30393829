import pytest

from contract.training.hyperparameters import Hyperparameters, command_line, flag, names, parsed, truth_value


def test_names_are_written_with_dashes():
    assert flag("batch_size") == "batch-size"
    assert {"linear-probe", "probe-rows", "epochs"} <= set(names())


def test_a_section_becomes_arguments_that_train_py_reads_back():
    assert command_line({"epochs": 3, "linear-probe": False, "learning-rate": 3e-4, "pooling": "cls"}) == {
        "epochs": "3",
        "linear-probe": "false",
        "learning-rate": "0.0003",
        "pooling": "cls",
    }
    assert parsed(names()["learning-rate"], "0.0003") == 3e-4
    assert truth_value("True") is True


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"epochs": True}, "epochs: found true, expected a whole number"),
        ({"epochs": 0}, "epochs: found 0, expected 1 or more"),
        ({"epochs": 1.5}, "epochs: found '1.5', expected a whole number"),
        ({"dropout": [1]}, "dropout: found list, expected a number"),
        ({"pooling": "max"}, "pooling: found 'max', expected one of mean, cls"),
    ],
)
def test_a_value_that_train_py_would_refuse_is_refused(section, message):
    with pytest.raises(ValueError, match=message):
        command_line(section)


def test_a_value_out_of_range_is_never_a_setting():
    with pytest.raises(ValueError, match="--epochs: found 0, expected 1 or more"):
        Hyperparameters(epochs=0)
