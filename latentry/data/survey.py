"""One look through the data, a block of rows at a time: ranges, gaps, and what is unusable."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import LatentryError
from .arrays import blocks, place

LARGEST = float(np.finfo(np.float32).max)


@dataclass
class Survey:
    """Ranges over all rows, NaN left out.

    low, high : smallest and largest value of each feature, in the shape of one sample
    missing : whether any value is NaN
    whole : whether all values are whole numbers
    binary : whether all values are 0 or 1
    """

    low: np.ndarray
    high: np.ndarray
    missing: bool
    whole: bool
    binary: bool

    @property
    def range(self) -> tuple[float, float]:
        return float(self.low.min()), float(self.high.max())


def survey(
    x: np.ndarray, columns: tuple[str, ...] | None = None, kind: str | None = None
) -> Survey:
    """Looks through the rows of `x` (N, ...) once.

    Raises `LatentryError` for infinite values, for columns without a value, for named columns that
    hold one value only, and when all columns do.
    """
    kind = kind or ("vector" if x.ndim == 2 else "image")
    low, high = np.full(x.shape[1:], np.inf), np.full(x.shape[1:], -np.inf)
    missing, whole = False, True
    binary = True
    for start, block in blocks(x):
        least, most = block.min(axis=0), block.max(axis=0)
        if x.dtype.kind == "f":
            check_finite(block, start, columns, kind)
            gaps = np.isnan(least)
            if gaps.any():
                missing = True
                least = np.fmin.reduce(block, axis=0, initial=np.inf)
                most = np.fmax.reduce(block, axis=0, initial=-np.inf)
            whole = whole and bool(((block == np.rint(block)) | np.isnan(block)).all())
        low, high = np.minimum(low, least), np.maximum(high, most)
    binary = whole and low.min() >= 0 and high.max() <= 1
    _check_columns(low, high, columns, kind)
    return Survey(low, high, missing, whole, bool(binary))


def check_finite(block: np.ndarray, start: int, columns: tuple[str, ...] | None, kind: str) -> None:
    """Raises `LatentryError` at the first infinite value, or one too large for float32."""
    with np.errstate(invalid="ignore"):
        bad = np.abs(block) > LARGEST
    if not bad.any():
        return
    index = np.argwhere(bad)[0]
    value = block[tuple(index)]
    where = place((start + index[0], *index[1:]), columns, kind)
    what = "an infinite value (inf)" if np.isinf(value) else f"{value}, too large for float32 (inf)"
    raise LatentryError(f"The data holds {what} in {where}; remove that row or mend the value.")


def _check_columns(
    low: np.ndarray, high: np.ndarray, columns: tuple[str, ...] | None, kind: str
) -> None:
    empty = low > high
    if empty.any() and kind in ("image", "series"):
        if empty.all():
            what = "pixel is NaN; give images" if kind == "image" else "step is NaN; give series"
            raise LatentryError(f"Every {what} that hold values.")
    elif empty.any():
        raise LatentryError(
            f"{_naming(empty, columns)} no value at all (all NaN); leave out what was never "
            f"observed."
        )
    constant = low == high
    if constant.all():
        raise LatentryError(
            f"Every column holds one value only ({low.flat[0]:g} in the first), so there is "
            f"nothing to learn; give data that varies."
        )
    if constant.any() and columns and kind == "vector":
        raise LatentryError(
            f"{_naming(constant, columns)} one value only; leave out what never varies "
            f"(or, where the columns are the pixels of an image, give its shape)."
        )


def _naming(which: np.ndarray, columns: tuple[str, ...] | None) -> str:
    """For example "Column 'a' holds" or "Columns 'a', 'b' hold"."""
    found = [int(i) for i in np.flatnonzero(which)]
    names = [repr(columns[i]) if columns else str(i) for i in found]
    if len(names) == 1:
        return f"Column {names[0]} holds"
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"Columns {', '.join(names[:5])}{more} hold"
