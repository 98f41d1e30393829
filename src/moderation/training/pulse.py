"""Decides at each step, for all ranks alike, whether to save or to stop, and keeps the log alive."""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from contract.training.hyperparameters import Hyperparameters
from moderation.job.container import say, say_metric
from moderation.training.epochs import EpochBatches
from moderation.training.run import Run

RECENT_STEPS = 20  # whose mean loss a progress line shows


class Pulse(TrainerCallback):
    """The callback of a run: the Trainer reports each step and each epoch to it."""

    def __init__(self, run: Run, batches: EpochBatches) -> None:
        self._run, self._batches = run, batches
        self._losses: list[torch.Tensor] = []  # of each step of this epoch
        self._trained_rows = 0  # of this rank
        self._seconds = 0.0
        self._last_save = self._last_progress = self._step_start = 0.0
        # how many ranks want to stop, want to save, and have a loss that is no number
        self._wishes: Callable[[], list[float]] = lambda: [0.0, 0.0, 0.0]
        self.stopped = False
        """Whether a signal ended the training."""
        self.worker_samples_per_second: list[float] = []
        """By rank; known from the end of the first epoch on."""

    @property
    def samples_per_second(self) -> float:
        """Rows of all workers trained a second, without evaluation and checkpoints."""
        return sum(self.worker_samples_per_second)

    def record_step(self, loss: torch.Tensor, rows: int) -> None:
        """Take note of a step's loss and of the rows that this rank had of it."""
        self._losses.append(loss)
        self._trained_rows += rows

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._last_save = self._last_progress = time.monotonic()

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._batches.set_epoch(state.global_step // len(self._batches))

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._step_start = now = time.monotonic()
        due = self._run.ranks.leads and now - self._last_save >= self._run.settings.checkpoint_seconds
        # not at every step: a GPU would wait for the answer
        diverged = state.global_step % RECENT_STEPS == 0 and not all_finite(self._losses[-RECENT_STEPS:])
        wishes = [float(self._run.stop_requested()), float(due), float(diverged)]
        # on its way while the ranks compute: none waits for another before they exchange gradients
        self._wishes = self._run.ranks.begin_sum(wishes, self._run.device)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        now = time.monotonic()
        self._seconds += now - self._step_start
        if self._run.ranks.leads and now - self._last_progress >= self._run.settings.progress_seconds:
            self._last_progress = now
            self._say_progress(args, state)

        stop, save, diverged = self._wishes()
        if diverged:
            self._raise_divergence(state)

        self.stopped = stop > 0
        finished = state.global_step >= state.max_steps
        if (self.stopped or save > 0) and not finished:
            self._last_save = now
            control.should_save = True
        if self.stopped:
            control.should_training_stop = True

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if self._losses:
            self._report_epoch(state)

        finished = state.global_step >= state.max_steps
        if finished or self.stopped:
            return  # the last evaluation belongs to the saved model; a stopped run has just been saved
        control.should_evaluate = True
        control.should_save = True
        self._last_save = time.monotonic()

    @property
    def _own_samples_per_second(self) -> float:
        return self._trained_rows / self._seconds if self._seconds else 0.0

    def _say_progress(self, args: TrainingArguments, state: TrainerState) -> None:
        left = (state.max_steps - state.global_step) * self._run.settings.batch_size
        recent = torch.stack(self._losses[-RECENT_STEPS:]).mean().item()
        speed = self._own_samples_per_second * self._run.ranks.world_size  # each has its share of every batch
        say(
            f"progress epoch {state.epoch:.2f} of {args.num_train_epochs:g}, step {state.global_step} of "
            f"{state.max_steps}, loss {recent:.4f}, {speed:.1f} samples/s, about "
            f"{left / speed:.0f} s left"
        )

    def _report_epoch(self, state: TrainerState) -> None:
        """Add up the ranks' losses and speeds; the leader writes them to the log."""
        ranks, device = self._run.ranks, self._run.device
        total, count = ranks.sum([torch.stack(self._losses).sum().item(), len(self._losses)], device)
        if not math.isfinite(total):  # in every rank alike, so that none waits for one that is gone
            self._raise_divergence(state)

        self._losses.clear()
        own = np.array([[self._own_samples_per_second]], np.float32)
        self.worker_samples_per_second = ranks.gather_rows(own, ranks.world_size, device)[:, 0].tolist()

        if ranks.leads:
            say_metric("train_loss", total / count)
            say_metric("train_samples_per_second", self.samples_per_second)
            say_metric("train_samples_per_second_per_worker", self.samples_per_second / ranks.world_size)

    def _raise_divergence(self, state: TrainerState) -> None:
        """Raise ValueError with the first step of this epoch whose loss is no number, and the way out."""
        steps = [step for step, loss in enumerate(self._losses) if not torch.isfinite(loss)]
        first = state.global_step - len(self._losses) + 1 + (steps[0] if steps else len(self._losses) - 1)
        raise ValueError(divergence("the loss", first, state, self._run.settings))


def divergence(what: str, step: int, state: TrainerState, settings: Hyperparameters) -> str:
    """The sentence for a training whose loss or scores are no numbers any more from this step on."""
    return (
        f"{what} became nan or infinite at step {step} of {state.max_steps}: lower the learning rate "
        f"(learning-rate: {settings.learning_rate:g}), or raise warmup-share"
    )


def all_finite(losses: list[torch.Tensor]) -> bool:
    """Whether each loss is a number, and none too large for its type."""
    return not losses or bool(torch.isfinite(torch.stack(losses)).all())
