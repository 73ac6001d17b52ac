"""What one sample is: its shape, the values it holds, and how the user's array stores it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import LatentryError, suggest
from . import mixed
from .arrays import as_array, as_tensor, blocks, place
from .cells import frame_of
from .columns import Column
from .layout import layout, one_axis
from .survey import Survey, check_finite, survey
from .typed import decode

VALUES = ("binary", "levels", "unit", "count", "real")
"""Kinds of values of arrays; those of a table of several kinds of columns are "mixed"."""


@dataclass(frozen=True)
class Schema:
    """What one sample is.

    kind : "vector", "image", "series", or "table" of mixed columns
    shape : as the model sees it, (D,), (C, H, W), or (T, C) for T steps of C channels
    values : "binary" (0 or 1), "levels" (whole numbers 0..levels-1, as in 8-bit images), "unit"
        (from 0 to 1), "count" (whole numbers from 0), or "real"
    levels : the number of grey levels where values is "levels" (256 for uint8)
    dtype : the type of the array given, as numpy names it
    channels_last : whether the images were stored (H, W, C) rather than (C, H, W)
    columns : names of the features of a table; of a mixed one, of those that are learned
    missing : whether the training data had NaN, which marks what was not observed
    given : the shape of one sample in the user's array, for example (28, 28) or (784,)
    table : what each column of a mixed table is, in the table's order, also those not learned
    frame : whose table a mixed one came as: "pandas", "polars" or "arrow"
    """

    kind: str
    shape: tuple[int, ...]
    values: str
    levels: int = 256
    dtype: str = "float32"
    channels_last: bool = False
    columns: tuple[str, ...] | None = None
    missing: bool = False
    given: tuple[int, ...] = ()
    table: tuple[Column, ...] = ()
    frame: str = "pandas"

    def __post_init__(self) -> None:
        if not self.given:
            object.__setattr__(self, "given", self.stored)

    @property
    def features(self) -> int:
        """The number of values in one sample."""
        return math.prod(self.shape)

    @property
    def stored(self) -> tuple[int, ...]:
        """The shape of a sample with its axes in the order in which they are stored."""
        if self.kind == "image" and self.channels_last:
            return (*self.shape[1:], self.shape[0])
        return self.shape

    @property
    def learned(self) -> tuple[Column, ...]:
        """The columns of a mixed table that the model sees, in the order of its features."""
        return tuple(column for column in self.table if column.learned)

    @classmethod
    def of_table(cls, x: Any, schema: mixed.Told = None) -> Schema:
        """What a row of a table of mixed columns is; see `latentry.data.infer_columns`."""
        frame = mixed.need_frame(x)
        return cls.of_columns(mixed.learn(frame, schema), frame.library)

    @classmethod
    def of_columns(cls, table: Sequence[Column], frame: str = "pandas") -> Schema:
        """What a row of a table with these columns is."""
        names = tuple(column.name for column in table if column.learned)
        gaps = any(column.missing for column in table if column.learned)
        shape = (len(names),)
        return cls(
            "table", shape, "mixed", columns=names, missing=gaps, table=tuple(table), frame=frame
        )

    @classmethod
    def infer(
        cls,
        x: Any,
        *,
        columns: Sequence[str] | None = None,
        shape: Sequence[int] | None = None,
        levels: int | None = None,
        values: str | None = None,
        kind: str | None = None,
    ) -> Schema:
        """What a sample of `x` is, from one look through the rows in blocks of bounded memory.

        Rows (N, D) are vectors; (N, H, W), (N, H, W, C) and (N, C, H, W) with at most four
        channels are images, and so are rows for which `shape` says how to fold them. With `kind`
        "series" rows (N, T) are series of one channel, and (N, T, C) of C: short ones end in NaN.
        Then, in this order, unless `values` or `levels` says otherwise:

        - all values 0 or 1, or bool: "binary";
        - uint8, or images of whole numbers of another integer type from 0 to 255: "levels", 256;
        - an integer type without negatives, and no image: "count";
        - images of floats from 0 to 1: "unit";
        - all else: "real" (also vectors that happen to lie between 0 and 1).

        Raises `LatentryError` for one row, for infinite values, for columns without a value, for
        named columns that hold one value only, when all columns do, and for values that do not fit
        `values` or `levels`.
        """
        array, names = as_array(x)
        names = tuple(str(c) for c in columns) if columns is not None else names
        found, model_shape, last = layout(array.shape, tuple(shape) if shape else None, kind)
        if len(array) < 2:
            raise LatentryError(
                f"The data needs at least 2 rows (n_samples = {len(array)}); give more samples."
            )
        names = names if found == "vector" else None
        if names is not None and len(names) != array.shape[1]:
            raise LatentryError(
                f"{len(names)} column names were given for {array.shape[1]} columns; "
                f"give one name per column."
            )
        seen = survey(array, names, kind)
        if values is None:
            values = "levels" if levels else _values(seen, found, array.dtype)
        elif values not in VALUES:
            raise LatentryError(
                f"Unknown kind of values {values!r}; choose one of {', '.join(VALUES)}."
                f"{suggest(values, VALUES)}"
            )
        if values == "levels" and levels == 2:
            values = "binary"
        count = levels or 256
        _check_support(seen, values, count)
        given = tuple(array.shape[1:])
        return cls(
            found, model_shape, values, count, array.dtype.name, last, names, seen.missing, given
        )

    def pack(self, x: Any, *, columns: Sequence[str] | None = None, owner: str = "model") -> Tensor:
        """The rows of `x` as the model takes them, (N, *shape), in the data's own units.

        uint8 stays uint8 and bool becomes it; all else becomes float32. Shares memory with `x`
        where that is possible. `owner` is named in the error about the number of features. The
        rows of a mixed table are a DataFrame, or numbers (N, D) that were packed before: see
        `Column`.

        Raises `LatentryError` for another number of features or another shape, for infinite
        values, for NaN where training had none, and for values outside what the model was
        trained on where these would be read wrongly (grey levels, binary data, counts).
        """
        frame = frame_of(x) if self.kind == "table" else None
        if frame is not None:
            return torch.from_numpy(mixed.encode(self.table, frame))
        array, names = as_array(x)
        names = tuple(str(c) for c in columns) if columns is not None else names
        if self.columns and names and names != self.columns and array.ndim == 2:
            array = self._in_order(array, names)
        self._check_shape(array, owner)
        if array.dtype == np.bool_:
            array = array.view(np.uint8)
        out = array
        if array.dtype not in (np.uint8, np.float32):
            out = np.empty(array.shape, np.float32)
        for start, block in blocks(array):
            self._check(block, start)
            if out is not array:
                out[start : start + len(block)] = block
        rows = as_tensor(np.ascontiguousarray(out)).reshape(len(array), *self.stored)
        if self.kind == "image" and self.channels_last:
            rows = rows.movedim(-1, 1).contiguous()
        return rows

    def unpack(self, t: Tensor, *, round_counts: bool = False) -> Any:
        """What the model gives, (..., *shape) in data units, in the user's layout and type.

        A mixed table (N, D) comes back as the kind of table that it was (of pandas, polars or
        Arrow), with all of its columns in their order and types; constants and identifiers are
        made anew.

        Grey levels of an integer type are rounded and clipped to it. Probabilities of binary data
        and means of counts stay float32, unless `round_counts` says that the numbers are draws:
        then binary data takes the type it was given in and counts become int64. All else is
        float32.
        """
        lead = t.shape[: t.ndim - len(self.shape)]
        rows = t.detach().to(torch.float32)
        if self.kind == "table":
            return decode(self.table, rows.cpu().numpy(), self.frame)
        if self.kind == "image" and self.channels_last:
            rows = rows.movedim(-3, -1)
        array = rows.reshape(*lead, *self.given).cpu().numpy()
        kind = np.dtype(self.dtype)
        if self.values == "levels" and (kind.kind in "iu" or round_counts):
            grid = np.clip(np.rint(array), 0, self.levels - 1)
            return grid.astype(kind) if kind.kind in "iu" else grid
        if self.values == "binary" and round_counts:
            return np.rint(array).astype(kind if kind.kind in "bui" else np.float32)
        if self.values == "count" and round_counts:
            return np.maximum(np.rint(array), 0).astype(np.int64)
        return array

    def describe(self) -> str:
        """One phrase, for example "28 x 28 grey images of 256 levels"."""
        words = {
            "binary": "binary values",
            "levels": f"{self.levels} levels",
            "unit": "values from 0 to 1",
            "count": "counts",
            "real": "real numbers",
            "mixed": "mixed columns",
        }[self.values]
        if self.kind == "table":
            return f"rows of {self.shape[0]} {words}" + (", some missing" if self.missing else "")
        if self.kind == "vector":
            text = f"vectors of {self.shape[0]} {words}"
            text = text.replace(f"{self.levels} levels", f"values on {self.levels} levels")
        elif self.kind == "series":
            steps, channels = self.shape
            each = "" if channels == 1 else f" x {channels} channels"
            text = f"series of {steps} steps{each} of {words}"
        else:
            channels, height, width = self.shape
            colour = {1: "grey", 3: "colour"}.get(channels, f"{channels}-channel")
            text = f"{height} x {width} {colour} images of {words}"
        return text + (", some missing" if self.missing else "")

    def to_dict(self) -> dict[str, Any]:
        """A form that JSON can hold."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        plain = {k: list(v) if isinstance(v, tuple) else v for k, v in fields.items()}
        return plain | {"table": [column.to_dict() for column in self.table]}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Schema:
        """The schema that `to_dict` wrote."""
        known: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in fields.items()
        }
        known["table"] = tuple(Column.from_dict(column) for column in fields.get("table", ()))
        return cls(**known)

    def _in_order(self, array: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
        known = self.columns or ()
        absent = [c for c in known if c not in names]
        extra = [c for c in names if c not in known]
        if absent:
            raise LatentryError(
                f"The data lacks the column {absent[0]!r} that the model was trained on; "
                f"add it.{suggest(absent[0], names)}"
            )
        if extra:
            raise LatentryError(
                f"The data has the column {extra[0]!r} that the model was not trained on; "
                f"leave it out."
            )
        return array[:, [names.index(c) for c in known]]

    def _check_shape(self, array: np.ndarray, owner: str) -> None:
        if array.shape[1:] == self.given and len(array):
            return
        if array.ndim == 0 or (array.ndim < 2 and len(self.given) == 1):
            raise LatentryError(one_axis(array.shape))
        if len(array) == 0:
            raise LatentryError(
                f"Found array with 0 sample(s) (shape={array.shape}) while a minimum of 1 is "
                f"required; give at least one row."
            )
        if array.ndim == 2 and len(self.given) == 1:
            raise LatentryError(
                f"X has {array.shape[1]} features, but {owner} is expecting {self.given[0]} "
                f"features as input; give the columns that it was trained on."
            )
        raise LatentryError(
            f"Each sample has the shape {array.shape[1:]}, but {owner} was trained on "
            f"{self.given}; give an array of the shape (n, {', '.join(map(str, self.given))})."
        )

    def _check(self, block: np.ndarray, start: int) -> None:
        if block.dtype.kind == "f":
            check_finite(block, start, self.columns, self._axes)
            if not self.missing and self.kind != "table" and np.isnan(block).any():
                where = self._where(np.isnan(block), start)
                raise LatentryError(
                    f"The data holds NaN (a missing value) in {where}, but the training data had "
                    f"none; fill it in first, or train on data that has gaps too."
                )
        top = {"levels": self.levels - 1, "binary": 1}.get(self.values, np.inf)
        full = block.dtype == np.uint8 and top >= 255
        if self.values in ("levels", "binary", "count") and not full:
            self._check_range(block, start, top)

    def _check_range(self, block: np.ndarray, start: int, top: float) -> None:
        off = (block < 0) | (block > top)
        if self.values == "levels" and block.dtype.kind == "f":
            off |= (block != np.rint(block)) & ~np.isnan(block)
        if not off.any():
            return
        where, value = self._where(off, start), block[off].flat[0]
        meant = {
            "levels": f"whole numbers from 0 to {top:g}",
            "binary": "values from 0 to 1",
            "count": "counts, which cannot be negative",
        }[self.values]
        raise LatentryError(
            f"Found {value:g} in {where}, but the model was trained on {meant}; "
            f"bring the data to the same scale."
        )

    @property
    def _axes(self) -> str:
        if self.kind == "series":
            return self.kind
        return "vector" if len(self.given) == 1 else "image"

    def _where(self, bad: np.ndarray, start: int) -> str:
        index = np.argwhere(bad)[0]
        return place((start + index[0], *index[1:]), self.columns, self._axes)


def _values(seen: Survey, kind: str, dtype: np.dtype) -> str:
    low, high = seen.range
    if seen.binary:
        return "binary"
    if dtype == np.uint8:
        return "levels"
    if dtype.kind in "iu" and kind == "image":
        return "levels" if low >= 0 and high <= 255 else "real"
    if dtype.kind in "iu":
        return "count" if low >= 0 else "real"
    return "unit" if kind == "image" and low >= 0 and high <= 1 else "real"


def _check_support(seen: Survey, values: str, levels: int) -> None:
    low, high = seen.range
    found = f"the data ranges from {low:g} to {high:g}"
    if values == "binary" and not seen.binary:
        raise LatentryError(f"Binary data must be 0 or 1, but {found}; choose another likelihood.")
    if values == "levels" and (low < 0 or high > levels - 1 or not seen.whole):
        whole = "" if seen.whole else ", not all of it whole numbers"
        raise LatentryError(
            f"Data of {levels} levels must be whole numbers from 0 to {levels - 1}, but "
            f"{found}{whole}; bring it to that grid or give the right number of levels."
        )
    if values == "unit" and (low < 0 or high > 1):
        raise LatentryError(
            f"Values must lie in [0, 1], but {found}; scale the data, or choose "
            f"--likelihood gaussian-shared."
        )
    if values == "count" and (low < 0 or not seen.whole):
        what = "negative" if low < 0 else "fractions"
        raise LatentryError(
            f"Counts cannot be {what}, but {found}; choose --likelihood gaussian-shared."
        )
