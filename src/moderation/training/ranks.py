"""What the ranks of a distributed training say to each other. Tensors only: no object is pickled."""

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import torch
import torch.distributed as dist

# The leader fits the n-grams alone, about a millisecond a row; NCCL would give up on it after ten minutes
PATIENCE = timedelta(hours=1)


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together."""

    rank: int
    """Number of this process, 0 leads."""
    world_size: int
    """Number of processes."""
    local_rank: int
    """Number of this process on its host."""

    @property
    def leads(self) -> bool:
        """Whether this process writes what all share."""
        return self.rank == 0

    def describe(self, device: torch.device) -> str:
        """One line that identifies the process in the log."""
        return (
            f"rank {self.rank} of {self.world_size} on host {os.environ.get('SM_CURRENT_HOST', socket.gethostname())} "
            f"pid {os.getpid()}, {device.type}, {torch.get_num_threads()} threads"
        )

    def own(self, rows: Sequence[int]) -> list[int]:
        """The rows that are this rank's: together the ranks have each exactly once."""
        return list(rows[self.rank :: self.world_size])

    def broadcast(self, values: np.ndarray, device: torch.device) -> np.ndarray:
        """The leader's float64 values in every rank; all pass an array of the same shape."""
        if self.world_size == 1:
            return values
        tensor = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float64)).to(device)
        dist.broadcast(tensor, src=0)
        return tensor.cpu().numpy()

    def share(self, model: torch.nn.Module) -> None:
        """Give every rank the leader's weights."""
        if self.world_size > 1:
            for value in model.state_dict().values():
                dist.broadcast(value, src=0)

    def gather_rows(self, own: np.ndarray, total: int, device: torch.device) -> np.ndarray:
        """All rows (total, columns), in their order, where each rank holds its `own`."""
        if self.world_size == 1:
            return own
        longest = -(-total // self.world_size)
        padded = torch.zeros((longest, own.shape[1]), dtype=torch.float32, device=device)
        padded[: len(own)] = torch.from_numpy(own).to(device)
        parts = [torch.empty_like(padded) for _ in range(self.world_size)]
        dist.all_gather(parts, padded)
        result = np.empty((total, own.shape[1]), dtype=np.float32)
        for rank, part in enumerate(parts):
            count = len(range(rank, total, self.world_size))
            result[rank :: self.world_size] = part[:count].cpu().numpy()
        return result

    def sum(self, values: Sequence[float], device: torch.device) -> list[float]:
        """The element-wise sum over all ranks."""
        return self.begin_sum(values, device)()

    def begin_sum(self, values: Sequence[float], device: torch.device) -> Callable[[], list[float]]:
        """Begin the element-wise sum over all ranks; what is returned waits for it and gives it."""
        if self.world_size == 1:
            return lambda: list(values)
        tensor = torch.tensor(values, dtype=torch.float64, device=device)
        work = dist.all_reduce(tensor, async_op=True)

        def end() -> list[float]:
            work.wait()
            return tensor.tolist()

        return end

    def common(self, numbers: Sequence[int], device: torch.device) -> list[int]:
        """The whole numbers that every rank has, sorted; none may be negative."""
        if self.world_size == 1:
            return sorted(numbers)
        longest = torch.tensor([len(numbers)], device=device)
        dist.all_reduce(longest, dist.ReduceOp.MAX)
        padded = torch.full((int(longest),), -1, dtype=torch.int64, device=device)
        padded[: len(numbers)] = torch.tensor(list(numbers), dtype=torch.int64)
        parts = [torch.empty_like(padded) for _ in range(self.world_size)]
        dist.all_gather(parts, padded)
        return sorted(set.intersection(*(set(part.tolist()) for part in parts)) - {-1})

    def wait(self) -> None:
        """Return when every rank is here."""
        if self.world_size > 1:
            dist.barrier()


def join() -> Ranks:
    """Join the processes that torchrun started, or train alone where it did not."""
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    ranks = Ranks(int(os.environ.get("RANK", "0")), world_size, int(os.environ.get("LOCAL_RANK", "0")))
    if world_size > 1:
        if "SM_NETWORK_INTERFACE_NAME" in os.environ:  # gloo would guess which interface connects the hosts
            os.environ.setdefault("GLOO_SOCKET_IFNAME", os.environ["SM_NETWORK_INTERFACE_NAME"])
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
    return ranks


def leave() -> None:
    """End the membership, so that no rank waits for one that is gone."""
    if dist.is_initialized():
        dist.destroy_process_group()
