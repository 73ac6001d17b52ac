"""What is known about each sample beside its own values: a class, or some real numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import LatentryError, suggest
from .arrays import as_array, is_missing

Label = bool | int | float | str


@dataclass(frozen=True)
class Condition:
    """How a condition becomes the numbers c (N, C) that a model is given.

    kind : "classes", one column per class (one-hot), or "real", standardised columns
    classes : the classes in sorted order, where kind is "classes"
    mean, std : per column, where kind is "real"

    What is unknown (None or NaN) becomes a row of zeros: no class, or the mean.
    """

    kind: str
    classes: tuple[Label, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        """The number C of columns."""
        return len(self.classes) if self.kind == "classes" else len(self.mean)

    @classmethod
    def infer(cls, values: Any, *, kind: str | None = None) -> Condition:
        """What `values`, one for each sample, is.

        Text, bools and whole numbers (N,) are classes, also when gaps made them floats; other
        floats (N,), and any (N, C), are real. `kind` says otherwise.

        Raises `LatentryError` where there is nothing to condition on: no known value, one class
        only, or a column that does not vary.
        """
        if kind not in (None, "classes", "real"):
            raise LatentryError(
                f"Unknown kind of condition {kind!r}; choose 'classes' or 'real'."
                f"{suggest(str(kind), ('classes', 'real'))}"
            )
        array = _as_values(values)
        if kind is None:
            kind = "classes" if array.ndim == 1 and _countable(array) else "real"
        return cls._classes(array) if kind == "classes" else cls._real(array)

    @classmethod
    def _classes(cls, array: np.ndarray) -> Condition:
        if array.ndim != 1:
            raise LatentryError(
                f"Class labels must be one per sample, got the shape {array.shape}; "
                f"give one column."
            )
        known = {_label(v) for v in _distinct(array)[0] if not is_missing(v)}
        if len({type(v) for v in known}) > 1:
            known = {str(v) for v in known}
        if len(known) < 2:
            raise LatentryError(
                f"A condition needs at least 2 classes, found {len(known)}; give labels that "
                f"differ, or none."
            )
        return cls("classes", classes=tuple(sorted(known)))  # type: ignore[type-var]

    @classmethod
    def _real(cls, array: np.ndarray) -> Condition:
        numbers = _columns(array)
        if np.isinf(numbers).any():
            raise LatentryError("The condition holds infinite values; mend or remove those rows.")
        seen = ~np.isnan(numbers)
        empty = np.flatnonzero(~seen.any(0))
        if len(empty):
            raise LatentryError(
                f"Column {empty[0]} of the condition is all NaN; leave it out of the condition."
            )
        mean, std = np.nanmean(numbers, axis=0), np.nanstd(numbers, axis=0)
        if (std == 0).any():
            raise LatentryError(
                f"Column {int(np.flatnonzero(std == 0)[0])} of the condition holds one value "
                f"only; leave it out of the condition."
            )
        return cls("real", mean=tuple(mean.tolist()), std=tuple(std.tolist()))

    def pack(self, values: Any, n: int | None = None) -> Tensor:
        """`values` as float32 (N, C). With `n`, one value is repeated for n samples.

        Raises `LatentryError` for a class that training did not see, for another number of
        columns, and for another number of values than `n`.
        """
        single = isinstance(values, (str, bytes)) or np.ndim(values) == 0
        array = _as_values([values] if single else values)
        if self.kind == "real" and array.ndim == 1 and len(array) == self.width > 1:
            array = array[None]  # one row of several columns
        packed = self._one_hot(array) if self.kind == "classes" else self._standard(array)
        if n is not None and len(packed) != n:
            if len(packed) != 1:
                raise LatentryError(
                    f"The condition has {len(packed)} values for {n} samples; give one for each."
                )
            packed = packed.expand(n, -1).contiguous()
        return packed

    def _one_hot(self, array: np.ndarray) -> Tensor:
        if array.ndim != 1:
            raise LatentryError(
                f"The condition must be one class per sample, got the shape {array.shape}; "
                f"give one column."
            )
        index = {str(label): i for i, label in enumerate(self.classes)}
        distinct, inverse = _distinct(array)
        found = np.full(len(distinct), -1)
        for i, value in enumerate(distinct):
            if is_missing(value):
                continue
            name = self._name(value)
            if name not in index:
                known = ", ".join(list(index)[:10]) + (", ..." if len(index) > 10 else "")
                raise LatentryError(
                    f"Unknown class {name!r} in the condition; the model knows {known}."
                    f"{suggest(name, index)}"
                )
            found[i] = index[name]
        found = found[inverse]
        packed = torch.zeros(len(array), self.width)
        rows = np.flatnonzero(found >= 0)
        packed[torch.from_numpy(rows), torch.from_numpy(found[rows])] = 1.0
        return packed

    def _name(self, value: Any) -> str:
        """The text by which a class is known; 1 and 0 also name True and False."""
        label = _label(value)
        if isinstance(self.classes[0], bool) and label in (0, 1):
            label = bool(label)
        return str(label)

    def _standard(self, array: np.ndarray) -> Tensor:
        numbers = _columns(array)
        if numbers.shape[1] != self.width:
            raise LatentryError(
                f"The condition has {numbers.shape[1]} columns, but the model was trained with "
                f"{self.width}; give the same columns."
            )
        if np.isinf(numbers).any():
            raise LatentryError("The condition holds infinite values; mend or remove those rows.")
        packed = (numbers - np.asarray(self.mean)) / np.asarray(self.std)
        return torch.from_numpy(np.nan_to_num(packed, nan=0.0).astype(np.float32))

    def describe(self) -> str:
        """One phrase, for example "10 classes: 0, 1, 2, ... 9"."""
        if self.kind == "real":
            return f"{self.width} real column{'s' if self.width > 1 else ''}"
        names = [str(c) for c in self.classes]
        if len(names) > 10:
            names = [*names[:3], "...", names[-1]]
        return f"{self.width} classes: {', '.join(names).replace('..., ', '... ')}"

    def to_dict(self) -> dict[str, Any]:
        """A form that JSON can hold."""
        return {
            "kind": self.kind,
            "classes": list(self.classes),
            "mean": list(self.mean),
            "std": list(self.std),
        }

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Condition:
        """The condition that `to_dict` wrote."""
        return cls(
            fields["kind"],
            tuple(fields["classes"]),
            tuple(fields["mean"]),
            tuple(fields["std"]),
        )


def _as_values(values: Any) -> np.ndarray:
    """An array (N,) or (N, C) of numbers or objects; a table of one column becomes (N,)."""
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().numpy()
    elif hasattr(values, "to_numpy"):  # pandas, polars, pyarrow
        values = values.to_numpy()
    elif isinstance(values, Sequence) and any(isinstance(v, str) or v is None for v in values):
        values = np.array(values, dtype=object)
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise LatentryError(
            "The condition's rows have different lengths; give each the same number of values."
        ) from error
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim not in (1, 2) or 0 in array.shape:
        raise LatentryError(
            f"The condition has the shape {array.shape}; give one value, or one row of values, "
            f"for each sample."
        )
    return array


def _distinct(array: np.ndarray) -> tuple[list[Any], np.ndarray]:
    """The different values of `array` (N,), and for each entry the index of its own."""
    if array.dtype.kind == "O":
        return array.tolist(), np.arange(len(array))
    values, inverse = np.unique(array, return_inverse=True)
    return values.tolist(), inverse


def _countable(array: np.ndarray) -> bool:
    """Whether the values name classes: text, bools, whole numbers (also as floats with gaps)."""
    if array.dtype.kind != "f":
        known = [v for v in array.tolist() if not is_missing(v)]
        text = any(isinstance(v, (str, bytes)) for v in known)
        return text or all(not isinstance(v, float) or v.is_integer() for v in known)
    known = array[~np.isnan(array)]
    return bool((known == np.rint(known)).all()) and len(np.unique(known)) <= 100


def _label(value: Any) -> Label:
    """A class as JSON can hold it: whole floats become ints."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return int(value)
    if isinstance(value, np.generic):
        return value.item()
    return value if isinstance(value, (bool, int, float, str)) else str(value)


def _columns(array: np.ndarray) -> np.ndarray:
    """The condition's numbers as float64 (N, C)."""
    rows = array[:, None] if array.ndim == 1 else array
    return as_array(rows)[0].astype(np.float64)
