import json
import multiprocessing
import os
import re
import shutil
import signal
import socket
import sys

import pytest
import safetensors.torch
import torch
from helpers.samples import write_split

from contract.model.archive import SERVING_FOLDERS
from moderation.fitting.validation_scores import read_scores
from moderation.job.dataset import read_labels, read_split
from moderation.model.handler import input_fn, model_fn, predict_fn
from moderation.model.scoring import Scorer
from moderation.training import train as training
from moderation.training.arguments import parse
from moderation.training.train import STOPPED, StopSignal, train
from moderation.training.trainer import ModerationTrainer


class StopAfter(StopSignal):
    """Stands for a SIGTERM that arrives while a given step runs."""

    def __init__(self, steps):
        super().__init__()
        self.left = steps

    @property
    def received(self):
        self.left -= 1
        return self.left < 0

    @received.setter
    def received(self, value):
        pass


def options(dataset, base_model, model_dir, **changes):
    values = {
        "train": dataset / "train",
        "validation": dataset / "validation",
        "base-model": base_model,
        "model-dir": model_dir,
        "epochs": 2,
        "batch-size": 8,
        "max-length": 16,
        "precision": "fp32",
        "dropout": 0.2,
        "progress-seconds": 0,
        **changes,
    }
    return [text for name, value in values.items() for text in (f"--{name}", str(value))]


def weights(model_dir):
    return safetensors.torch.load_file(model_dir / "model.safetensors")


def as_trained(model_dir):
    """The weights before the head was divided by the temperature."""
    temperature = json.loads((model_dir / "training.json").read_text())["temperature"]
    return {
        name: value * temperature if name.startswith("head.") else value for name, value in weights(model_dir).items()
    }


def furthest(one, other):
    return max(float((one[name] - other[name]).abs().max()) for name in one)


@pytest.fixture(scope="module")
def trained(dataset, base_model, tmp_path_factory):
    """Model directory and log of an uninterrupted training."""
    directory = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAGEMAKER_BASE_DIR", str(directory))
        lines = []
        patch.setattr(sys.stdout, "write", lines.append)
        assert training.main(options(dataset, base_model, directory / "model")) == 0
    return directory / "model", "".join(lines)


def test_a_trained_model_serves_by_itself_and_has_learnt(trained):
    model_dir, _ = trained
    assert sorted(path.name for path in model_dir.iterdir()) == [
        "code",
        "config.json",
        "labels.json",
        "model.safetensors",
        "ngrams.json",
        "ngrams.safetensors",
        "policy.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "training.json",
        "validation_scores.safetensors",
        "words.json",
    ]
    code = {path.relative_to(model_dir / "code") for path in (model_dir / "code").rglob("*.py")}
    assert {path.parent.as_posix() for path in code} == {".", "contract", "moderation", *SERVING_FOLDERS}
    moderator = model_fn(str(model_dir))
    texts = ["you are fool and nice", "you are kind and nice", "run the soup is hot"]
    insult, clean, threat = predict_fn(input_fn(json.dumps({"texts": texts}), "application/json"), moderator)["results"]
    assert insult["labels"]["insult"]["score"] > 1.5 * clean["labels"]["insult"]["score"]
    assert threat["labels"]["threat"]["score"] > 1.5 * clean["labels"]["threat"]["score"]


def test_the_policy_was_chosen_on_the_scores_that_the_model_serves(trained, dataset):
    """Blend and temperature are folded into the weights: what was measured on validation is what is answered."""
    split = read_split(dataset / "validation", read_labels(dataset))
    served = Scorer.load(trained[0]).score(split.texts).probs
    assert json.loads((trained[0] / "training.json").read_text())["temperature"] != 1
    assert served == pytest.approx(read_scores(trained[0]).probs, abs=2e-3)


def test_the_log_has_metrics_progress_and_the_rank(trained):
    _, log = trained
    assert re.search(r"^rank 0 of 1 on host \S+ pid \d+, cpu, \d+ threads$", log, re.M)
    progress = r"^progress epoch 2\.00 of 2, step 24 of 24, loss \d\.\d+, [\d.]+ samples/s, about 0 s left$"
    assert re.search(progress, log, re.M)
    names = re.findall(r"^metric (\w+)=[-+.\de]+$", log, re.M)
    assert names.count("eval_macro_average_precision") == 2
    assert {"train_loss", "train_samples_per_second", "eval_loss", "eval_macro_auroc"} < set(names)
    assert "train_samples_per_second_per_worker" in names
    assert re.search(r"^[\d.]+% of the tokens are unknown to the tokenizer$", log, re.M)


