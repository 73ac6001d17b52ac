"""The figures and the page of a run, for the verbs that make them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .output import number, say, table

if TYPE_CHECKING:
    from ..data.datasets import Dataset
    from ..estimator import Estimator

ROWS = 2000
"""Rows that a report looks at: enough for its figures, few enough to wait for."""


FIGURES = (
    "elbo", "distortion", "rate", "nll", "nll_stderr", "nll_draws", "bits_per_dim", "mse",
    "active_units",
)  # fmt: skip


def report_rows(est: Estimator, n: int, own: bool) -> tuple[np.ndarray, bool]:
    """The rows to report on, at most ROWS of n, and whether they were held out from training.

    `own` says that the n rows are the model's own data: those held out are taken if there are any.
    """
    from ..fitting import split

    held = split(n, est.valid, est.seed_)[1] if own else np.arange(0)
    rows = held if len(held) else np.arange(n)
    if len(rows) > ROWS:
        rows = np.sort(np.random.default_rng(0).choice(rows, ROWS, replace=False))
    return rows, len(held) > 0


def write_report(
    est: Estimator,
    dataset: Dataset,
    condition: np.ndarray | None,
    run: Path,
    *,
    own: bool,
    draws: int = 100,
) -> tuple[dict[str, Any], Path]:
    """Evaluate the model, draw its page, and give the figures and the page's path."""
    from ..report import report

    rows, held_out = report_rows(est, len(dataset.x), own)
    x = np.asarray(dataset.x[rows])
    c = None if condition is None else condition[rows]
    labels = None if dataset.labels is None else dataset.labels[rows]
    found = est.evaluate(x, draws=draws, condition=c)
    report(est, x, labels, found, run, condition=c, held_out=held_out)
    return found, run / "report.html"


def figures_table(found: dict[str, Any]) -> None:
    """The figures of `evaluate` with their units, and what to know about them."""
    rows = [(name, found[name], found["units"].get(name, "")) for name in FIGURES]
    if found["latent_kl"]:
        shown = " ".join(number(float(each)) for each in found["latent_kl"])
        rows.append(("latent_kl", shown, found["units"]["latent_kl"]))
    table(("figure", "value", "unit"), rows)
    for sentence in found["notes"]:
        say(f"Note: {sentence.rstrip('.')}.")
