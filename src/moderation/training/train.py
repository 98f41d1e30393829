"""Trains the classifier on the channels of a SageMaker training job, alone or under torchrun on several hosts."""

import importlib.metadata
import os
import signal
import time
import types
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from contract.training.hyperparameters import Hyperparameters
from moderation.fitting import head as probe
from moderation.fitting.base_model import check_max_length, from_base_model
from moderation.fitting.blend import choose_blend
from moderation.fitting.deobfuscation import fit_deobfuscator
from moderation.fitting.ngrams import fit_ngrams
from moderation.fitting.temperature import choose_temperature
from moderation.fitting.thresholds import choose_policy, prevalences
from moderation.fitting.validation_scores import ValidationScores
from moderation.job.container import checkpoint_directory, say, write_failure
from moderation.job.dataset import Split, read_labels, read_lineage, read_split
from moderation.model import classifier as models
from moderation.model import ngrams
from moderation.model.batching import Tokens, tokenise
from moderation.model.scoring import choose_device, choose_dtype, features, sigmoid
from moderation.training import ranks
from moderation.training.archive import save
from moderation.training.arguments import Arguments, parse

STOPPED = 128 + signal.SIGTERM  # exit status of a process that a signal ended


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
    # imported here: `--help` and bad arguments need no transformers
    import transformers

    from moderation.training.trainer import ModerationTrainer

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    started = time.monotonic()
    here = ranks.join()
    device = choose_device(here.local_rank)
    dtype = choose_dtype(arguments.settings.precision, device)
    say(here.describe(device))
    torch.manual_seed(arguments.settings.seed)
    labels = read_labels(arguments.channels.train)
    if read_labels(arguments.channels.validation) != labels:
        raise ValueError("found other labels in the validation channel than in train, expected splits of one dataset")
    train_split = read_split(arguments.channels.train, labels)
    validation_split = read_split(arguments.channels.validation, labels)
    deobfuscator = fit_deobfuscator(train_split.texts) if arguments.settings.deobfuscate else None
    if deobfuscator:  # thresholds must be chosen on what will be scored
        validation_split = replace(validation_split, texts=[deobfuscator(text) for text in validation_split.texts])
    tokenizer = models.load_tokenizer(arguments.channels.base_model)
    head = models.Head(arguments.settings.dropout, arguments.settings.max_length, arguments.settings.pooling)
    dropout = arguments.settings.encoder_dropout if arguments.settings.encoder_dropout >= 0 else None
    # on a CPU, the backward pass of fused attention is the slower one
    attention = "eager" if device.type == "cpu" else None
    model = from_base_model(arguments.channels.base_model, labels, head, dropout, attention).to(device)
    check_max_length(model, tokenizer, arguments.settings.max_length)
    if arguments.settings.freeze_word_embeddings:
        model.encoder.get_input_embeddings().requires_grad_(False)
    if arguments.settings.compile:
        model.encoder.compile(dynamic=True)  # in place: the names of its weights stay
    tokens = tokenise(tokenizer, train_split.texts, arguments.settings.max_length)
    validation_tokens = tokenise(tokenizer, validation_split.texts, arguments.settings.max_length)
    if here.leads:
        say(
            f"{len(train_split.ids)} train rows of {tokens.lengths.mean():.0f} tokens on average "
            f"({np.mean(tokens.truncated):.1%} cut to {arguments.settings.max_length}), "
            f"{len(validation_split.ids)} validation rows, labels {', '.join(labels)}, "
            f"{str(dtype).removeprefix('torch.')}"
        )
    directory = checkpoint_directory()
    directory.mkdir(parents=True, exist_ok=True)
    trainer = ModerationTrainer(
        model,
        arguments.settings,
        here,
        device,
        dtype,
        (tokens, train_split.truth),
        (validation_tokens, validation_split.truth),
        directory,
        lambda: stop.received,
    )
    checkpoint = trainer.latest_checkpoint()
    if checkpoint is None:
        start_head(model, arguments.settings, here, tokens, train_split.truth, dtype)
    else:
        if here.leads:
            say(f"resuming from {checkpoint.name}")
        trainer.catch_up(checkpoint)
    if not trainer.waited_enough:  # it has, where an interruption came between the last epoch and the saved model
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    if trainer.pulse.stopped and trainer.state.global_step < trainer.state.max_steps:
        say(
            f"rank {here.rank} stopped by a signal after step {trainer.state.global_step}; the next start resumes there"
        )
        return STOPPED
    trainer.keep_best()
    if here.leads:  # the others wait
        validation_logits, fitted, share = trainer.validation_logits, None, 1.0
        if arguments.settings.ngrams:
            validation_logits, fitted, share = add_ngrams(model, train_split, validation_split, validation_logits)
        temperature = choose_temperature(validation_split.truth, validation_logits)
        fitted = cool(model, fitted, temperature)
        validation_logits = validation_logits / temperature
        scores = ValidationScores(validation_split.truth, sigmoid(validation_logits), prevalences(train_split.truth))
        chosen = choose_policy(labels, scores.truth, scores.probs, scores.prevalence)
        record = {
            "hyperparameters": arguments.hyperparameters(),
            "world_size": here.world_size,
            "precision": str(dtype).removeprefix("torch."),
            "steps": trainer.best.step,
            "samples_per_second": round(trainer.pulse.samples_per_second, 2),
            "worker_samples_per_second": [round(rate, 2) for rate in trainer.pulse.worker_samples_per_second],
            "seconds": round(time.monotonic() - started, 1),
            "lineage": read_lineage(arguments.channels.train),
            "rows": {"train": len(train_split.ids), "validation": len(validation_split.ids)},
            "metrics": trainer.validation_metrics,
            "encoder_share": round(share, 4),
            "temperature": temperature,
            "versions": {name: importlib.metadata.version(name) for name in ("torch", "transformers", "scikit-learn")},
        }
        save(model, fitted, deobfuscator, tokenizer, chosen, scores, record, arguments.channels.model_dir)
        say(f"model saved after {record['seconds']} s")
    here.wait()
    return 0


