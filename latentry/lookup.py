"""Tables with a row for each column of the data, (C, Q), looked up for values (..., C)."""

from __future__ import annotations

import torch
from torch import Tensor


def place(knots: Tensor, x: Tensor, right: bool = False) -> Tensor:
    """How many of its column's rising knots (C, Q) lie below each of x (..., C), or up to it."""
    if x.shape[-1] == 0:
        return torch.zeros_like(x, dtype=torch.long)
    rows = x.reshape(-1, x.shape[-1]).T.contiguous()
    return torch.searchsorted(knots, rows, right=right).T.reshape(x.shape)


def at(table: Tensor, index: Tensor) -> Tensor:
    """Of a table (C, Q) the entries (..., C) at an index for each column."""
    if index.shape[-1] == 0:
        return torch.zeros_like(index, dtype=table.dtype)
    flat = index.reshape(-1, index.shape[-1]).T
    return table.gather(1, flat.clamp(max=table.shape[1] - 1)).T.reshape(index.shape)
