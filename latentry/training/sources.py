"""Where batches come from: tensors in memory, or a file larger than memory.

A source is an ordered set of rows. For each epoch it is shuffled by a permutation that follows
from (seed, epoch) alone, so that a run can be taken up at any step, and so that several processes
agree on it without a word: each takes its share of every batch.

Every batch has the same number of rows; the few that are left over at the end of an epoch wait for
the next one, which is shuffled anew.
"""

from __future__ import annotations

import abc
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from latentry.data.arrays import unmap

from .seeds import derive

if TYPE_CHECKING:
    from latentry.data.schema import Schema

Batch = tuple[Tensor, Tensor | None]
"""Rows as the schema packs them, (B, *shape), and their conditions, (B, C) or None."""


class Source(abc.ABC):
    """Rows to train on or to validate with."""

    @abc.abstractmethod
    def __len__(self) -> int:
        """The number of rows."""

    @abc.abstractmethod
    def read(self, rows: Tensor) -> Batch:
        """The rows with these numbers (B,), int64, in this order."""

    @abc.abstractmethod
    def all(self, size: int) -> Iterator[Batch]:
        """Every row in order, at most `size` at a time."""

    def batches(
        self, epoch: int, batch_size: int, seed: int, start: int = 0, rank: int = 0, world: int = 1
    ) -> Iterator[Batch]:
        """The batches of an epoch from batch number `start` on: the share of process `rank`.

        `batch_size` counts the rows of all `world` processes; each gets batch_size // world.
        """
        for rows in self.order(epoch, batch_size, seed, start, rank, world):
            yield self.read(rows)

    def order(
        self, epoch: int, batch_size: int, seed: int, start: int = 0, rank: int = 0, world: int = 1
    ) -> Iterator[Tensor]:
        """The row numbers of each batch, (batch_size // world,)."""
        generator = torch.Generator().manual_seed(derive(seed, "epoch", epoch))
        order = torch.randperm(len(self), generator=generator)
        share = batch_size // world
        for i in range(start, len(self) // batch_size):
            first = i * batch_size + rank * share
            yield order[first : first + share]

    def to(self, device: torch.device) -> Source:
        """The source with its rows on the device, where they fit there; else itself."""
        return self


class TensorSource(Source):
    """Rows in memory: x (N, *shape) of any type. The fast path.

    `rows` (R,) restricts the source to some rows of x without a copy of them; c (R, C), or (N, C)
    where there are no `rows`, is about those alone.
    """

    def __init__(self, x: Tensor, c: Tensor | None = None, rows: Tensor | None = None) -> None:
        self.x, self.c, self.rows = x, c, rows

    def __len__(self) -> int:
        return len(self.x) if self.rows is None else len(self.rows)

    def read(self, rows: Tensor) -> Batch:
        rows = rows.to(self.x.device)
        wanted = rows if self.rows is None else self.rows.index_select(0, rows)
        # index_select, not x[rows]: the same rows at about half the cost on a processor.
        return self.x.index_select(0, wanted), (
            None if self.c is None else self.c.index_select(0, rows)
        )

    def all(self, size: int) -> Iterator[Batch]:
        for i in range(0, len(self), size):
            part = slice(i, i + size)
            x = self.x[part] if self.rows is None else self.x.index_select(0, self.rows[part])
            yield x, None if self.c is None else self.c[part]

    def to(self, device: torch.device) -> Source:
        if self.x.device == device:
            return self
        if device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(device)
            if self.x.nbytes > free // 2:
                return self
        c = None if self.c is None else self.c.to(device)
        return TensorSource(
            self.x.to(device), c, None if self.rows is None else self.rows.to(device)
        )


class MappedSource(Source):
    """Rows of an array that need not fit in memory, such as a memory-mapped `.npy`.

    x: (N, ...) as the user laid it out; `schema.pack` turns a batch of it into a tensor. c: (N, C)
    or None, in memory. `rows` restricts the source to some rows of x, and c is about those alone.

    A batch is read in the order of the file and then shuffled, by a thread that is a few batches
    ahead. What was read is given back to the system as it goes, so that the memory in use does not
    grow with the file.
    """

    AHEAD = 4
    """Batches that are read before they are asked for."""
    RESIDENT = 64 * 2**20
    """About how many bytes of the file may stay mapped, read."""
    AROUND = 2 * 2**20
    """What the system may map around one row that is touched: a huge page."""

    def __init__(
        self,
        x: np.ndarray,
        schema: Schema,
        c: Tensor | None = None,
        rows: np.ndarray | None = None,
    ) -> None:
        self.x, self.schema, self.c = x, schema, c
        self.rows = None if rows is None else np.asarray(rows)

    def __len__(self) -> int:
        return len(self.x) if self.rows is None else len(self.rows)

    def read(self, rows: Tensor) -> Batch:
        wanted = rows.numpy() if self.rows is None else self.rows[rows.numpy()]
        by_place = np.argsort(wanted, kind="stable")
        raw = np.empty((len(wanted), *self.x.shape[1:]), self.x.dtype)
        size = max(1, self.RESIDENT // (raw[:1].nbytes + self.AROUND))
        for i in range(0, len(wanted), size):
            some = by_place[i : i + size]
            raw[some] = self.x[wanted[some]]
            unmap(self.x)
        return self.schema.pack(raw), None if self.c is None else self.c[rows]

    def batches(
        self, epoch: int, batch_size: int, seed: int, start: int = 0, rank: int = 0, world: int = 1
    ) -> Iterator[Batch]:
        yield from self._ahead(self.order(epoch, batch_size, seed, start, rank, world))

    def all(self, size: int) -> Iterator[Batch]:
        row = max(1, self.x[:1].nbytes)
        size = max(1, min(size, self.RESIDENT // row))
        yield from self._ahead(torch.arange(len(self)).split(size))

    def _ahead(self, order: Iterator[Tensor] | tuple[Tensor, ...]) -> Iterator[Batch]:
        waiting: deque[Future[Batch]] = deque()
        with ThreadPoolExecutor(1, thread_name_prefix="latentry-read") as thread:
            try:
                for rows in order:
                    waiting.append(thread.submit(self.read, rows))
                    if len(waiting) > self.AHEAD:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for batch in waiting:
                    batch.cancel()
