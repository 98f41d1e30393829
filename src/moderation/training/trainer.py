"""The Hugging Face Trainer, taught this project's batches, loss, checkpoints and stop signal.

Two ranks take the same steps as one: they share out the same global batch, and the loss is the mean over all its
annotated labels. Dropout depends on seed, step and rank alone, so a resumed run repeats what an uninterrupted one does.
"""

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from contract.training.hyperparameters import Hyperparameters
from moderation.job.container import say, say_metric
from moderation.metrics.scores import scores
from moderation.model.batching import Tokens, pad
from moderation.model.classifier import Classifier
from moderation.model.scoring import autocast, logits, sigmoid
from moderation.training import checkpoints
from moderation.training.epochs import EpochBatches
from moderation.training.ranks import Ranks

TRAINER_STATE = "trainer_state.json"
RUN = "run.json"
JUDGED = "judged.json"


@dataclass(frozen=True)
class Best:
    """The epoch whose model is kept."""

    step: int
    """Steps that it had made; its weights are in the checkpoint of that step, unless it is the last."""
    score: float
    """Its macro average precision on validation."""
    waited: int = 0
    """Epochs since then that were worse."""


def judged(best: Best | None, step: int, score: float | None) -> Best:
    """The best epoch after one more that ended at `step` with `score`; of equal ones, the later.

    Where validation has no positive, there is no score, and every epoch is as good as any other.
    """
    found = 0.0 if score is None else score
    return Best(step, found) if best is None or found >= best.score else replace(best, waited=best.waited + 1)


