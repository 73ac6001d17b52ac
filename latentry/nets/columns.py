"""What a net sees of a row of a table of mixed columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

MOST = 16
"""The most numbers that stand for a level."""


class Column(Protocol):
    """What is asked of a column: see `latentry.data.Column`."""

    @property
    def ordered(self) -> bool: ...
    @property
    def size(self) -> int: ...


class Embed(nn.Module):
    """Rows (B, D) of a table, in the model's scale -> (B, width).

    A number stays itself, 0 where it is missing; with `missing`, another says whether it was seen.
    A level without an order is looked up in a table of learned vectors, of about the square root of
    the most levels numbers each, so that thousands of levels need no thousands of inputs. A level
    that is missing has a vector of its own, which starts at 0.
    """

    line: Tensor
    levels: Tensor
    first: Tensor
    last: Tensor

    def __init__(self, columns: Sequence[Column], missing: bool = False) -> None:
        super().__init__()
        self.missing = missing
        sizes = [c.size for c in columns if not c.ordered]
        starts = [sum(n + 1 for n in sizes[:i]) for i in range(len(sizes))]
        places = {
            "line": [i for i, c in enumerate(columns) if c.ordered],
            "levels": [i for i, c in enumerate(columns) if not c.ordered],
            "first": starts,
            "last": [size - 1 for size in sizes],
        }
        for name, where in places.items():
            self.register_buffer(name, torch.tensor(where, dtype=torch.long), persistent=False)
        each = min(MOST, math.ceil(math.sqrt(max(sizes, default=1))))
        self.table = nn.Embedding(sum(sizes) + len(sizes), each) if sizes else None
        if self.table is not None:
            with torch.no_grad():
                self.table.weight[self.first + self.last + 1] = 0.0
        numbers = len(self.line) * (2 if missing else 1)
        self.out_features = numbers + each * len(sizes)

    def width(self, shape: tuple[int, ...]) -> int:
        """How many numbers come out."""
        return self.out_features

    def forward(self, x: Tensor) -> Tensor:
        number = x[:, self.line]
        unseen = torch.isnan(number)
        parts = [torch.where(unseen, 0.0, number)]
        if self.missing:
            parts.append((~unseen).to(x.dtype))
        if self.table is not None:
            level = x[:, self.levels]
            gone = torch.isnan(level)
            k = torch.where(gone, 0.0, level).round().long().clamp(min=0)
            k = torch.where(gone, self.last + 1, torch.minimum(k, self.last))
            parts.append(self.table(k + self.first).flatten(1))
        return torch.cat(parts, 1)
