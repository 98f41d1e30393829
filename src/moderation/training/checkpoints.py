"""Checkpoints that a spot interruption can't spoil: written beside, renamed, complete or not taken; no pickle."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

KEPT = 2
COMPLETE = "complete.json"
MODEL, OPTIMIZER, SCHEDULE = "model.safetensors", "optimizer.safetensors", "schedule.json"
MOMENTS = ("exp_avg", "exp_avg_sq", "step")  # what AdamW remembers of a parameter


@dataclass(frozen=True)
class State:
    """What a checkpoint holds."""

    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    schedule: Mapping[str, Any]
    """Of the learning rates."""
    texts: Mapping[str, str]
    """Further small files by name."""


def path_of(directory: Path, step: int) -> Path:
    """Where the checkpoint of a step lies."""
    return directory / f"checkpoint-{step}"


def complete_steps(directory: Path) -> list[int]:
    """Steps whose checkpoints are whole: every file that was written is there with its size."""
    steps = []
    for path in directory.glob("checkpoint-*"):
        number = path.name.removeprefix("checkpoint-")
        if number.isdigit() and _is_complete(path):
            steps.append(int(number))
    return sorted(steps)


def write(directory: Path, step: int, state: State, kept: int | None = None) -> Path:
    """Write the checkpoint of a step and remove all but the newest ones and that of the step `kept`."""
    # what an interrupted attempt left comes back from S3
    for left in directory.glob(".checkpoint-*.partial*"):
        shutil.rmtree(left)

    partial = directory / f".checkpoint-{step}.partial"
    partial.mkdir(parents=True)
    weights = {name: value.detach().cpu().contiguous() for name, value in state.model.state_dict().items()}
    safetensors.torch.save_file(weights, partial / MODEL, metadata={"format": "pt"})
    safetensors.torch.save_file(_optimizer_tensors(state.model, state.optimizer), partial / OPTIMIZER)
    (partial / SCHEDULE).write_text(json.dumps(state.schedule), encoding="utf-8")
    for name, text in state.texts.items():
        (partial / name).write_text(text, encoding="utf-8")
    sizes = {path.name: path.stat().st_size for path in partial.iterdir()}
    # SageMaker copies file by file: the sizes tell a checkpoint that was copied half
    (partial / COMPLETE).write_text(json.dumps({"step": step, "files": sizes}), encoding="utf-8")

    target = path_of(directory, step)
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    for old in complete_steps(directory)[:-KEPT]:
        if old != kept:
            shutil.rmtree(path_of(directory, old))
    return target


def read_model(path: Path, model: torch.nn.Module) -> None:
    """Load a checkpoint's weights into a model of the same shape."""
    model.load_state_dict(safetensors.torch.load_file(path / MODEL))


def read_optimizer(path: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Load what AdamW remembered of each parameter."""
    tensors = safetensors.torch.load_file(path / OPTIMIZER)
    for name, parameter in model.named_parameters():
        moments = {moment: tensors[f"{moment}/{name}"] for moment in MOMENTS if f"{moment}/{name}" in tensors}
        if moments:
            optimizer.state[parameter] = {moment: tensor.to(parameter.device) for moment, tensor in moments.items()}


def read_schedule(path: Path) -> dict[str, Any]:
    """The state of the learning rate schedule."""
    return json.loads((path / SCHEDULE).read_text(encoding="utf-8"))


def _is_complete(path: Path) -> bool:
    try:
        sizes = json.loads((path / COMPLETE).read_text(encoding="utf-8"))["files"]
        return all((path / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, KeyError):  # absent or cut off: the copy to or from S3 was interrupted
        return False


def _optimizer_tensors(model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    return {
        f"{moment}/{name}": optimizer.state[parameter][moment].detach().cpu().contiguous()
        for name, parameter in model.named_parameters()
        if parameter in optimizer.state
        for moment in MOMENTS
    }
