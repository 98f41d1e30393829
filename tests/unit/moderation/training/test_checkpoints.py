import json

import pytest
import torch

from moderation.training import checkpoints


def trained(seed=1):
    torch.manual_seed(seed)
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    step(model, optimizer)
    return model, optimizer


def step(model, optimizer):
    optimizer.zero_grad()
    model(torch.arange(6.0).reshape(2, 3)).square().sum().backward()
    optimizer.step()


def write(directory, number, model, optimizer):
    state = checkpoints.State(model, optimizer, {"last_epoch": number}, {"run.json": "{}"})
    return checkpoints.write(directory, number, state)


def test_a_restored_optimizer_goes_on_as_if_nothing_had_happened(tmp_path):
    model, optimizer = trained()
    path = write(tmp_path, 1, model, optimizer)
    step(model, optimizer)
    restored, fresh = trained(seed=2)
    checkpoints.read_model(path, restored)
    checkpoints.read_optimizer(path, restored, fresh)
    step(restored, fresh)
    assert torch.equal(restored.weight, model.weight)
    assert checkpoints.read_schedule(path) == {"last_epoch": 1}


def test_a_checkpoint_holds_no_pickle(tmp_path):
    path = write(tmp_path, 1, *trained())
    assert {item.suffix for item in path.iterdir()} == {".json", ".safetensors"}


def test_only_the_newest_stay(tmp_path):
    for number in (1, 2, 30):
        write(tmp_path, number, *trained())
    assert checkpoints.complete_steps(tmp_path) == [2, 30]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-2", "checkpoint-30"]


@pytest.mark.parametrize("damage", ["cut", "missing", "no list", "broken list"])
def test_half_a_checkpoint_is_not_taken(tmp_path, damage):
    write(tmp_path, 1, *trained())
    path = write(tmp_path, 2, *trained())
    if damage == "cut":
        (path / "model.safetensors").write_bytes((path / "model.safetensors").read_bytes()[:-1])
    elif damage == "missing":
        (path / "optimizer.safetensors").unlink()
    elif damage == "no list":
        (path / "complete.json").unlink()
    else:
        (path / "complete.json").write_text('{"files": ')
    assert checkpoints.complete_steps(tmp_path) == [1]


def test_a_write_that_dies_leaves_no_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(json, "dumps", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write(tmp_path, 1, *trained())
    assert checkpoints.complete_steps(tmp_path) == []
    assert not (tmp_path / "checkpoint-1").exists()
