"""Lower bounds on log p(x) for given rows, in blocks that fit in a processor's cache."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from . import noise
from .bounds import elbo
from .models import Inference, LatentModel

CODES_AT_ONCE = 4096
"""Codes decoded together: more only moves the activations out of the cache."""


def passes(
    model: LatentModel, x: Tensor, c: Tensor | None, draws: int, seed: int
) -> Iterator[Inference]:
    """Passes over x (B, *event) with `draws` codes for each row in all, a block at a time.

    A row's codes depend on the row and the seed alone, not on the rows it comes with.
    """
    at_once = max(1, CODES_AT_ONCE // len(x))
    for start in range(0, draws, at_once):
        with noise.per_row(x, seed, start):
            yield model.infer(x, c, min(at_once, draws - start))


def log_likelihood(
    model: LatentModel, x: Tensor, c: Tensor | None, draws: int, seed: int = 0
) -> Tensor:
    """The importance-weighted bound on log p(x), (B,), in nats.

    Burda et al., 2016, arXiv 1509.00519: it rises to log p(x) with the number of draws.
    """
    total = x.new_full((len(x),), -math.inf)
    for r in passes(model, x, c, draws, seed):
        total = torch.logaddexp(total, torch.logsumexp(r.log_weight, 0))
    return total - math.log(draws)


def score_rows(model: LatentModel, x: Tensor, c: Tensor | None, draws: int, seed: int) -> Tensor:
    """The tightest bound that `draws` draws give for each row, (B,), in nats.

    One draw: the ELBO. Several: the importance-weighted bound. Without a prior: log p(x | z) at
    the code of x, which is no likelihood.
    """
    if model.has_bound and draws > 1:
        return torch.cat([log_likelihood(model, rows, given, draws, seed)
                          for rows, given in _blocks(x, c)])  # fmt: skip
    (r,) = passes(model, x, c, 1, seed)
    return elbo(r) if model.has_bound else -r.distortion[0]


def _blocks(x: Tensor, c: Tensor | None, rows: int = 256) -> Iterator[tuple[Tensor, Tensor | None]]:
    for start in range(0, len(x), rows):
        part = slice(start, start + rows)
        yield x[part], None if c is None else c[part]
