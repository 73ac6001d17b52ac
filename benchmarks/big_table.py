"""A table of 50 mixed columns and as many rows as are asked for, written a row group at a time.

25 real columns (a third with long tails, a third rounded to cents), 8 counts, 5 of two levels, 7 of
up to 40, one of 50,000, an ordinal one, a date, a time and an identifier; in every second real
column and in some others cells are missing. Six hidden numbers of each row tie them together.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

GROUP = 50_000
"""Rows that are made and written together."""
WIDE = 50_000
"""Levels of the column "place"."""
PLACES = [f"{k:05d}" for k in range(WIDE)]
FACTORS = 6


def write(path: Path, rows: int, seed: int = 0) -> None:
    """Make the file."""
    import pyarrow.parquet as parquet

    ties = np.random.default_rng([seed, 0]).normal(size=(64, FACTORS)) / np.sqrt(FACTORS)
    writer = None
    for start in range(0, rows, GROUP):
        group = _group(ties, start, min(GROUP, rows - start), seed)
        writer = writer or parquet.ParquetWriter(path, group.schema)
        writer.write_table(group)
    if writer is not None:
        writer.close()


def _group(ties: np.ndarray, start: int, n: int, seed: int) -> Any:
    """Rows start .. start + n, as an Arrow table."""
    import pyarrow as pa

    rng = np.random.default_rng([seed, 1, start])
    hidden = rng.normal(size=(n, FACTORS))
    signals = (hidden @ ties.T + 0.5 * rng.normal(size=(n, len(ties)))).T
    made: dict[str, Any] = {"id": pa.array([f"row-{i:09d}" for i in range(start, start + n)])}
    for j in range(25):
        made[f"real_{j}"] = _real(rng, signals[j], j)
    for j in range(8):
        counts = rng.poisson(np.exp(1.0 + 0.3 * j + 0.5 * signals[25 + j]))
        made[f"count_{j}"] = pa.array(counts, mask=rng.random(n) < 0.02 if j % 4 == 0 else None)
    for j in range(5):
        yes = signals[33 + j] > j / 2
        made[f"binary_{j}"] = pa.array(np.where(yes, "yes", "no") if j % 2 else yes)
    for j, levels in enumerate((3, 5, 8, 12, 20, 30, 40)):
        names = np.array([f"level {k}" for k in range(levels)])
        gaps = rng.random(n) < 0.05 if j % 3 == 0 else None
        made[f"kind_{j}"] = pa.array(names[_levels(signals[38 + j], levels)], mask=gaps)
    made["place"] = pa.array(np.array(PLACES)[_levels(signals[45], WIDE)])
    made["grade"] = pa.array(_levels(signals[46], 7))
    days = np.datetime64("2015-01-01") + np.clip(1500 + 600 * signals[47], 0, 4000).astype(int)
    made["day"] = pa.array(days)
    seconds = (1e7 * np.abs(signals[48])).astype("timedelta64[s]")
    made["time"] = pa.array(np.datetime64("2020-01-01", "s") + seconds)
    return pa.table(made)


def _real(rng: np.random.Generator, signal: np.ndarray, j: int) -> Any:
    """One real column: long-tailed, in cents, or as it comes."""
    import pyarrow as pa

    values = [np.exp(2 + 1.5 * signal), np.round(50 + 20 * signal, 2), signal][j % 3]
    return pa.array(values, mask=rng.random(len(values)) < 0.03 if j % 2 else None)


def _levels(signal: np.ndarray, levels: int) -> np.ndarray:
    """Level numbers, neighbours alike, the first ones the most frequent."""
    share = 1 / (1 + np.exp(-1.5 * signal))
    return np.minimum((levels * share**2).astype(int), levels - 1)
