"""One fit of a comparison, and how fast a model is trained."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..estimator import Estimator
from ..persistence import is_run, read_info
from ..training.progress import Reporter
from ..zoo import load
from .entrants import Entrant
from .parts import Part

TRIAL_ROWS = 4000
"""Rows on which the speed of training is measured."""
TRIAL_EPOCHS = 4


def fit(
    entrant: Entrant,
    rows: Part,
    epochs: int | None,
    seed: int,
    run: Path | None = None,
    progress: Reporter | None = None,
) -> Estimator:
    """The model trained on the rows, or the finished run of it that stands in the folder."""
    if run is not None and is_run(run) and read_info(run)["status"] == "finished":
        return load(run)
    est = entrant.make(epochs, seed)
    given = rows.condition if entrant.conditional else None
    with warnings.catch_warnings():
        # What is worth knowing about a fit is in the notes of its history.
        warnings.simplefilter("ignore")
        return est.fit(rows.data, condition=given, folder=run, progress=progress)


@dataclass(frozen=True)
class Speed:
    """What one fit of a model costs: seconds for each epoch, and once."""

    epoch: float
    once: float


def speed_of(entrant: Entrant, train: Part) -> Speed:
    """The speed of a short fit on some of the rows, extended to all of them."""
    some = train.spread(TRIAL_ROWS)
    share = len(train) / len(some)
    began = time.monotonic()
    est = fit(entrant, some, TRIAL_EPOCHS, 0)
    took = time.monotonic() - began
    ends = [float(row["seconds"]) for row in est.history_.rows]
    # The first epoch pays for what torch loads; the middle of the others is the least disturbed.
    epoch = float(np.median(np.diff(ends))) if len(ends) > 1 else ends[-1]
    once = max(took - len(ends) * epoch, 0.0)
    # What comes after training without a prior, a mixture fitted to the codes, grows with the rows.
    return Speed(epoch * share, once if est.model_.has_prior else once * share)
