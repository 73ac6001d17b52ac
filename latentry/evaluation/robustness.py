"""What a model makes of damaged rows: noise taken away, hidden parts filled in.

Damage keeps to the values that the model's data can have: grey levels stay whole numbers in their
range, probabilities stay in [0, 1], counts do not fall below zero. Entries that are missing (NaN)
stay missing and are left out of every figure. Of a table of mixed columns only `filling` is told:
noise and blocks are for values of one kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ..core.columns import errors
from ..errors import LatentryError
from .points import model_rows
from .reconstruction import psnr, value_range
from .subject import Subject

LEVELS = (0.1, 0.25, 0.5)


def denoising(
    est: Subject,
    X: Any,
    *,
    levels: Sequence[float] = LEVELS,
    condition: Any = None,
    seed: int = 0,
) -> dict[str, dict[float, float]]:
    """How much Gaussian noise a reconstruction takes away.

    noisy_psnr, cleaned_psnr: for each level, the mean PSNR (decibels) of the noisy rows and of
    their reconstructions, both against the clean rows. The noise has standard deviation `level`, in
    units of the data's range for images and of each column's standard deviation for vectors; the
    PSNR's peak is that same unit (for vectors it is a signal-to-noise ratio). What leaves the valid
    range is clipped to it, as a camera would. The task is that of Vincent et al., 2008 (ICML).
    """
    _check_one_kind(est, "noise is added to")
    array, unit = np.asarray(X), _unit(est, X)
    found: dict[str, dict[float, float]] = {"noisy_psnr": {}, "cleaned_psnr": {}}
    for level in levels:
        if not level > 0:
            raise LatentryError(f"the noise level {level} adds no noise; give one above 0.")
        noise = np.random.default_rng(seed).standard_normal(array.shape)
        noisy = legal(est, array + level * unit * noise)
        cleaned = est.reconstruct(noisy, condition=condition)
        found["noisy_psnr"][level] = _psnr(array, noisy, unit)
        found["cleaned_psnr"][level] = _psnr(array, cleaned, unit)
    return found


def occlusion(
    est: Subject, X: Any, *, share: float = 0.25, condition: Any = None, seed: int = 0
) -> dict[str, float]:
    """How much of a hidden block a reconstruction brings back.

    A block that covers `share` of each row, at a place of its own, is overwritten: in images a
    rectangle by the middle of the valid range, in vectors a run of columns by the columns' means.
    The model is not told where. occluded_psnr, restored_psnr: mean PSNR (decibels) inside the
    block, before and after a reconstruction, in the units of `denoising`.
    """
    _check_share(share)
    _check_one_kind(est, "a block is hidden in")
    array, unit = np.asarray(X), _unit(est, X)
    image = est.schema_.kind == "image"
    hidden = _blocks(est, array, share, seed)
    cover = _middle(est, array) if image else _column_means(array)
    occluded = legal(est, np.where(hidden, cover, array.astype(np.float64)))
    # A covered entry that was missing anyway has no truth to be held to, and stays missing.
    occluded = _restore_gaps(occluded, array)
    restored = est.reconstruct(occluded, condition=condition)
    truth = np.where(hidden, array.astype(np.float64), np.nan)
    return {
        "occluded_psnr": _psnr(truth, occluded, unit),
        "restored_psnr": _psnr(truth, restored, unit),
    }


def fill(
    est: Subject, X: Any, hidden: Any, *, steps: int = 20, condition: Any = None
) -> np.ndarray:
    """X with its hidden entries replaced by what the model expects there, in the layout of X.

    The hidden entries are first taken as missing, by a model that was trained with gaps, or else
    set to the mean of what is visible in their column (to the training data's mean, where nothing
    is). Then `steps` times the row is encoded and decoded, and the hidden entries are taken from
    the result: the chain of Rezende, Mohamed & Wierstra, 2014, arXiv 1401.4082, with means in place
    of draws.

    hidden: bool, of the shape of X; what is visible is returned unchanged. float32, or the type of
    X for grey levels. Raises LatentryError for a mask of another shape and for steps below 1.
    """
    array, mask = np.asarray(X), np.asarray(hidden)
    if mask.shape != array.shape or mask.dtype != np.bool_:
        raise LatentryError(
            f"hidden has the shape {mask.shape} and the type {mask.dtype}; give true or false for"
            f" each entry of X, {array.shape}."
        )
    if steps < 1:
        raise LatentryError(f"steps={steps} is too few; filling takes at least 1.")
    means = _visible_means(est, array, mask)
    start = np.nan if est.schema_.missing else means
    filled = legal(est, np.where(mask, start, array.astype(np.float64)))
    for _ in range(steps):
        expected = est.reconstruct(filled, condition=condition)
        filled = legal(est, np.where(mask, expected, array.astype(np.float64)))
    return filled


def filling(
    est: Subject,
    X: Any,
    *,
    share: float = 0.3,
    steps: int = 20,
    condition: Any = None,
    seed: int = 0,
) -> dict[str, float]:
    """How well entries hidden at random are filled in.

    A `share` of all entries is hidden, each by its own chance, and brought back by `fill`. rmse:
    root mean squared error over them, in units of the data's range for images and of each column's
    standard deviation for vectors. baseline_rmse: the same for the mean of what is visible in the
    entry's column (for images: pixel), which a model has to beat. In a table of mixed columns an
    error is that of a number on its column's own scale, and 1 for another level; the baseline is
    the mean on that scale, 0, and the most frequent level.
    """
    _check_share(share)
    if est.schema_.kind == "table":
        return _fill_cells(est, X, share, steps, condition, seed)
    array, unit = np.asarray(X), _unit(est, X)
    truth = array.astype(np.float64)
    hidden = np.random.default_rng(seed).random(array.shape) < share
    if not (hidden & ~np.isnan(truth)).any():
        raise LatentryError(
            f"share={share} hides none of the {array.size} entries; give more rows or a larger"
            " share."
        )
    filled = fill(est, array, hidden, steps=steps, condition=condition)
    means = _visible_means(est, array, hidden)
    return {
        "rmse": _rms(((filled - truth) / unit)[hidden]),
        "baseline_rmse": _rms(((means - truth) / unit)[hidden]),
    }


@torch.inference_mode()
def _fill_cells(
    est: Subject, X: Any, share: float, steps: int, condition: Any, seed: int
) -> dict[str, float]:
    """`filling` for a table of mixed columns, whose hidden cells start out as missing."""
    x, c = model_rows(est, X, condition)
    hidden = torch.from_numpy(np.random.default_rng(seed).random(x.shape) < share).to(x.device)
    common = [0.0 if column.ordered else int(np.argmax(column.shares))
              for column in est.schema_.learned]  # fmt: skip
    levels = torch.tensor([not column.ordered for column in est.schema_.learned]).to(x.device)
    off = x - torch.tensor(common).to(x)
    baseline = torch.where(levels, (off != 0).where(~x.isnan(), torch.nan), off**2)
    full, px = x.masked_fill(hidden, torch.nan), None
    for _ in range(steps):
        px = est.model_.decode(est.model_.encode(full, c).mean, c)
        full = torch.where(hidden, px.mean, x)
    assert px is not None
    found = {"rmse": errors(px, x), "baseline_rmse": baseline}
    return {name: _rms(square.sqrt()[hidden].cpu().numpy()) for name, square in found.items()}


def _check_one_kind(est: Subject, what: str) -> None:
    if est.schema_.kind == "table":
        raise LatentryError(
            f"{what} values of one kind, which the columns of a mixed table are not; look at how"
            " hidden cells are filled."
        )


def legal(est: Subject, x: np.ndarray) -> np.ndarray:
    """Rows x (N, ...) with every value moved to the nearest that the model's data can have.

    float32, or the data's own type where grey levels are stored as whole numbers.
    """
    schema, kind = est.schema_, np.dtype(est.schema_.dtype)
    if schema.values == "levels":
        grid = np.clip(np.rint(x), 0, schema.levels - 1)
        return grid.astype(kind if kind.kind in "iu" else np.float32)
    if schema.values in ("binary", "unit"):
        x = np.clip(x, 0.0, 1.0)
    elif schema.values == "count":
        x = np.maximum(x, 0.0)
    return x.astype(np.float32)


def _unit(est: Subject, X: Any) -> Any:
    """What one unit of damage is: a number for images, one for each column (D,) for vectors."""
    array = np.asarray(X, dtype=np.float64)
    if est.schema_.kind == "image":
        return value_range(X, est.schema_)
    centred = array - _column_means(array)
    seen = ~np.isnan(centred)
    spread = np.sqrt(np.where(seen, centred**2, 0).sum(0) / np.maximum(seen.sum(0), 1))
    return np.where(spread > 0, spread, 1.0)


def _psnr(clean: np.ndarray, other: np.ndarray, unit: Any) -> float:
    """Mean PSNR over the rows with an observed entry, in decibels."""
    each = psnr(clean / unit, other / unit)
    return float(each[~np.isnan(each)].mean())


def _rms(error: np.ndarray) -> float:
    """Root mean square of what is not NaN."""
    known = error[~np.isnan(error)]
    return float(np.sqrt((known**2).mean()))


def _column_means(x: np.ndarray) -> np.ndarray:
    """Mean of the observed entries at each place of a sample; of all entries where none was."""
    values = x.astype(np.float64)
    seen = ~np.isnan(values)
    count = seen.sum(0)
    total = np.where(seen, values, 0.0).sum(0)
    overall = total.sum() / max(int(count.sum()), 1)
    return np.where(count > 0, total / np.maximum(count, 1), overall)


def _visible_means(est: Subject, array: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Mean of what is not hidden at each place; of the training data in a column wholly hidden."""
    shown = np.where(hidden, np.nan, array.astype(np.float64))
    means = _column_means(shown)
    if est.schema_.kind == "vector" and est.schema_.values == "real":
        trained = est.scaler_.shift.cpu().numpy().astype(np.float64)
        means = np.where(np.isnan(shown).all(0), trained, means)
    return means