def test_the_record_says_how_the_model_came_to_be(trained):
    record = json.loads((trained[0] / "training.json").read_text())
    assert record["hyperparameters"]["batch_size"] == 8
    assert record["steps"] == 24
    assert record["world_size"] == 1
    assert record["lineage"] == "0123456789abcdef"
    assert record["metrics"]["eval_macro_auroc"] > 0.9
    assert record["samples_per_second"] > 0
    assert record["unknown_token_share"] == 0
    assert str(trained[0].parent) not in json.dumps(record)


def test_a_training_resumed_twice_ends_as_if_never_stopped(trained, dataset, base_model, tmp_path, monkeypatch, capsys):
    """Interrupted in the first epoch, and again in the second."""
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    arguments = parse(options(dataset, base_model, tmp_path / "model"))
    assert train(arguments, StopAfter(4)) == STOPPED
    assert "stopped by a signal after step 5" in capsys.readouterr().out
    assert not (tmp_path / "model").exists()
    half_written = tmp_path / "checkpoints" / "checkpoint-99"
    half_written.mkdir()
    (half_written / "model.safetensors").write_bytes(b"half")
    assert train(arguments, StopAfter(11)) == STOPPED
    log = capsys.readouterr().out
    assert "resuming from checkpoint-5" in log
    assert "stopped by a signal after step 17" in log
    assert train(arguments, StopSignal()) == 0
    assert "resuming from checkpoint-17" in capsys.readouterr().out
    assert furthest(weights(tmp_path / "model"), weights(trained[0])) < 1e-5


