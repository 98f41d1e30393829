"""The Hugging Face Trainer, taught this project's batches, loss, checkpoints and stop signal.

Two ranks take the same steps as one: they share out the same global batch, and the loss is the mean over all its
annotated labels. Dropout depends on seed, step and rank alone, so a resumed run repeats what an uninterrupted one does.
"""

import contextlib
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset
from transformers import Trainer, TrainerState, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from moderation.job.container import say, say_metric
from moderation.metrics.scores import macro_auroc, macro_average_precision
from moderation.model.batching import pad
from moderation.model.classifier import Classifier
from moderation.model.scoring import autocast, logits, sigmoid
from moderation.training import checkpoints
from moderation.training.best import Best, after_epoch
from moderation.training.epochs import EpochBatches
from moderation.training.loss import masked_loss, positive_weights
from moderation.training.pulse import Pulse, divergence
from moderation.training.run import LabelledTokens, Run

TRAINER_STATE = "trainer_state.json"
RUN = "run.json"
BEST = "best.json"


@dataclass(frozen=True, eq=False)
class Kept:
    """The model that a training ends with."""

    step: int
    """Steps that it had made."""
    validation_logits: np.ndarray
    """(rows, labels)"""
    validation_metrics: dict[str, float | None]


class RowNumbers(Dataset[int]):
    """Row numbers of the train split: tokens and truth are looked up when a batch is put together."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, row: int) -> int:
        return row


class ModerationTrainer(Trainer):
    """Trains a Classifier on labelled tokens."""

    optimizer: torch.optim.Optimizer | None
    """AdamW of `create_optimizer`, inside accelerate's wrapper once training runs."""

    def __init__(
        self, model: Classifier, run: Run, train_rows: LabelledTokens, validation_rows: LabelledTokens
    ) -> None:
        self.classifier, self.run = model, run
        self.train_rows, self.validation_rows = train_rows, validation_rows

        weights = positive_weights(train_rows.truth, run.settings.positive_weight)
        self.positive_weight = torch.from_numpy(weights).to(run.device)
        settings = run.settings
        self.batches = EpochBatches(train_rows.tokens.lengths, settings.batch_size, settings.seed, run.ranks.world_size)
        self.row_numbers = RowNumbers(len(train_rows.truth))
        self.pulse = Pulse(run, self.batches)
        self.best: Best | None = None
        self.evaluated_step = -1
        self.validation_logits: np.ndarray | None = None  # (rows, labels) of the latest evaluation
        self.validation_metrics: dict[str, float | None] = {}

        super().__init__(
            model=model,
            args=training_arguments(run, len(self.batches) * settings.epochs),
            train_dataset=self.row_numbers,
            data_collator=self.collate,
            callbacks=[self.pulse],
        )
        self.accelerator.ddp_handler.gradient_as_bucket_view = True  # exchanged where they lie, not copied back
        self.remove_callback(PrinterCallback)
        self.model_accepts_loss_kwargs = False

    def collate(self, rows: list[int]) -> dict[str, Any]:
        """This rank's share of a global batch, padded, with its truth (rows, labels) and the number of labels that are
        annotated in the whole of it."""
        own = self.run.ranks.own(rows)
        annotated = int((~np.isnan(self.train_rows.truth[rows])).sum())
        truth = torch.from_numpy(self.train_rows.truth[own])
        return {**pad(self.train_rows.tokens, own), "truth": truth, "annotated": annotated}

    def get_train_dataloader(self) -> DataLoader:
        """The global batches; not handed to accelerate, which would shard them as well."""
        return DataLoader(self.row_numbers, batch_sampler=self.batches, collate_fn=self.collate)

    def create_optimizer(self, model: torch.nn.Module | None = None) -> torch.optim.Optimizer:
        """AdamW with a learning rate for the head, and weight decay on matrices alone."""
        if self.optimizer is not None:
            return self.optimizer

        settings = self.run.settings
        rates = {True: settings.head_learning_rate, False: settings.learning_rate}
        groups = []
        for is_head, rate in rates.items():
            for is_matrix in (True, False):
                parameters = [
                    parameter
                    for name, parameter in self.classifier.named_parameters()
                    if parameter.requires_grad
                    and name.startswith("head.") == is_head
                    and (parameter.ndim >= 2) == is_matrix
                ]
                decay = settings.weight_decay if is_matrix else 0.0
                groups.append({"params": parameters, "lr": rate, "weight_decay": decay})

        self.optimizer = torch.optim.AdamW([group for group in groups if group["params"]], fused=True)
        return self.optimizer

    def training_step(
        self, model: torch.nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """Gradients of the mean loss over the annotated labels of the global batch, whatever their share on this rank.

        The rows of this rank are worked through in `accumulation` parts; the ranks exchange gradients after the last.
        """
        ranks, settings = self.run.ranks, self.run.settings
        model.train()
        inputs = self._prepare_inputs(inputs)
        rows, annotated = len(inputs["truth"]), max(1, inputs.pop("annotated"))
        # seeded here, not once: no state of random generators has to survive an interruption
        torch.manual_seed((settings.seed * 1_000_003 + self.state.global_step) * 1_009 + ranks.rank)

        size = -(-rows // settings.accumulation)
        losses = []
        for start in range(0, rows, size):
            piece = {name: value[start : start + size] for name, value in inputs.items()}
            truth = piece.pop("truth")
            keeps_gradients = ranks.world_size > 1 and start + size < rows
            with cast(DistributedDataParallel, model).no_sync() if keeps_gradients else contextlib.nullcontext():
                with autocast(self.run.device, self.run.dtype):
                    scored = model(**piece)
                # DDP takes the mean of the ranks' gradients, hence the factor
                loss = masked_loss(scored, truth, self.positive_weight) * ranks.world_size / annotated
                self.accelerator.backward(loss)
            losses.append(loss.detach())

        total = torch.stack(losses).sum()
        self.pulse.record_step(total, rows)
        return total

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Scores on the validation split; decides whether this epoch is the best, and whether training goes on."""
        self._measure()
        self.evaluated_step = self.state.global_step
        score = self.validation_metrics["eval_macro_average_precision"]
        self.best = after_epoch(self.best, self.evaluated_step, score)
        if self.waited_enough and self.evaluated_step < self.state.max_steps:
            if self.run.ranks.leads:
                say(f"no better for {self.best.waited} epochs: training ends after step {self.evaluated_step}")
            self.control.should_training_stop = True
        return self.validation_metrics

    @property
    def waited_enough(self) -> bool:
        """Whether so many epochs in a row were worse than the best that training ends."""
        return self.best is not None and 0 < self.run.settings.patience <= self.best.waited

    def keep_best(self) -> Kept:
        """Leave the best epoch's model in every rank; returns its logits and scores on validation.

        Only the leader has surely written its checkpoint: the others take the weights from it.
        """
        if self.evaluated_step != self.state.global_step:
            self.evaluate()
        assert self.best is not None
        if self.best.step != self.evaluated_step:
            if self.run.ranks.leads:
                path = checkpoints.path_of(self.run.checkpoint_directory, self.best.step)
                checkpoints.read_model(path, self.classifier)
                say(f"kept the model of step {self.best.step}, the best on validation")
            self.run.ranks.share(self.classifier)
            self._measure()

        assert self.validation_logits is not None
        return Kept(self.best.step, self.validation_logits, self.validation_metrics)

    def score_validation(self) -> np.ndarray:
        """Logits (rows, labels) of the validation split, in its order, in every rank."""
        total = len(self.validation_rows.truth)
        own = self.run.ranks.own(range(total))
        scored = logits(self.classifier, self.validation_rows.tokens, own, self.run.dtype)
        return self.run.ranks.gather_rows(scored, total, self.run.device)

    @cached_property
    def run_identity(self) -> str:
        """What must be equal for a checkpoint to be of this run: recipe, labels, rows; not the number of workers."""
        rows = hashlib.sha256(self.train_rows.truth.tobytes())
        for ids in self.train_rows.tokens.ids:
            rows.update(np.array(ids, np.int32).tobytes() + b"|")
        identity = {"labels": self.classifier.labels, "rows": rows.hexdigest(), **asdict(self.run.settings)}
        return json.dumps(identity, sort_keys=True, default=str)

    def latest_checkpoint(self) -> Path | None:
        """The newest checkpoint that every rank holds whole, or None; the best epoch so far is taken from it.

        Raises ValueError where it belongs to another run.
        """
        steps = checkpoints.complete_steps(self.run.checkpoint_directory)
        common = self.run.ranks.common(steps, self.run.device)
        if not common:
            return None
        path = checkpoints.path_of(self.run.checkpoint_directory, common[-1])
        if (path / RUN).read_text(encoding="utf-8") != self.run_identity:
            raise ValueError(
                f"{path}: found a checkpoint of a run with other hyperparameters, labels or rows, expected one of this "
                "run; give the job an empty checkpoint directory"
            )

        content = json.loads((path / BEST).read_text(encoding="utf-8"))
        if content["best"] and content["best"]["step"] in common:
            # a best checkpoint that was copied half is lost: the epochs that follow compete among themselves
            self.best, self.evaluated_step = Best(**content["best"]), content["step"]
        self.state.global_step = common[-1]
        return path

    def catch_up(self, checkpoint: Path) -> None:
        """Evaluate the epoch that the latest checkpoint ends, where an interruption came before that."""
        if self.state.global_step % len(self.batches) == 0 and self.evaluated_step != self.state.global_step:
            checkpoints.read_model(checkpoint, self.classifier)
            self.evaluate()

    def _measure(self) -> None:
        """Score the validation split and write the scores to the log; every row is scored once, by one rank."""
        self.validation_logits = self.score_validation()
        if not np.isfinite(self.validation_logits).all():
            raise ValueError(divergence("a validation score", self.state.global_step, self.state, self.run.settings))
        probs, truth = sigmoid(self.validation_logits), self.validation_rows.truth

        # clipped, so that one score that is rounded to 0 or 1 does not make the loss infinite
        annotated = ~np.isnan(truth)
        clipped = np.clip(probs[annotated], 1e-6, 1 - 1e-6)
        answers = truth[annotated]
        loss = -np.mean(answers * np.log(clipped) + (1 - answers) * np.log(1 - clipped))

        # F1 at .5 says nothing about rare labels: it is left to thresholds that are chosen
        self.validation_metrics = {
            "eval_loss": float(loss),
            "eval_macro_average_precision": macro_average_precision(truth, probs),
            "eval_macro_auroc": macro_auroc(truth, probs),
        }
        if self.run.ranks.leads:
            for name, value in self.validation_metrics.items():
                say_metric(name, value)

    @property
    def _adamw(self) -> torch.optim.Optimizer:
        optimizer = getattr(self.optimizer, "optimizer", self.optimizer)  # inside accelerate's wrapper
        assert optimizer is not None
        return optimizer

    @property
    def _schedule(self) -> torch.optim.lr_scheduler.LambdaLR:
        assert self.lr_scheduler is not None
        return self.lr_scheduler

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        if self.run.ranks.leads:
            texts = {
                TRAINER_STATE: json.dumps(_plain_state(self.state)),
                RUN: self.run_identity,
                BEST: json.dumps({"step": self.evaluated_step, "best": asdict(self.best) if self.best else None}),
            }
            kept = self.best.step if self.best else None
            started = time.monotonic()
            state = checkpoints.State(self.classifier, self._adamw, self._schedule.state_dict(), texts)
            path = checkpoints.write(self.run.checkpoint_directory, self.state.global_step, state, kept)
            say(f"checkpoint {path.name} written in {time.monotonic() - started:.1f} s")
        self.run.ranks.wait()

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: torch.nn.Module | None = None) -> None:
        checkpoints.read_model(Path(resume_from_checkpoint), self.classifier)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            checkpoints.read_optimizer(Path(checkpoint), self.classifier, self._adamw)
            self._schedule.load_state_dict(checkpoints.read_schedule(Path(checkpoint)))
            for group, rate in zip(self._adamw.param_groups, self._schedule.get_last_lr(), strict=True):
                group["lr"] = rate

    def _load_rng_state(self, checkpoint: str | None) -> None:
        """Nothing to load: every step seeds itself."""


def training_arguments(run: Run, steps: int) -> TrainingArguments:
    """What the Trainer must know of a run of so many steps."""
    settings, on_cpu = run.settings, run.device.type == "cpu"
    return TrainingArguments(
        output_dir=str(run.checkpoint_directory),
        per_device_train_batch_size=max(1, settings.batch_size // run.ranks.world_size),
        num_train_epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=round(settings.warmup_share * steps),
        max_grad_norm=settings.clip,
        seed=settings.seed,
        use_cpu=on_cpu,
        ddp_backend=None if run.ranks.world_size == 1 else "gloo" if on_cpu else "nccl",
        ddp_find_unused_parameters=False,
        # buckets are there to exchange while the device computes; the CPU does both, and one large is quicker
        ddp_bucket_cap_mb=1024 if on_cpu else None,
        ddp_broadcast_buffers=False,  # an encoder's never change
        average_tokens_across_devices=False,
        remove_unused_columns=False,
        # Pulse decides when to evaluate and to save, and says what there is to say
        eval_strategy="no",
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )


def _plain_state(state: TrainerState) -> Mapping[str, Any]:
    plain = {name: value for name, value in vars(state).items() if not name.startswith("_")}
    return json.loads(json.dumps(plain, default=str))