def start_head(
    model: models.Classifier,
    settings: Hyperparameters,
    here: ranks.Ranks,
    tokens: Tokens,
    truth: np.ndarray,
    dtype: torch.dtype,
) -> None:
    """Give the head its start: a linear probe on the untouched encoder, or each label's prior.

    Every rank computes the features of its share of the rows; the leader fits, and all take the leader's head.
    """
    weights, biases = np.zeros(model.head.weight.shape), probe.label_prior(truth)
    if settings.linear_probe:
        started = time.monotonic()
        device = model.head.weight.device
        rows = probe.probe_rows(len(truth), settings.probe_rows, settings.seed)
        own = features(model, tokens, here.own(rows), dtype)
        gathered = here.gather_rows(own, len(rows), device)
        if here.leads:
            weights, biases = probe.fit_head(gathered, truth[rows])
            say(f"linear probe on {len(rows)} rows in {time.monotonic() - started:.1f} s")
        weights, biases = here.broadcast(weights, device), here.broadcast(biases, device)
    model.set_head(weights, biases)


def add_ngrams(
    model: models.Classifier, train_split: Split, validation_split: Split, encoder_logits: np.ndarray
) -> tuple[np.ndarray, ngrams.Ngrams, float]:
    """Fit the n-grams and blend them with the encoder; returns the blend's validation logits, the n-gram part and the
    encoder's share.

    The blend is folded into the head and into the n-gram weights: the model's logit is the plain sum of both parts'.
    """
    started = time.monotonic()
    fitted = fit_ngrams(train_split.texts, train_split.truth)
    ngram_logits = fitted.logits(validation_split.texts)
    blend = choose_blend(validation_split.truth, encoder_logits, ngram_logits)
    weights = model.head.weight.detach().cpu().numpy() * blend.encoder[:, None]
    model.set_head(weights, model.head.bias.detach().cpu().numpy() * blend.encoder)
    say(f"n-grams fitted and blended in {time.monotonic() - started:.1f} s, share of the encoder {blend.share:.2f}")
    return blend.mix(encoder_logits, ngram_logits), fitted.scaled(blend.ngrams, blend.offset), blend.share


def cool(model: models.Classifier, fitted: ngrams.Ngrams | None, temperature: float) -> ngrams.Ngrams | None:
    """Divide all logits of the model by the temperature; returns the n-grams that then belong to it."""
    weights, biases = (part.detach().cpu().numpy() / temperature for part in (model.head.weight, model.head.bias))
    model.set_head(weights, biases)
    if fitted is None:
        return None
    return fitted.scaled(np.full(len(biases), 1 / temperature), np.zeros(len(biases)))
