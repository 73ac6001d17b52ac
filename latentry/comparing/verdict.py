"""From the figures of every fit to a table, ranks, and a recommendation in words.

Two models differ clearly in a figure when the mean of their differences over the seeds, which
share split, held-out class and evaluation, is more than two standard errors from zero. A model's
rank in a job is one more than the number of models that are clearly better, but never behind that
of a model with a worse mean; so models without a clear difference share a rank.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .jobs import JOBS, Job, figures_of, measure_of

Values = Mapping[str, Mapping[str, Sequence[float | None]]]
"""Figures by model, by name, one for each seed."""

CLEAR = 2.0
"""Standard errors that a clear difference is worth at least."""


def mean_and_error(values: Sequence[float | None]) -> tuple[float, float]:
    """The mean over the seeds, and its standard error; NaN for what is not known."""
    known = np.array([v for v in values if v is not None], dtype=float)
    if not len(known):
        return math.nan, math.nan
    error = known.std(ddof=1) / math.sqrt(len(known)) if len(known) > 1 else math.nan
    return float(known.mean()), float(error)


def clearly_better(
    a: Sequence[float | None], b: Sequence[float | None], better: str | None
) -> bool:
    """Whether a is clearly better than b, by the differences seed for seed.

    With one seed nothing says how far chance goes, and any difference counts.

    >>> clearly_better([3.0, 3.1, 2.9], [1.0, 1.2, 0.9], "higher")
    True
    >>> clearly_better([3.0, 1.0, 2.0], [1.0, 2.9, 1.9], "higher")
    False
    """
    pairs = [(x, y) for x, y in zip(a, b, strict=True) if x is not None and y is not None]
    if not pairs:
        return False
    gain = np.array([x - y for x, y in pairs]) * (-1 if better == "lower" else 1)
    error = gain.std(ddof=1) / math.sqrt(len(gain)) if len(gain) > 1 else 0.0
    return bool(gain.mean() > CLEAR * error)


def leading(job: Job, values: Values) -> str | None:
    """The figure that ranks a job: the first that some model has."""
    for name in job.leading:
        if any(v is not None for model in values.values() for v in model.get(name, ())):
            return name
    return None


def ranks(job: Job, values: Values) -> dict[str, int]:
    """Each model's rank in a job; a model without the figure has none."""
    name = leading(job, values)
    if name is None:
        return {}
    better = measure_of(name).better
    known = {m: v[name] for m, v in values.items() if any(x is not None for x in v[name])}
    placed = {
        model: 1 + sum(clearly_better(other, mine, better) for other in known.values())
        for model, mine in known.items()
    }
    # A difference may be clear by its error and yet smaller than one that is not: from the worst
    # mean to the best, no model stands behind the one before it.
    worst_first = sorted(
        known, key=lambda m: mean_and_error(known[m])[0], reverse=better == "lower"
    )
    lowest = len(known)
    for model in worst_first:
        lowest = placed[model] = min(placed[model], lowest)
    return {model: placed[model] for model in known}


def table(values: Values, jobs: Sequence[str]) -> Any:
    """One row for each model: NAME and NAME_se for each figure, then rank_JOB for each job.

    A figure that no model has is left out.
    """
    import pandas as pd

    columns: dict[str, list[float]] = {}
    for name in dict.fromkeys(figures_of(jobs)):
        both = [mean_and_error(found.get(name, ())) for found in values.values()]
        if any(math.isfinite(mean) for mean, _ in both):
            columns[name] = [mean for mean, _ in both]
            columns[f"{name}_se"] = [error for _, error in both]
    frame = pd.DataFrame(columns, index=pd.Index(list(values), name="model"))
    for job in jobs:
        placed = ranks(JOBS[job], values)
        if placed:
            frame[f"rank_{job}"] = pd.array([placed.get(m) for m in values], dtype="Int64")
    return frame


def recommend(values: Values, jobs: Sequence[str]) -> list[dict[str, Any]]:
    """What each job's figures say, a dict for each: job, purpose, figure, label, unit, better,
    ranks (by model), best (models), clear (whether one is), sentence.
    """
    found = []
    for name in jobs:
        job = JOBS[name]
        figure = leading(job, values)
        placed = ranks(job, values)
        if figure is None or not placed:
            continue
        about = measure_of(figure)
        sign = -1 if about.better == "lower" else 1
        means = {m: sign * mean_and_error(values[m][figure])[0] for m in placed}
        order = sorted(placed, key=lambda m: -means[m])
        best = [order[0], *(m for m in order[1:] if placed[m] == 1)]
        found.append(
            {
                "job": name,
                "purpose": job.purpose,
                "figure": figure,
                "label": about.label,
                "unit": about.unit,
                "better": about.better,
                "ranks": placed,
                "best": best,
                "clear": len(best) == 1 and len(order) > 1,
                "sentence": _sentence(job, figure, values, order, best),
            }
        )
    return found


def _sentence(
    job: Job, figure: str, values: Values, order: Sequence[str], best: Sequence[str]
) -> str:
    about = measure_of(figure)
    one_seed = all(len(found[figure]) == 1 for found in values.values())

    def said(model: str) -> str:
        return f"{model} ({figure_text(*mean_and_error(values[model][figure]))})"

    rest = [model for model in order if model not in best]
    purpose = job.purpose[0].upper() + job.purpose[1:]
    which = f"{about.label}, {about.better} is better" if about.better else about.label
    if len(order) == 1:
        text = f"{purpose}: only {said(order[0])} can be judged"
    elif len(best) == 1:
        text = f"{purpose}: {said(best[0])} is best, ahead of {_listed([said(m) for m in rest])}"
    else:
        text = f"{purpose}: no clear difference between {_listed([said(m) for m in best])}"
        if rest:
            text += f"; behind them {_listed(map(said, rest))}"
    chance = "; with one seed, chance is not measured" if one_seed and len(order) > 1 else ""
    return f"{text}. By {which}{chance}."


def summary(found: Sequence[Mapping[str, Any]], models: Sequence[str]) -> str:
    """The recommendation in a sentence or two: who is clearly best for what."""
    parts = []
    for model in models:
        wins = [each["purpose"] for each in found if each["clear"] and each["best"] == [model]]
        if wins:
            parts.append(f"{model} to {_listed(wins)}")
    level = [each["purpose"] for each in found if not each["clear"] and len(each["best"]) > 1]
    text = f"Take {'; '.join(parts)}." if parts else ""
    if level:
        text += f" No model is clearly best to {_listed(level, 'or')}."
    return text.strip()


def figure_text(mean: float, error: float) -> str:
    """A mean with its standard error, to the digits that the error leaves.

    >>> figure_text(21.3391, 0.0412)
    '21.34 ± 0.04'
    >>> figure_text(8.89671, 0.00021)
    '8.897 ± 0.0002'
    """
    if math.isnan(mean):
        return "-"
    if math.isnan(error) or error == 0:
        return f"{mean:.4g}".replace("-", "−")
    size = math.floor(math.log10(abs(mean))) if mean else 0
    first = math.floor(math.log10(error))
    # One digit of the error, two where it begins with 1; but no more than four of the mean.
    digits = -first + (error < 2 * 10.0**first)
    digits = max(0, min(digits, max(3 - size, 0), 6))
    small = f"{error:.{digits}f}"
    if not float(small):
        small = f"{error:.1g}"
    return f"{mean:.{digits}f} ± {small}".replace("-", "−")


def _listed(words: Any, last: str = "and") -> str:
    words = list(words)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"
