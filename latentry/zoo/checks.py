"""What the fields of named models may be."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import LatentryError, suggest


def at_least(field: str, value: float, least: float, *, above: bool = False) -> None:
    """Raise where a field's value is below `least`, or not `above` it."""
    if value < least or (above and value == least):
        what = f"above {least:g}" if above else f"{least:g} or more"
        raise LatentryError(f"{field}={value}: give a number {what}.")


def share(field: str, value: float) -> None:
    """Raise where a field's value is no number from 0 to 1."""
    if not 0 <= value <= 1:
        raise LatentryError(f"{field}={value}: give a number from 0 to 1.")


def one_of(field: str, value: str, known: Sequence[str]) -> None:
    """Raise where a field's value is none of the known words."""
    if value not in known:
        raise LatentryError(
            f"{field}={value!r} is unknown; there are {', '.join(known)}." + suggest(value, known)
        )
