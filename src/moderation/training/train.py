"""Trains the classifier on the channels of a SageMaker training job, alone or under torchrun on several hosts."""

import importlib.metadata
import os
import signal
import time
import types
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from moderation.job.container import checkpoint_directory, say, write_failure
from moderation.model.batching import tokenise
from moderation.model.classifier import Classifier
from moderation.model.scoring import choose_device, choose_dtype
from moderation.training import ranks
from moderation.training.archive import TrainedModel, save
from moderation.training.arguments import Arguments, parse
from moderation.training.data import TrainingData, read_data
from moderation.training.finish import Finished, finish
from moderation.training.run import LabelledTokens, Run
from moderation.training.start import build_model, start_head
from moderation.training.vocabulary import check_share, unknown_share

if TYPE_CHECKING:
    from moderation.training.trainer import Kept, ModerationTrainer

STOPPED = 128 + signal.SIGTERM  # exit status of a process that a signal ended
RECORDED_PACKAGES = ("torch", "transformers", "scikit-learn")


class StopSignal:
    """Remembers a SIGTERM, which announces the end of a spot instance or a stopped job."""

    def __init__(self) -> None:
        self.received = False

    def listen(self) -> None:
        """Take over SIGTERM: from here on it ends the training after a checkpoint."""
        signal.signal(signal.SIGTERM, self._receive)

    def _receive(self, number: int, frame: types.FrameType | None) -> None:
        self.received = True


def main(argv: Sequence[str] | None = None) -> int:
    """Command line of the training; returns the exit status."""
    stop = StopSignal()
    stop.listen()
    try:
        return train(parse(argv), stop)
    except Exception as error:
        write_failure(error)
        raise
    finally:
        ranks.leave()


def train(arguments: Arguments, stop: StopSignal) -> int:
    """Train, choose a policy and save; returns 0, or STOPPED where a signal ended it after a checkpoint.

    Raises ValueError with the reason where the channels or hyperparameters can't be used.
    """
    quieten_transformers()
    started = time.monotonic()
    run = join_run(arguments, stop)
    data = read_data(arguments.channels, run.settings.deobfuscate)
    model, tokenizer = build_model(run, arguments.channels.base_model, data.labels)
    trainer = make_trainer(run, model, tokenizer, data)
    unknown_token_share = measure_unknown(tokenizer, trainer)
    if not fit_encoder(trainer):
        return STOPPED

    kept = trainer.keep_best()
    if run.ranks.leads:  # the others wait
        finished = finish(model, data, kept.validation_logits, run.settings.ngrams)
        seconds = round(time.monotonic() - started, 1)
        record = training_record(arguments, data, trainer, kept, finished)
        record |= {"unknown_token_share": round(unknown_token_share, 4), "seconds": seconds}
        policy, scores = finished.policy, finished.scores
        trained = TrainedModel(model, tokenizer, finished.ngrams, data.deobfuscator, policy, scores, record)
        save(trained, arguments.channels.model_dir)
        say(f"model saved after {seconds} s")
    run.ranks.wait()
    return 0


def quieten_transformers() -> None:
    """Keep the log to what this project writes; imported here, because `--help` needs no transformers."""
    import transformers

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


def join_run(arguments: Arguments, stop: StopSignal) -> Run:
    """Join the other processes, choose device and precision, and seed."""
    own = ranks.join()
    device = choose_device(own.local_rank)
    dtype = choose_dtype(arguments.settings.precision, device)
    say(own.describe(device))
    torch.manual_seed(arguments.settings.seed)
    return Run(arguments.settings, own, device, dtype, checkpoint_directory(), lambda: stop.received)


def make_trainer(run: Run, model: Classifier, tokenizer: Any, data: TrainingData) -> "ModerationTrainer":
    """The trainer of a model on the tokens of both splits."""
    from moderation.training.trainer import ModerationTrainer  # its import takes seconds

    max_length = run.settings.max_length
    tokens = tokenise(tokenizer, data.train.texts, max_length)
    validation_tokens = tokenise(tokenizer, data.validation.texts, max_length)
    if run.ranks.leads:
        say(
            f"{len(data.train.ids)} train rows of {tokens.lengths.mean():.0f} tokens on average "
            f"({np.mean(tokens.truncated):.1%} cut to {max_length}), "
            f"{len(data.validation.ids)} validation rows, labels {', '.join(data.labels)}, {in_words(run.dtype)}"
        )

    run.checkpoint_directory.mkdir(parents=True, exist_ok=True)
    train_rows = LabelledTokens(tokens, data.train.truth)
    return ModerationTrainer(model, run, train_rows, LabelledTokens(validation_tokens, data.validation.truth))


def measure_unknown(tokenizer: Any, trainer: "ModerationTrainer") -> float:
    """Share of the train texts' tokens that the tokenizer does not know; the log has it.

    Raises ValueError where nothing is known, in every rank alike.
    """
    share = unknown_share(tokenizer, trainer.train_rows.tokens)
    warning = check_share(share)
    if trainer.run.ranks.leads:
        say(warning or f"{share:.2%} of the tokens are unknown to the tokenizer")
    return share


def fit_encoder(trainer: "ModerationTrainer") -> bool:
    """Train from the latest checkpoint or from the start; False where a signal ended it before the last step."""
    checkpoint, run = trainer.latest_checkpoint(), trainer.run
    if checkpoint is None:
        start_head(trainer.classifier, run, trainer.train_rows)
    else:
        if run.ranks.leads:
            say(f"resuming from {checkpoint.name}")
        trainer.catch_up(checkpoint)

    if not trainer.waited_enough:  # it has, where an interruption came between the last epoch and the saved model
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))

    step = trainer.state.global_step
    if trainer.pulse.stopped and step < trainer.state.max_steps:
        say(f"rank {run.ranks.rank} stopped by a signal after step {step}; the next start resumes there")
        return False
    return True


def training_record(
    arguments: Arguments, data: TrainingData, trainer: "ModerationTrainer", kept: "Kept", finished: Finished
) -> dict[str, Any]:
    """What training.json says of how a model came to be, but for its seconds and the share of unknown tokens."""
    run, pulse = trainer.run, trainer.pulse
    return {
        "hyperparameters": arguments.hyperparameters(),
        "world_size": run.ranks.world_size,
        "precision": in_words(run.dtype),
        "steps": kept.step,
        "samples_per_second": round(pulse.samples_per_second, 2),
        "worker_samples_per_second": [round(rate, 2) for rate in pulse.worker_samples_per_second],
        "lineage": data.lineage,
        "rows": {"train": len(data.train.ids), "validation": len(data.validation.ids)},
        "metrics": kept.validation_metrics,
        "encoder_share": round(finished.encoder_share, 4),
        "temperature": finished.temperature,
        "versions": {name: importlib.metadata.version(name) for name in RECORDED_PACKAGES},
    }


def in_words(dtype: torch.dtype) -> str:
    """`bfloat16` for torch.bfloat16."""
    return str(dtype).removeprefix("torch.")
