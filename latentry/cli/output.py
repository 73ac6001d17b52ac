"""Where the command line's words go: results to stdout, all else to stderr."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table


def out() -> Console:
    """Results for people, on stdout."""
    return Console(highlight=False, soft_wrap=True)


def err() -> Console:
    """Progress, notes and errors, on stderr."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def plain(value: Any) -> Any:
    """A value that JSON can hold: numbers that are none (NaN, infinity) become null."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple | set):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)


def emit(result: Mapping[str, Any]) -> None:
    """The one JSON object of --json."""
    print(json.dumps(plain(result), ensure_ascii=False))


def say(text: str) -> None:
    """A line for people on stdout; brackets in it are brackets, not markup."""
    out().print(text, markup=False)


def note(text: str) -> None:
    """A line beside the result, on stderr."""
    err().print(text, markup=False, style="dim")


def number(value: Any) -> str:
    """A figure for people."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    title: str | None = None,
    header: bool = True,
) -> None:
    """A table on stdout."""
    grid = Table(
        *columns, title=title, title_justify="left", box=None, pad_edge=False, show_header=header
    )
    for row in rows:
        grid.add_row(*(number(cell) for cell in row))
    # Fold rather than cut: a value that is not shown whole is no use to somebody who reads a log.
    for i, column in enumerate(grid.columns):
        column.overflow, column.no_wrap = "fold", i == 0
    Console(highlight=False, markup=False).print(grid)