class Rows(Dataset):
    """Row numbers of the train split: tokens and truth are looked up when a batch is put together."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, row: int) -> int:
        return row


def masked_loss(logits: torch.Tensor, truth: torch.Tensor, positive_weight: torch.Tensor) -> torch.Tensor:
    """Sum of the binary cross-entropy over the annotated labels; logits, truth (rows, labels), NaN: not annotated.

    A positive counts `positive_weight` (labels) times. That alone would teach the model odds that are as many times
    too high; the logits are raised by its logarithm before they are judged, so that they learn the true odds.
    """
    known = ~torch.isnan(truth)
    raised = logits + positive_weight.log()
    return torch.nn.functional.binary_cross_entropy_with_logits(
        raised[known], truth[known], reduction="sum", pos_weight=positive_weight.expand_as(truth)[known]
    )


def positive_weights(truth: np.ndarray, kind: str) -> np.ndarray:
    """How often a positive counts (labels) for truth (rows, labels): `none` once, `sqrt` the root of negatives a
    positive, which pulls rare labels up without letting a handful of rows rule."""
    if kind == "none":
        return np.ones(truth.shape[1], dtype=np.float32)
    positives = np.nansum(truth, axis=0)
    negatives = (~np.isnan(truth)).sum(axis=0) - positives
    return np.sqrt((negatives + 1) / (positives + 1)).astype(np.float32)


class ModerationTrainer(Trainer):
    """Trains a Classifier on tokens and truth (rows, labels)."""

    def __init__(
        self,
        model: Classifier,
        settings: Hyperparameters,
        ranks: Ranks,
        device: torch.device,
        dtype: torch.dtype,
        train: tuple[Tokens, np.ndarray],
        validation: tuple[Tokens, np.ndarray],
        checkpoint_directory: Path,
        stop_wanted: Callable[[], bool],
    ) -> None:
        self.settings, self.ranks, self.device, self.dtype = settings, ranks, device, dtype
        self.train_tokens, self.train_truth = train
        self.validation_tokens, self.validation_truth = validation
        self.checkpoint_directory = checkpoint_directory
        self.positive_weight = torch.from_numpy(positive_weights(self.train_truth, settings.positive_weight)).to(device)
        self.batches = EpochBatches(self.train_tokens.lengths, settings.batch_size, settings.seed, ranks.world_size)
        self.pulse = Pulse(self, stop_wanted)
        self.best: Best | None = None
        self.judged_step = -1
        self.validation_logits: np.ndarray | None = None  # (rows, labels) of the latest evaluation
        self.validation_metrics: dict[str, float] = {}
        steps = len(self.batches) * settings.epochs
        super().__init__(
            model=model,
            args=TrainingArguments(
                output_dir=str(checkpoint_directory),
                per_device_train_batch_size=max(1, settings.batch_size // ranks.world_size),
                num_train_epochs=settings.epochs,
                learning_rate=settings.learning_rate,
                lr_scheduler_type="linear",
                warmup_steps=round(settings.warmup_share * steps),
                max_grad_norm=settings.clip,
                seed=settings.seed,
                use_cpu=device.type == "cpu",
                ddp_backend=None if ranks.world_size == 1 else "gloo" if device.type == "cpu" else "nccl",
                ddp_find_unused_parameters=False,
                # buckets are there to exchange while the device computes; the CPU does both, and one large is quicker
                ddp_bucket_cap_mb=1024 if device.type == "cpu" else None,
                ddp_broadcast_buffers=False,  # an encoder's never change
                average_tokens_across_devices=False,
                remove_unused_columns=False,
                # Pulse decides when to evaluate and to save, and says what there is to say
                eval_strategy="no",
                save_strategy="no",
                logging_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=Rows(len(self.train_truth)),
            data_collator=self.collate,
            callbacks=[self.pulse],
        )
        self.accelerator.ddp_handler.gradient_as_bucket_view = True  # exchanged where they lie, not copied back
        self.remove_callback(PrinterCallback)
        self.model_accepts_loss_kwargs = False

    def collate(self, rows: list[int]) -> dict[str, Any]:
        """This rank's share of a global batch, padded, with its truth (rows, labels) and the number of labels that are
        annotated in the whole of it."""
        own = self.ranks.own(rows)
        annotated = int((~np.isnan(self.train_truth[rows])).sum())
        truth = torch.from_numpy(self.train_truth[own])
        return {**pad(self.train_tokens, own), "truth": truth, "annotated": annotated}

    def get_train_dataloader(self) -> DataLoader:
        """The global batches; not handed to accelerate, which would shard them as well."""
        return DataLoader(self.train_dataset, batch_sampler=self.batches, collate_fn=self.collate)

    def create_optimizer(self, model: torch.nn.Module | None = None) -> torch.optim.Optimizer:
        """AdamW with a learning rate for the head, and weight decay on matrices alone."""
        if self.optimizer is None:
            rates = {True: self.settings.head_learning_rate, False: self.settings.learning_rate}
            groups = []
            for is_head, rate in rates.items():
                for is_matrix in (True, False):
                    parameters = [
                        parameter
                        for name, parameter in self.model.named_parameters()
                        if parameter.requires_grad
                        and name.startswith("head.") == is_head
                        and (parameter.ndim >= 2) == is_matrix
                    ]
                    decay = self.settings.weight_decay if is_matrix else 0.0
                    groups.append({"params": parameters, "lr": rate, "weight_decay": decay})
            self.optimizer = torch.optim.AdamW([group for group in groups if group["params"]], fused=True)
        return self.optimizer

    def training_step(
        self, model: torch.nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """Gradients of the mean loss over the annotated labels of the global batch, whatever their share on this rank.

        The rows of this rank are worked through in `accumulation` parts; the ranks exchange gradients after the last.
        """
        model.train()
        inputs = self._prepare_inputs(inputs)
        rows, annotated = len(inputs["truth"]), max(1, inputs.pop("annotated"))
        # seeded here, not once: no state of random generators has to survive an interruption
        torch.manual_seed((self.settings.seed * 1_000_003 + self.state.global_step) * 1_009 + self.ranks.rank)
        size = -(-rows // self.settings.accumulation)
        losses = []
        for start in range(0, rows, size):
            piece = {name: value[start : start + size] for name, value in inputs.items()}
            truth = piece.pop("truth")
            alone = self.ranks.world_size > 1 and start + size < rows
            with model.no_sync() if alone else contextlib.nullcontext():
                with autocast(self.device, self.dtype):
                    scored = model(**piece)
                # DDP takes the mean of the ranks' gradients, hence the factor
                loss = masked_loss(scored, truth, self.positive_weight) * self.ranks.world_size / annotated
                self.accelerator.backward(loss)
            losses.append(loss.detach())
        total = torch.stack(losses).sum()
        self.pulse.losses.append(total)
        self.pulse.trained_rows += rows
        return total

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Scores on the validation split; decides whether this epoch is the best, and whether training goes on."""
        self._measure()
        self.judged_step = self.state.global_step
        self.best = judged(self.best, self.judged_step, self.validation_metrics["eval_macro_average_precision"])
        if self.waited_enough and self.judged_step < self.state.max_steps:
            if self.ranks.leads:
                say(f"no better for {self.best.waited} epochs: training ends after step {self.judged_step}")
            self.control.should_training_stop = True
        return self.validation_metrics

    @property
    def waited_enough(self) -> bool:
        """Whether so many epochs in a row were worse than the best that training ends."""
        return self.best is not None and 0 < self.settings.patience <= self.best.waited

    def keep_best(self) -> None:
        """Leave the best epoch's model in every rank, with its scores on validation.

        Only the leader has surely written its checkpoint: the others take the weights from it.
        """
        if self.judged_step != self.state.global_step:
            self.evaluate()
        if self.best.step != self.judged_step:
            if self.ranks.leads:
                checkpoints.read_model(checkpoints.path_of(self.checkpoint_directory, self.best.step), self.model)
                say(f"kept the model of step {self.best.step}, the best on validation")
            self.ranks.share(self.model)
            self._measure()

    def _measure(self) -> None:
        """Score the validation split and write the scores to the log; every row is scored once, by one rank."""
        self.validation_logits = self.score_validation()
        probs = sigmoid(self.validation_logits)
        thresholds = np.full(self.validation_truth.shape[1], 0.5)
        metrics = scores(self.model.labels, self.validation_truth, probs, thresholds)["metrics"]
        known = ~np.isnan(self.validation_truth)
        clipped = np.clip(probs[known], 1e-6, 1 - 1e-6)
        answers = self.validation_truth[known]
        loss = -np.mean(answers * np.log(clipped) + (1 - answers) * np.log(1 - clipped))
        # F1 at .5 says nothing about rare labels: it is left to thresholds that are chosen
        named = {f"eval_{name}": metrics[name] for name in ("macro_average_precision", "macro_auroc")}
        found = {"eval_loss": float(loss), **named}
        if self.ranks.leads:
            for name, value in found.items():
                say_metric(name, value)
        self.validation_metrics = found

    def score_validation(self) -> np.ndarray:
        """Logits (rows, labels) of the validation split, in its order, in every rank."""
        total = len(self.validation_truth)
        scored = logits(self.model, self.validation_tokens, self.ranks.own(range(total)), self.dtype)
        return self.ranks.gather_rows(scored, total, self.device)

    @cached_property
    def run_identity(self) -> str:
        """What must be equal for a checkpoint to be of this run: recipe, labels, rows; not the number of workers."""
        rows = hashlib.sha256(self.train_truth.tobytes())
        for ids in self.train_tokens.ids:
            rows.update(np.array(ids, np.int32).tobytes() + b"|")
        identity = {"labels": self.model.labels, "rows": rows.hexdigest(), **asdict(self.settings)}
        return json.dumps(identity, sort_keys=True, default=str)

    def latest_checkpoint(self) -> Path | None:
        """The newest checkpoint that every rank holds whole, or None; the best epoch so far is taken from it.

        Raises ValueError where it belongs to another run.
        """
        steps = checkpoints.complete_steps(self.checkpoint_directory)
        common = self.ranks.common(steps, self.device)
        if not common:
            return None
        path = checkpoints.path_of(self.checkpoint_directory, common[-1])
        if (path / RUN).read_text(encoding="utf-8") != self.run_identity:
            raise ValueError(
                f"{path}: found a checkpoint of a run with other hyperparameters, labels or rows, expected one of this "
                "run; give the job an empty checkpoint directory"
            )
        content = json.loads((path / JUDGED).read_text(encoding="utf-8"))
        if content["best"] and content["best"]["step"] in common:
            # a best checkpoint that was copied half is lost: the epochs that follow compete among themselves
            self.best, self.judged_step = Best(**content["best"]), content["step"]
        self.state.global_step = common[-1]
        return path

    def catch_up(self, checkpoint: Path) -> None:
        """Judge the epoch that the latest checkpoint ends, where an interruption came before that."""
        if self.state.global_step % len(self.batches) == 0 and self.judged_step != self.state.global_step:
            checkpoints.read_model(checkpoint, self.model)
            self.evaluate()

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        if self.ranks.leads:
            texts = {
                TRAINER_STATE: json.dumps(_plain_state(self.state)),
                RUN: self.run_identity,
                JUDGED: json.dumps({"step": self.judged_step, "best": asdict(self.best) if self.best else None}),
            }
            kept = self.best.step if self.best else None
            schedule = self.lr_scheduler.state_dict()
            started = time.monotonic()
            optimizer = getattr(self.optimizer, "optimizer", self.optimizer)  # inside accelerate's wrapper
            path = checkpoints.write(
                self.checkpoint_directory, self.state.global_step, self.model, optimizer, schedule, texts, kept
            )
            say(f"checkpoint {path.name} written in {time.monotonic() - started:.1f} s")
        self.ranks.wait()

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: torch.nn.Module | None = None) -> None:
        checkpoints.read_model(Path(resume_from_checkpoint), self.model)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            optimizer = getattr(self.optimizer, "optimizer", self.optimizer)
            checkpoints.read_optimizer(Path(checkpoint), self.model, optimizer)
            self.lr_scheduler.load_state_dict(checkpoints.read_schedule(Path(checkpoint)))
            for group, rate in zip(optimizer.param_groups, self.lr_scheduler.get_last_lr(), strict=True):
                group["lr"] = rate

    def _load_rng_state(self, checkpoint: str | None) -> None:
        """Nothing to load: every step seeds itself."""


