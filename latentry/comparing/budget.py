"""From a time to spend to one number of epochs for all models."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import LatentryError
from .entrants import Entrant
from .fits import Speed

MOST_EPOCHS = 500
"""However much time there is: weights are kept by validation, and more would only overfit."""
MARGIN = 0.92
"""The share of the time that is planned for; machines are not equally fast all the time."""
EVALUATING = 0.35
"""The share of the time above which fewer rows are measured on."""
FEWEST_ROWS = 300

UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def seconds_of(budget: str | float) -> float:
    """Seconds from a number of them or from 90s, 10m, 1h, 1h30m.

    Raises LatentryError for a text that is no time, and for none.

    >>> seconds_of("1h30m")
    5400.0
    """
    text = f"{budget}s" if isinstance(budget, int | float) else budget.strip().lower()
    text = f"{text}s" if re.fullmatch(r"[\d.]+", text) else text
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(h|min|m|s)", text)
    if not parts or "".join(a + b for a, b in parts) != re.sub(r"\s", "", text):
        raise LatentryError(f"the budget {budget!r} is no time; write 90s, 10m or 1h.")
    total = sum(float(number) * UNITS[unit] for number, unit in parts)
    if not total > 0:
        raise LatentryError(f"the budget {budget!r} leaves no time; write 90s, 10m or 1h.")
    return total


@dataclass(frozen=True)
class Plan:
    """What a comparison holds to, however often it is taken up again.

    epochs : for every fit; None for each model's own number
    rows : measured on, at most
    seconds : the work of each (model, seed), by model, as it was foreseen; for the progress bar
    note : what to know about it
    """

    epochs: int | None
    rows: int
    seconds: dict[str, float]
    note: str | None = None


def plan(
    budget: float,
    spent: Callable[[], float],
    speeds: Mapping[str, Speed],
    fits: Mapping[str, int],
    evaluating: float,
    rows: int,
    seeds: int,
    after: float,
) -> Plan:
    """One number of epochs, with which the whole comparison ends inside `budget` seconds.

    spent: seconds that have passed. fits: how many fits each model takes for each seed.
    evaluating: seconds that measuring a model on `rows` rows takes. after: seconds that are kept
    for what follows.
    """
    runs = seeds * len(speeds)
    if runs * evaluating > EVALUATING * budget:
        fewer = max(min(FEWEST_ROWS, rows), int(rows * EVALUATING * budget / (runs * evaluating)))
        evaluating, rows = evaluating * fewer / rows, fewer
    once = sum(seeds * fits[name] * speed.once for name, speed in speeds.items())
    each = sum(seeds * fits[name] * speed.epoch for name, speed in speeds.items())
    left = MARGIN * budget - spent() - after - once - runs * evaluating
    epochs = math.floor(left / each)
    note = None
    if epochs < 1:
        needed = (MARGIN * budget - left + each) / MARGIN
        note = (
            f"The budget of {budget:.0f} s is too small: every model was trained for one epoch,"
            f" which takes about {needed:.0f} s in all; give a larger budget or fewer seeds."
        )
    epochs = min(max(epochs, 1), MOST_EPOCHS)
    seconds = {
        name: fits[name] * (speed.once + epochs * speed.epoch) + evaluating
        for name, speed in speeds.items()
    }
    return Plan(epochs, rows, seconds, note)


def unplanned(entrants: Sequence[Entrant], epochs: int | None, rows: int) -> Plan:
    """Without a budget: the epochs that were asked for, or each model's own."""
    return Plan(epochs, rows, {each.name: 1.0 for each in entrants})