def test_a_checkpoint_of_another_recipe_is_refused(dataset, base_model, tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    assert train(parse(options(dataset, base_model, tmp_path / "model")), StopAfter(2)) == STOPPED
    with pytest.raises(ValueError, match="found a checkpoint of a run with other hyperparameters"):
        train(parse(options(dataset, base_model, tmp_path / "model", epochs=3)), StopSignal())
    relabelled = tmp_path / "relabelled"
    shutil.copytree(dataset, relabelled)
    split = read_split(dataset / "train", ["insult", "threat"])
    shutil.rmtree(relabelled / "train")
    write_split(relabelled / "train", split.texts, 1 - split.truth, ["insult", "threat"])
    with pytest.raises(ValueError, match="hyperparameters, labels or rows"):
        train(parse(options(relabelled, base_model, tmp_path / "model")), StopSignal())


def scored_by_epoch(monkeypatch, *scores):
    """Let validation find these macro average precisions, one an epoch, whatever the model has learnt."""
    measure, left = ModerationTrainer._measure, iter(scores)

    def measured(trainer):
        measure(trainer)
        trainer.validation_metrics["eval_macro_average_precision"] = next(left, scores[-1])

    monkeypatch.setattr(ModerationTrainer, "_measure", measured)


def test_training_stops_when_it_gets_no_better_and_keeps_the_best_epoch(
    dataset, base_model, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    scored_by_epoch(monkeypatch, 0.9, 0.5)
    assert train(parse(options(dataset, base_model, tmp_path / "stopped", epochs=4, ngrams="false")), StopSignal()) == 0
    log = capsys.readouterr().out
    assert "no better for 1 epochs: training ends after step 24" in log
    assert "kept the model of step 12" in log
    first_epoch = safetensors.torch.load_file(tmp_path / "checkpoints" / "checkpoint-12" / "model.safetensors")
    assert furthest(as_trained(tmp_path / "stopped"), first_epoch) < 1e-6
    assert json.loads((tmp_path / "stopped" / "training.json").read_text())["steps"] == 12


def test_a_resumed_training_remembers_the_best_epoch(dataset, base_model, tmp_path, monkeypatch, capsys):
    """Interrupted before and after the epoch that was worse than the first, it keeps the first all the same.

    Without patience, no epoch is left out.
    """
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    arguments = parse(options(dataset, base_model, tmp_path / "model", epochs=3, patience=0, ngrams="false"))
    scored_by_epoch(monkeypatch, 0.9)
    assert train(arguments, StopAfter(16)) == STOPPED
    scored_by_epoch(monkeypatch, 0.5)
    assert train(arguments, StopAfter(12)) == STOPPED
    assert "stopped by a signal after step 30" in capsys.readouterr().out
    scored_by_epoch(monkeypatch, 0.4)
    assert train(arguments, StopSignal()) == 0
    log = capsys.readouterr().out
    assert "step 36 of 36" in log
    assert "training ends" not in log
    assert "kept the model of step 12" in log
    first_epoch = safetensors.torch.load_file(tmp_path / "checkpoints" / "checkpoint-12" / "model.safetensors")
    assert furthest(as_trained(tmp_path / "model"), first_epoch) < 1e-6


def test_an_epoch_that_a_signal_ended_is_evaluated_on_resuming(dataset, base_model, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    arguments = parse(options(dataset, base_model, tmp_path / "model", ngrams="false"))
    scored_by_epoch(monkeypatch, 0.9, 0.5)
    assert train(arguments, StopAfter(11)) == STOPPED
    assert "metric eval" not in capsys.readouterr().out
    assert train(arguments, StopSignal()) == 0
    assert "kept the model of step 12" in capsys.readouterr().out


def test_an_interruption_after_the_last_epoch_does_not_train_on(dataset, base_model, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    arguments = parse(options(dataset, base_model, tmp_path / "model", epochs=4, ngrams="false"))
    scored_by_epoch(monkeypatch, 0.9, 0.5)
    with monkeypatch.context() as patch:
        patch.setattr(training, "save", interrupted)
        with pytest.raises(InterruptedError):
            train(arguments, StopSignal())
    capsys.readouterr()
    assert train(arguments, StopSignal()) == 0
    log = capsys.readouterr().out
    assert "progress" not in log
    assert log.count("metric eval_macro_average_precision") == 1
    assert "kept the model of step 12" in log
    assert json.loads((tmp_path / "model" / "training.json").read_text())["steps"] == 12


def interrupted(*args):
    raise InterruptedError


def test_rows_worked_through_in_parts_make_the_same_model(dataset, base_model, tmp_path, monkeypatch):
    made = []
    for parts in (1, 3):
        monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path / str(parts)))
        arguments = options(dataset, base_model, tmp_path / f"model-{parts}", epochs=1, dropout=0, accumulation=parts)
        assert train(parse(arguments), StopSignal()) == 0
        made.append(weights(tmp_path / f"model-{parts}"))
    assert furthest(*made) < 1e-4


def one_of_two_ranks(rank, port, arguments, directory, stop):
    """Child process: train as torchrun would start it, with its own host's directories and its log in a file."""
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)  # inherited from trainings of the parent
    os.environ |= {
        "SAGEMAKER_BASE_DIR": str(directory / f"host-{rank}"),
        "SM_CURRENT_HOST": f"algo-{rank}",
        "SM_NETWORK_INTERFACE_NAME": "lo",
        **{"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)},
        **{"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": "0"},
    }
    training.StopSignal = lambda: stop
    with (directory / f"log-{rank}").open("w") as sys.stdout:
        sys.exit(training.main(arguments))


def train_in_two_ranks(dataset, base_model, directory, changes, stops):
    """Exit statuses and logs of two real processes over gloo; rank r has the stop signal stops[r]."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = []
    for rank, stop in enumerate(stops):
        arguments = options(dataset, base_model, directory / f"model-{rank}", **changes)
        # forked, because a fresh interpreter spends seconds on imports
        process = multiprocessing.get_context("fork").Process(
            target=one_of_two_ranks, args=(rank, port, arguments, directory, stop), daemon=True
        )
        process.start()
        processes.append(process)
    for process in processes:
        process.join(timeout=40)
        process.kill()  # SIGTERM, which would end it at the end of the tests, it takes for a spot interruption
    return [process.exitcode for process in processes], [(directory / f"log-{rank}").read_text() for rank in range(2)]


def train_losses(log):
    return [float(found) for found in re.findall(r"^metric train_loss=(.*)$", log, re.M)]


def test_two_ranks_make_the_model_of_one(dataset, base_model, tmp_path, monkeypatch, capsys):
    """Without dropout, which each rank draws for itself, one rank is the reference.

    The second of three epochs is the best: the second rank, whose host has no checkpoint, must get its weights.
    """
    scored_by_epoch(monkeypatch, 0.5, 0.9, 0.4, 0.9)
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path / "alone"))
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    changes = {"dropout": 0, "epochs": 3}
    assert train(parse(options(dataset, base_model, tmp_path / "one", **changes)), StopSignal()) == 0
    scored_by_epoch(monkeypatch, 0.5, 0.9, 0.4, 0.9)
    log = capsys.readouterr().out
    statuses, logs = train_in_two_ranks(dataset, base_model, tmp_path, changes, [StopSignal(), StopSignal()])
    assert statuses == [0, 0], logs
    assert "rank 0 of 2 on host algo-0" in logs[0]
    assert "rank 1 of 2 on host algo-1" in logs[1]
    assert "metric" not in logs[1]
    assert not (tmp_path / "model-1").exists()
    one, two = weights(tmp_path / "one"), weights(tmp_path / "model-0")
    assert furthest(one, two) < 1e-3
    assert [text.count("kept the model of step 24") for text in logs] == [1, 0]
    assert train_losses(logs[0]) == pytest.approx(train_losses(log), abs=1e-3)
    records = [json.loads((tmp_path / name / "training.json").read_text()) for name in ("one", "model-0")]
    assert records[0]["metrics"] == pytest.approx(records[1]["metrics"], abs=1e-3)
    speeds = records[1]["worker_samples_per_second"]
    assert len(speeds) == 2
    assert min(speeds) > 0
    told = dict(re.findall(r"^metric (train_samples_per_second\w*)=(.*)$", logs[0], re.M))
    assert float(told["train_samples_per_second_per_worker"]) == pytest.approx(sum(speeds) / 2, abs=0.02)
    assert float(told["train_samples_per_second"]) == pytest.approx(sum(speeds), abs=0.02)


def test_a_signal_to_one_rank_stops_both_after_the_same_step(dataset, base_model, tmp_path, monkeypatch):
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    statuses, logs = train_in_two_ranks(dataset, base_model, tmp_path, {}, [StopSignal(), StopAfter(4)])
    assert statuses == [STOPPED, STOPPED], logs
    for rank, log in enumerate(logs):
        assert f"rank {rank} stopped by a signal after step 5; the next start resumes there" in log
    assert (tmp_path / "host-0" / "checkpoints" / "checkpoint-5").is_dir()
    assert not (tmp_path / "model-0").exists()


def test_a_failure_leaves_its_reason_where_sagemaker_reads_it(dataset, base_model, tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    with pytest.raises(ValueError, match="--max-length"):
        training.main(options(dataset, base_model, tmp_path / "model", **{"max-length": 500}))
    reason = (tmp_path / "output" / "failure").read_text()
    assert reason.startswith("ValueError: --max-length: found 500, expected at most 64")
    assert not (tmp_path / "model").exists()


def test_a_training_that_diverges_says_so_and_leaves_no_model(dataset, base_model, tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    with pytest.raises(ValueError, match=r"became nan or infinite at step \d+ of \d+: lower the learning rate"):
        training.main(options(dataset, base_model, tmp_path / "model", **{"learning-rate": 1e30}))
    assert "lower the learning rate" in (tmp_path / "output" / "failure").read_text()
    assert not (tmp_path / "model").exists()


def test_texts_of_which_the_tokenizer_knows_nothing_stop_before_the_first_step(
    dataset, base_model, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    foreign = shutil.copytree(base_model, tmp_path / "foreign")
    tokenizer = json.loads((foreign / "tokenizer.json").read_text())
    words = tokenizer["model"]["vocab"]
    renamed = {word if word.startswith("[") else f"ไทย{number}": number for word, number in words.items()}
    tokenizer["model"]["vocab"] = renamed
    (foreign / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ValueError, match=r"does not know 100% of the tokens .* a multilingual one"):
        training.main(options(dataset, foreign, tmp_path / "model"))
    assert "progress" not in capsys.readouterr().out


def test_sigterm_is_remembered_and_not_deadly():
    before = signal.getsignal(signal.SIGTERM)
    stop = StopSignal()
    stop.listen()
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.received
    finally:
        signal.signal(signal.SIGTERM, before)


def test_compilation_keeps_the_names_of_the_weights(trained, dataset, base_model, tmp_path, monkeypatch):
    """Compiled in earnest it takes half a minute; here the compiler is asked and changes nothing."""
    asked = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module, **options: asked.append((module, options)))
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    arguments = parse(options(dataset, base_model, tmp_path / "model", epochs=1, compile="true"))
    assert train(arguments, StopSignal()) == 0
    ((module, settings),) = asked
    assert type(module).__name__ == "BertModel"
    assert settings == {"dynamic": True}
    assert weights(tmp_path / "model").keys() == weights(trained[0]).keys()
