from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from contract.training.hyperparameters import Hyperparameters
from moderation.training import pulse as pulses
from moderation.training.epochs import EpochBatches
from moderation.training.pulse import Pulse
from moderation.training.ranks import Ranks
from moderation.training.run import Run


class Training:
    """A training of four steps in two epochs, as the Trainer reports it; the clock is the test's."""

    def __init__(self, monkeypatch, stop=lambda: False, **settings):
        self.now = 0.0
        monkeypatch.setattr(pulses.time, "monotonic", lambda: self.now)
        settings = Hyperparameters(batch_size=4, epochs=2, progress_seconds=1000, **settings)
        run = Run(settings, Ranks(0, 1, 0), torch.device("cpu"), torch.float32, Path("unused"), stop)
        self.batches = EpochBatches(np.full(8, 5), 4, 13, 1)
        self.pulse = Pulse(run, self.batches)
        self.state = SimpleNamespace(global_step=0, max_steps=4, epoch=0.0)
        self.args = SimpleNamespace(num_train_epochs=2)
        self.pulse.on_train_begin(self.args, self.state, None)

    def step(self, seconds=1.0, loss=0.5):
        control = SimpleNamespace(should_save=False, should_training_stop=False, should_evaluate=False)
        self.pulse.on_step_begin(self.args, self.state, control)
        self.now += seconds
        self.pulse.record_step(torch.tensor(loss), 4)
        self.state.global_step += 1
        self.pulse.on_step_end(self.args, self.state, control)
        return control

    def end_epoch(self):
        control = SimpleNamespace(should_save=False, should_training_stop=False, should_evaluate=False)
        self.pulse.on_epoch_end(self.args, self.state, control)
        return control


def test_a_checkpoint_is_written_when_it_is_due_and_never_after_the_last_step(monkeypatch):
    training = Training(monkeypatch, checkpoint_seconds=10)
    assert [training.step(6).should_save for _ in range(4)] == [False, False, True, False]


def test_a_signal_saves_and_stops_after_the_step_that_runs(monkeypatch):
    answers = iter([False, True])
    training = Training(monkeypatch, stop=lambda: next(answers))
    first, second = training.step(), training.step()
    assert (first.should_save, first.should_training_stop) == (False, False)
    assert (second.should_save, second.should_training_stop) == (True, True)
    assert training.pulse.stopped
    assert not training.end_epoch().should_evaluate


def test_an_epoch_is_evaluated_and_reported_with_its_speed(monkeypatch, capsys):
    training = Training(monkeypatch)
    training.step(2), training.step(2)
    control = training.end_epoch()
    assert (control.should_evaluate, control.should_save) == (True, True)
    assert training.pulse.samples_per_second == pytest.approx(2.0)
    assert "metric train_loss=0.5\nmetric train_samples_per_second=2\n" in capsys.readouterr().out


def test_the_last_epoch_is_left_to_the_saved_model(monkeypatch):
    training = Training(monkeypatch)
    for _ in range(4):
        training.step()
    assert not training.end_epoch().should_evaluate


def test_a_resumed_training_goes_on_with_the_batches_of_its_epoch(monkeypatch):
    training = Training(monkeypatch)
    first = list(training.batches)
    training.state.global_step = 2
    training.pulse.on_epoch_begin(training.args, training.state, None)
    assert list(training.batches) != first


def test_a_training_that_diverges_stops_and_names_the_step_and_the_way_out(monkeypatch):
    training = Training(monkeypatch)
    training.step()
    training.step(loss=float("nan"))
    with pytest.raises(ValueError, match=r"loss became nan or infinite at step 2 of 4: lower the learning rate"):
        training.end_epoch()


def test_divergence_is_seen_within_an_epoch(monkeypatch):
    training = Training(monkeypatch)
    training.pulse.record_step(torch.tensor(float("inf")), 4)
    training.state.global_step = pulses.RECENT_STEPS
    with pytest.raises(ValueError, match=f"loss became nan or infinite at step {pulses.RECENT_STEPS} of 4"):
        training.step()