def _middle(est: Subject, array: np.ndarray) -> float:
    if est.schema_.values == "real":
        return float((np.nanmin(array) + np.nanmax(array)) / 2)
    return value_range(array, est.schema_) / 2


def _restore_gaps(damaged: np.ndarray, array: np.ndarray) -> np.ndarray:
    """The damaged rows, missing where the rows themselves were."""
    if array.dtype.kind != "f":
        return damaged
    return np.where(np.isnan(array), np.nan, damaged).astype(damaged.dtype)


def _blocks(est: Subject, array: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Where each row is covered, bool of the shape of `array`."""
    rng, schema = np.random.default_rng(seed), est.schema_
    # In the order in which the sample is stored; the block spans all of its channels.
    sides = schema.shape[1:] if schema.kind == "image" else schema.shape[:1]
    part = share if len(sides) == 1 else np.sqrt(share)
    inside = np.ones((len(array), *sides), dtype=bool)
    for axis, side in enumerate(sides):
        length = min(side, max(1, round(side * part)))
        start = rng.integers(0, side - length + 1, len(array))[:, None]
        run = (np.arange(side) >= start) & (np.arange(side) < start + length)
        inside &= run.reshape(len(array), *(side if i == axis else 1 for i in range(len(sides))))
    if schema.kind != "vector":
        first = schema.kind == "image" and not schema.channels_last
        inside = np.expand_dims(inside, 1 if first else -1)
    stored = np.broadcast_to(inside, (len(array), *schema.stored))
    return stored.reshape(array.shape)


def _check_share(share: float) -> None:
    if not 0 < share < 1:
        raise LatentryError(f"share={share}: the part that is hidden lies between 0 and 1.")
