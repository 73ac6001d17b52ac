"""Several constraints at once: in which order they mend rows, so that all of them hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from ..data.columns import Column
from ..errors import LatentryError
from .constraints import Combinations, Constraint, Inequality, Made, State, Unique

Rules = Sequence[tuple[Constraint, State]]


def mend(made: Made, rules: Rules) -> None:
    """Make all of them hold in rows that were drawn.

    Raises LatentryError where they cannot hold together, given the cells that are fixed.
    """
    all_rules = [each for each, _ in rules]
    made.columns = bounded(made.columns, all_rules)
    states = {id(each): state for each, state in rules}
    for each in _ordered(all_rules, made):
        each.mend(made, states[id(each)])
    for each, state in rules:
        if each.broken(made.table, state).any():
            raise LatentryError(
                f"{each} cannot hold in every row beside the conditions and the other constraints;"
                " give other conditions, or leave one of them out."
            )


def bounded(columns: Mapping[str, Column], rules: Sequence[Constraint]) -> dict[str, Column]:
    """The columns, with what their values may be so that the greater and lesser ones have room."""
    found = dict(columns)
    inequalities = [each for each in rules if isinstance(each, Inequality)]
    for _ in inequalities:  # as many rounds as the longest chain has links
        for each in inequalities:
            low, high = found[each.low], found[each.high]
            tops = [end for end in (low.high, high.high) if end is not None]
            floors = [end for end in (low.low, high.low) if end is not None]
            found[each.low] = dataclasses.replace(low, high=min(tops, default=None))
            found[each.high] = dataclasses.replace(high, low=max(floors, default=None))
    return found


def _ordered(rules: Sequence[Constraint], made: Made) -> list[Constraint]:
    """Combinations; down from what is fixed, the highest first; then up, a column at a time."""
    inequalities = [each for each in rules if isinstance(each, Inequality)]
    depth = dict.fromkeys(made.columns, 0)
    for _ in inequalities:
        for each in inequalities:
            depth[each.high] = min(max(depth[each.high], depth[each.low] + 1), len(inequalities))
    hanging, down = set(made.fixed), []
    for each in sorted(inequalities, key=lambda each: -depth[each.high]):
        if each.high in hanging:
            hanging.add(each.low)
            down.append(each)
    up: list[Constraint] = [each for each in inequalities if each not in down]
    up += [each for each in rules if isinstance(each, Unique)]
    # What a column must differ in is settled before others are moved away from it.
    up.sort(key=lambda each: (depth[each.names[0]], isinstance(each, Inequality)))
    return [*(each for each in rules if isinstance(each, Combinations)), *down, *up]
