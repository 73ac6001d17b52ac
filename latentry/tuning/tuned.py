"""What a search gives back, and what is to be said about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..estimator import Estimator

if TYPE_CHECKING:
    import pandas as pd
    from optuna import Study

BOUND = "held-out bound on log p(x), nats for each row (importance-weighted, 16 draws)"
RECONSTRUCTION = "held-out log p(x|z) at the code, nats for each row"
WEIGHTED = (
    "Trials are compared by the unweighted bound: a weight of the rate (beta) that is not 1 helps"
    " only where it helps that."
)
ONLY_RECONSTRUCTION = (
    "This model has no bound: trials are compared by their reconstruction, which more dimensions"
    " can only help."
)


ABOUT_TRIALS = ("trial", "value", "state", "epochs", "seconds")
"""Columns of the table that come before the fields."""


@dataclass
class Tuned:
    """What a search found.

    best : the fitted model of the best trial
    table : one row for each trial: trial, value, state, epochs, seconds, then the fields
    study : the Optuna study, for its plots and more trials of one's own
    value : of the best trial, higher is better; `unit` says what it is
    notes : what to know before comparing
    folder : of the best model's run, where a folder was given
    """

    best: Estimator
    table: pd.DataFrame
    study: Study
    value: float
    unit: str
    notes: list[str] = field(default_factory=list)
    folder: Path | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """The fields that were searched, as the best model has them."""
        names = list(self.table.columns)[len(ABOUT_TRIALS) :]
        return {name: getattr(self.best, name) for name in names}
