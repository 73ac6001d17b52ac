"""Several processes that train one model, each on its share of every batch."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from latentry.errors import LatentryError


@dataclass(frozen=True)
class Team:
    """Process number `rank` of `world`."""

    rank: int = 0
    world: int = 1

    @property
    def leads(self) -> bool:
        """True for the one process that writes files and shows progress."""
        return self.rank == 0

    def share(self, batch_size: int) -> int:
        """The largest batch up to `batch_size` of which every process gets as many rows."""
        if batch_size < self.world:
            raise LatentryError(
                f"a batch of {batch_size} rows cannot be shared by {self.world} processes;"
                " start fewer processes, or give more rows or a larger batch_size."
            )
        return batch_size // self.world * self.world

    def total(self, message: Tensor) -> None:
        """Replace `message` by its sum over all processes."""
        if self.world > 1:
            dist.all_reduce(message)

    def follow(self, message: Tensor) -> None:
        """Replace `message` by that of the leading process."""
        if self.world > 1:
            dist.broadcast(message, 0)


def join(device: torch.device) -> Team:
    """The team that torchrun or the caller's own `init_process_group` has put this process in."""
    if not dist.is_available():
        return Team()
    if not dist.is_initialized():
        if int(os.environ.get("WORLD_SIZE", "1")) < 2 or "RANK" not in os.environ:
            return Team()
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return Team(dist.get_rank(), dist.get_world_size())