def _plain_state(state: TrainerState) -> Mapping[str, Any]:
    plain = {name: value for name, value in vars(state).items() if not name.startswith("_")}
    return json.loads(json.dumps(plain, default=str))


class Pulse(TrainerCallback):
    """Decides at each step, for all ranks alike, whether to save or to stop, and keeps the log alive."""

    def __init__(self, trainer: ModerationTrainer, stop_wanted: Callable[[], bool]) -> None:
        self._trainer = trainer
        self._stop_wanted = stop_wanted
        self.losses: list[torch.Tensor] = []
        self.stopped = False
        self.worker_samples_per_second: list[float] = []  # by rank; known from the end of the first epoch on
        self.trained_rows = 0  # of this rank
        self._seconds = 0.0
        self._last_save = self._last_progress = self._step_start = 0.0
        self._wishes: Callable[[], list[float]] = lambda: [0.0, 0.0]  # how many ranks want to stop, and to save

    @property
    def samples_per_second(self) -> float:
        """Rows of all workers trained a second, without evaluation and checkpoints."""
        return sum(self.worker_samples_per_second)

    @property
    def _own_samples_per_second(self) -> float:
        return self.trained_rows / self._seconds if self._seconds else 0.0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._last_save = self._last_progress = time.monotonic()

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._trainer.batches.set_epoch(state.global_step // len(self._trainer.batches))

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._step_start = now = time.monotonic()
        ranks, settings = self._trainer.ranks, self._trainer.settings
        due = ranks.leads and now - self._last_save >= settings.checkpoint_seconds
        # on its way while the ranks compute: none waits for another before they exchange gradients
        self._wishes = ranks.begin_sum([float(self._stop_wanted()), float(due)], self._trainer.device)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        now = time.monotonic()
        self._seconds += now - self._step_start
        if self._trainer.ranks.leads and now - self._last_progress >= self._trainer.settings.progress_seconds:
            self._last_progress = now
            left = (state.max_steps - state.global_step) * self._trainer.settings.batch_size
            recent = torch.stack(self.losses[-20:]).mean().item()
            speed = self._own_samples_per_second * self._trainer.ranks.world_size  # each has its share of every batch
            say(
                f"progress epoch {state.epoch:.2f} of {args.num_train_epochs:g}, step {state.global_step} of "
                f"{state.max_steps}, loss {recent:.4f}, {speed:.1f} samples/s, about "
                f"{left / speed:.0f} s left"
            )
        stop, save = self._wishes()
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
        if self.losses:
            ranks, device = self._trainer.ranks, self._trainer.device
            total, count = ranks.sum([torch.stack(self.losses).sum().item(), len(self.losses)], device)
            self.losses.clear()
            own = np.array([[self._own_samples_per_second]], np.float32)
            self.worker_samples_per_second = ranks.gather_rows(own, ranks.world_size, device)[:, 0].tolist()
            if ranks.leads:
                say_metric("train_loss", total / count)
                say_metric("train_samples_per_second", self.samples_per_second)
                say_metric("train_samples_per_second_per_worker", self.samples_per_second / ranks.world_size)
        finished = state.global_step >= state.max_steps
        if finished or self.stopped:
            return  # the last evaluation belongs to the saved model; a stopped run has just been saved
        control.should_evaluate = True
        control.should_save = True
        self._last_save = time.monotonic()
