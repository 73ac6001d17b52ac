"""Training an estimator, and keeping the run in a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from . import persistence, sampling
from .building import build_model, choices, options, seed
from .core.corruptions import Binarize
from .data.transforms import Transform
from .errors import Interrupted
from .training import MappedSource, Reporter, RichReporter, Source, TensorSource, train

if TYPE_CHECKING:
    from .estimator import Estimator

FEWEST_HELD_OUT = 5
"""With fewer rows than this to hold out, there is no validation: it would say nothing."""

ROWS_TO_START_FROM = 1024
"""Rows from which a model takes its first scales."""


def fit(
    est: Estimator,
    array: np.ndarray,
    c: Tensor | None,
    folder: Path | None,
    origin: dict[str, Any] | None,
    progress: Reporter | None = None,
    labels: Tensor | None = None,
) -> None:
    """Train `est` on the array, and keep the run in `folder` where one is given.

    labels: what the model learns to predict, (N, L), which is given to it beside c (N, C).
    """
    if progress is None and est.verbose:
        progress = RichReporter()
    train_rows, valid_rows = split(len(array), est.valid, est.seed_)
    est.scaler_ = Transform.fit(est.schema_, array)
    with torch.random.fork_rng():
        torch.manual_seed(est.seed_)
        est.model_ = build_model(est, est.schema_, 0 if c is None else c.shape[1])
        objective = est.objective()  # which may have weights of its own
    est.likelihood_, est.net_, est.choices_ = choices(est, est.schema_)
    objective.expect(len(train_rows))
    numbers = _numbers(est, len(array), train_rows)
    given = [part for part in (c, labels, numbers) if part is not None]
    beside = torch.cat(given, 1) if given else None
    source, valid = _sources(est, array, beside, train_rows, valid_rows)
    assert source is not None  # a schema has at least two rows, and no split holds out all
    _start(est, source)
    if folder is not None:
        persistence.start(est, folder, origin, fingerprint(array))
    try:
        est.prepare(source, None if folder is None else folder / "before")
        est.history_ = train(
            est.model_,
            nn.Sequential(est.scaler_, Binarize()) if est.binarize else est.scaler_,
            objective,
            source,
            valid,
            options(est, est.seed_),
            folder=folder,
            progress=progress,
        )
    except Interrupted:
        if folder is not None:
            persistence.mark(folder, "interrupted")
        raise
    est.model_.eval()
    est.complete(source)
    sampling.begin(est, _scaled(est, source) if est.sampled else None)
    if folder is not None:
        persistence.finish(est, folder)


def seed_of(est: Estimator, folder: Path | None) -> int:
    """The seed of the unfinished run in `folder`, if there is one, else the estimator's own."""
    if folder is not None and est.random_state is None and persistence.is_run(folder):
        return int(persistence.read_info(folder)["seed"])
    return seed(est.random_state)


def split(n: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers to train on and to hold out, both in rising order."""
    held = round(n * share)
    if held < FEWEST_HELD_OUT:
        return np.arange(n), np.arange(0)
    order = np.random.default_rng(seed).permutation(n)
    return np.sort(order[held:]), np.sort(order[:held])


def _numbers(est: Estimator, rows: int, train_rows: np.ndarray) -> Tensor | None:
    """The numbers that a model gives its training rows, -1 for all others, (rows, 1), if any."""
    own = est.number_rows(len(train_rows))
    if own is None:
        return None
    numbers = torch.full((rows, 1), -1.0)
    numbers[torch.from_numpy(train_rows), 0] = torch.from_numpy(own).float()
    return numbers


def _sources(
    est: Estimator, array: np.ndarray, c: Tensor | None, *parts: np.ndarray
) -> list[Source | None]:
    """A source for each part of the rows, None for an empty one; no row is copied."""
    packed = None if isinstance(array, np.memmap) else est.schema_.pack(array)

    def source(rows: np.ndarray) -> Source | None:
        if not len(rows):
            return None
        given = None if c is None else c[torch.from_numpy(rows)]
        if packed is None:
            return MappedSource(array, est.schema_, given, rows=rows)
        whole = len(rows) == len(packed)
        return TensorSource(packed, given, None if whole else torch.from_numpy(rows))

    return [source(rows) for rows in parts]


def _start(est: Estimator, source: Source) -> None:
    """Raise where the likelihood cannot score the data, then start the model from some rows."""
    likelihood = est.model_.likelihood
    first = None
    for raw, _ in source.all(ROWS_TO_START_FROM):
        x = est.scaler_(raw)
        likelihood.check(x)
        first = x if first is None else first
    assert first is not None
    est.model_.start(first)


def _scaled(est: Estimator, source: Source) -> Iterator[tuple[Tensor, Tensor | None]]:
    """The rows of a source in the model's scale, on its device."""
    device = next(est.model_.parameters()).device
    for x, c in source.all(4096):
        yield est.scaler_(x.to(device)), None if c is None else c.to(device)


def fingerprint(array: np.ndarray) -> str:
    """A short checksum of the data: its shape and up to a thousand rows spread over it."""
    rows = array[:: max(1, len(array) // 1000)]
    digest = hashlib.sha256(f"{array.shape}{array.dtype}".encode())
    digest.update(np.ascontiguousarray(rows).tobytes())
    return digest.hexdigest()[:16]
