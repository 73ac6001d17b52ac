"""Figures and rows of a model of a table of mixed columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.datasets import packed
from ..data.schema import Schema
from ..evaluation.reconstruction import cell_errors
from .job import short
from .picture import DATA, INK, MUTED, SMALL, WIDTH, Picture, canvas, style
from .views import count, drawn_from, one_of_each, pick, spread

if TYPE_CHECKING:
    from ..estimator import Estimator

ROWS = 2000
"""Rows that a picture looks at."""
SHOWN = 4
"""Rows that are written out."""
STEPS = 5
"""Rows along a path between two."""
MOST = 40
"""Columns that are written out or drawn, the first ones."""


@dataclass(frozen=True)
class Written:
    """Rows of a table, written out: a line for each column, a cell for each row.

    lines : the column's name and, for each row, what the data have and what the model has; the
        same where there is one of them only
    """

    heading: str
    caption: str
    heads: tuple[str, ...]
    lines: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


def frame(schema: Schema, rows: np.ndarray) -> Any:
    """Rows (N, D) as packed, as a DataFrame: numbers, dates, and levels as text."""
    import pandas as pd

    made = {}
    for column, values in zip(schema.learned, rows.T, strict=True):
        if column.levels:
            made[column.name] = pd.Series(column.texts(values), dtype=object)
        elif column.dates is not None:
            cells = column.dates.moments(values.astype(np.float64))
            made[column.name] = pd.Series(cells)
        else:
            made[column.name] = pd.Series(column.numbers(values))
    return pd.DataFrame(made)


def samples(est: Estimator, x: Any, n: int, seed: int, condition: Any) -> Picture:
    """The distribution of each column in the data and in new rows, those least alike first."""
    from ..evaluation.tables import column_shapes
    from .synthesis import columns

    rows = spread(count(x), n)
    real = frame(est.schema_, packed(est.schema_, pick(x, rows)))
    told = None if condition is None else np.asarray(condition)[rows]
    made = frame(est.schema_, packed(est.schema_, est.sample(len(rows), condition=told, seed=seed)))
    picture = columns(real, made, {"columns": column_shapes(real, made)}, across=2, width=WIDTH)
    picture.name, picture.heading = "samples", "Columns of the data and of new rows"
    picture.caption += f" {len(rows):,} rows each; codes are drawn from {drawn_from(est)}."
    return picture


def reconstructions(est: Estimator, x: Any, condition: Any) -> Picture:
    """How much of each column a reconstruction keeps."""
    rows = spread(count(x), ROWS)
    table = packed(est.schema_, pick(x, rows))
    told = None if condition is None else np.asarray(condition)[rows]
    kept, usual = _kept(est, table, told)
    columns = est.schema_.learned[:MOST]
    picture = canvas("reconstructions", "What a reconstruction keeps", 0.7 + 0.21 * len(columns))
    ax = style(picture.add_subplot(), grid=False)
    at = np.arange(len(columns))
    ax.barh(at, np.clip(kept, 0, 1), 0.66, color=DATA)
    for i, share in enumerate(usual):
        if share:
            ax.plot([share, share], [i - 0.42, i + 0.42], color=INK, linewidth=1.2)
    for i, value in enumerate(kept):
        text = f"{value:.2f}".replace("-", "−")
        ax.text(1.02, i, text, color=MUTED, fontsize=SMALL, va="center", clip_on=False)
    ax.set_yticks(at, [short(column.name) for column in columns], color=INK)
    ax.set_xlim(0, 1)
    ax.invert_yaxis()
    more = "" if len(columns) == table.shape[1] else f" The first {MOST} of {table.shape[1]}."
    picture.caption = (
        f"{len(rows):,} rows. Of numbers and dates the share of the variance that is kept (R², on"
        " the column's own scale); of levels the share that comes back, and as a mark the share of"
        f" the most frequent one, which needs no model.{more}"
    )
    return picture


def _kept(est: Estimator, table: np.ndarray, told: Any) -> tuple[np.ndarray, list[float]]:
    """R squared or the share of right levels of each column, and the share of the usual level."""
    import torch

    square = cell_errors(est, table, condition=told)[:, :MOST]
    x = est.scaler_(torch.from_numpy(table).to(est._device)).double().cpu().numpy()[:, :MOST]
    kept, usual = [], []
    for column, error, values in zip(est.schema_.learned, square.T, x.T, strict=False):
        seen = ~np.isnan(values)
        base = float(values[seen].var()) if column.ordered and seen.any() else 1.0
        kept.append(1 - float(error[seen].mean()) / (base or 1.0) if seen.any() else np.nan)
        usual.append(0.0 if column.ordered else max(column.shares))
    return np.array(kept), usual


def written(est: Estimator, x: Any, labels: Any, condition: Any) -> list[Written]:
    """Rows beside their reconstructions, new rows, and rows between two."""
    found = [_rebuilt(est, x, labels, condition), _new(est, condition)]
    return [*found, _between(est, x, labels, condition)] if count(x) > 1 else found


def _rebuilt(est: Estimator, x: Any, labels: Any, condition: Any) -> Written:
    rows = np.sort(one_of_each(labels, count(x), SHOWN))
    real = packed(est.schema_, pick(x, rows))
    told = None if condition is None else np.asarray(condition)[rows]
    made = packed(est.schema_, est.reconstruct(real, condition=told))
    heads = tuple(f"row {row + 1}" for row in range(len(rows)))
    caption = (
        "Each cell of some rows, and in colour what the model makes of it where that is another:"
        " the mean of p(x|z) at the row's own code, and the likeliest level."
    )
    return _write(est.schema_, "Rows and their reconstructions", caption, heads, real, made)


def _new(est: Estimator, condition: Any) -> Written:
    told = None if condition is None else np.asarray(condition)[:SHOWN]
    n = SHOWN if told is None else len(told)
    made = packed(est.schema_, est.sample(n, condition=told, seed=0))
    caption = f"Drawn, not picked. Codes come from {drawn_from(est)}, rows from p(x|z)."
    heads = tuple(f"new {i + 1}" for i in range(n))
    return _write(est.schema_, "New rows", caption, heads, made, made)


def _between(est: Estimator, x: Any, labels: Any, condition: Any) -> Written:
    from .figures import choose_pairs

    pair = choose_pairs(labels, count(x), same=condition)
    rows = np.array(pair[0] if pair else (0, 1))
    first = None if condition is None else np.asarray(condition)[rows[:1]]
    told = [None if first is None else np.repeat(first, n, axis=0) for n in (2, STEPS)]
    start, end = est.transform(pick(x, rows), condition=told[0])
    t = np.linspace(0, 1, STEPS, dtype=np.float32)[:, None]
    path = est.inverse_transform((1 - t) * start + t * end, condition=told[1])
    made = packed(est.schema_, path)
    caption = (
        "What is decoded on the straight line between the codes of two rows; the ends are their"
        " reconstructions."
    )
    heads = tuple(f"{share:.0%}" for share in t[:, 0])
    return _write(est.schema_, "Between two rows", caption, heads, made, made)


def _write(
    schema: Schema,
    heading: str,
    caption: str,
    heads: tuple[str, ...],
    real: np.ndarray,
    made: np.ndarray,
) -> Written:
    lines = []
    for column, a, b in list(zip(schema.learned, real.T, made.T, strict=True))[:MOST]:
        pairs = zip(_texts(column.texts(a)), _texts(column.texts(b)), strict=True)
        lines.append((column.name, tuple(pairs)))
    if real.shape[1] > MOST:
        caption += f" The first {MOST} of {real.shape[1]} columns."
    return Written(heading, caption, heads, tuple(lines))


def _texts(cells: Sequence[str | None]) -> list[str]:
    return ["missing" if cell is None else cell for cell in cells]
