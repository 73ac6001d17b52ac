"""What the figures need to know about a fitted model and its data."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..data.arrays import as_array, known
from ..data.datasets import Dataset
from ..errors import LatentryError

if TYPE_CHECKING:
    from ..estimator import Estimator

Layout = Literal["image", "plane", "curves", "table"]


def count(x: Any) -> int:
    """How many samples x has, whatever it is."""
    return len(x)


def pick(x: Any, rows: np.ndarray) -> Any:
    """Some rows of x, as the kind of object that x is, so that column names stay with it."""
    if isinstance(x, Dataset):
        labels = None if x.labels is None else x.labels[rows]
        return dataclasses.replace(x, x=x.x[rows], labels=labels)
    if hasattr(x, "iloc"):
        return x.iloc[rows]
    if isinstance(x, list):
        return [x[i] for i in rows]
    return x.take(rows) if hasattr(x, "column_names") else x[rows]


def plain(x: Any) -> np.ndarray:
    """The samples as a numpy array."""
    return as_array(x.x if isinstance(x, Dataset) else x)[0]


def spread(n: int, most: int, seed: int = 0) -> np.ndarray:
    """At most `most` of n row numbers, in rising order, the same ones each time."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))


def one_of_each(labels: Any, n: int, most: int, seed: int = 0) -> np.ndarray:
    """Up to `most` of n row numbers, going round the classes so that all of them are seen."""
    order = np.random.default_rng(seed).permutation(n)
    groups = Groups.of(labels)
    if groups is None:
        return order[:most]
    queues = [list(order[groups.index[order] == k]) for k in range(len(groups.names))]
    picked: list[int] = []
    while len(picked) < min(most, n):
        for queue in queues:
            if queue and len(picked) < most:
                picked.append(queue.pop(0))
    return np.array(picked)


@dataclass(frozen=True)
class Groups:
    """Class labels: the names in order, and which of them each row has."""

    names: tuple[str, ...]
    index: np.ndarray

    @classmethod
    def of(cls, labels: Any, most: int = 20) -> Groups | None:
        """The groups, or None where labels are absent, continuous, or too many to tell apart."""
        if labels is None:
            return None
        given = np.asarray(labels)
        if given.dtype == object and not known(given).all():
            given = np.where(known(given), given, "missing").astype(str)
        values, index = np.unique(given, return_inverse=True)
        if not 1 < len(values) <= most:
            return None
        if values.dtype.kind == "f" and (values != np.floor(values)).any():
            return None
        if values.dtype.kind == "f":
            values = values.astype(int)
        return cls(tuple(str(v) for v in values), index.reshape(-1))

    def __iter__(self) -> Iterator[tuple[str, np.ndarray]]:
        for k, name in enumerate(self.names):
            yield name, self.index == k


def layout(est: Estimator, array: np.ndarray) -> Layout:
    """How samples of this kind are drawn.

    "curves" is for series, and for more than 12 columns without names and in one unit, which is how
    time series and spectra come; columns of very different spread (over 10 times the median) make a
    table.
    """
    if est.schema_.kind == "image":
        return "image"
    if est.schema_.kind == "series":
        return "curves"
    width = int(np.prod(est.schema_.shape))
    if width == 2:
        return "plane"
    if width <= 12 or est.schema_.columns is not None:
        return "table"
    spreads = np.nanstd(array.reshape(len(array), -1), axis=0)
    spreads = spreads[spreads > 0]
    return "curves" if len(spreads) and spreads.max() <= 10 * np.median(spreads) else "table"


def names(est: Estimator) -> list[str]:
    """A name for each column."""
    width = int(np.prod(est.schema_.shape))
    return list(est.schema_.columns or (f"x{i + 1}" for i in range(width)))


def flat(est: Estimator, array: np.ndarray) -> np.ndarray:
    """Samples (N, ...) in the data's layout as rows (N, D) of floats, one number for a column.

    Series of several channels have one after another, with a gap between them; real ones are
    scaled to mean 0 and standard deviation 1, so that channels of any unit fit one axis.

    Raises LatentryError for a table of mixed columns.
    """
    need_one_kind(est)
    rows = array.reshape(len(array), -1).astype(np.float64)
    if not several(est):
        return rows
    steps, channels = est.schema_.shape
    scaler = est.scaler_
    shift, scale = (each.cpu().double().numpy() for each in (scaler.shift, scaler.scale))
    each = (rows.reshape(-1, steps, channels) - shift) / scale
    gap = np.full((len(rows), 1, channels), np.nan)
    return np.concatenate([each, gap], 1).swapaxes(1, 2).reshape(len(rows), -1)[:, :-1]


def need_one_kind(est: Estimator) -> None:
    """Raises LatentryError for a table of mixed columns, which has no figure of numbers alone."""
    if est.schema_.kind == "table":
        raise LatentryError(
            "This figure is of numbers in one unit, which a table of mixed columns is not; take"
            " figures.samples or figures.reconstructions, which go by its columns."
        )


def several(est: Estimator) -> bool:
    """Whether samples are series of more than one channel."""
    return est.schema_.kind == "series" and est.schema_.shape[1] > 1


def units(est: Estimator) -> str:
    """The unit of what `flat` gives."""
    if several(est) and est.schema_.values == "real":
        return "standard deviations of each channel"
    return "the units of the data"


def limits(est: Estimator, array: np.ndarray) -> tuple[float, float]:
    """The data values that are shown as black and as white.

    8-bit images that use the lower half of their range only are shown brighter, to be seen at all.
    """
    schema = est.schema_
    if schema.values == "levels":
        used, full = float(np.nanmax(array)), float(schema.levels - 1)
        return 0.0, used if 0 < used < full / 2 else full
    if schema.values in ("binary", "unit"):
        return 0.0, 1.0
    low, high = np.nanpercentile(array.astype(float), (0.5, 99.5))
    return float(low), float(high) if high > low else float(low) + 1.0


def pixels(est: Estimator, array: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    """Samples in the data's layout as images (N, H, W) or (N, H, W, 3) in [0, 1]."""
    channels, height, width = est.schema_.shape
    n = len(array)
    if channels == 1:
        images = array.reshape(n, height, width)
    elif est.schema_.channels_last:
        images = array.reshape(n, height, width, channels)
    else:
        images = np.moveaxis(array.reshape(n, channels, height, width), 1, -1)
    if channels in (2, 4):  # grey or colour with transparency: show the colours
        images = images[..., 0] if channels == 2 else images[..., :3]
    low, high = span
    return np.clip((images.astype(np.float64) - low) / (high - low), 0, 1)


def span_of(est: Estimator, x: Any, made: np.ndarray) -> tuple[float, float]:
    """Black and white by the data x, or by what the model made where there is no x."""
    return limits(est, made if x is None else plain(pick(x, spread(count(x), 500))))


def drawn_from(est: Estimator) -> str:
    """Where the codes of samples come from, as the end of a sentence."""
    if est.model_.has_prior:
        return "the prior"
    return (
        "a Gaussian mixture fitted to the codes of the training data"
        " (an autoencoder has no prior of its own)"
    )
