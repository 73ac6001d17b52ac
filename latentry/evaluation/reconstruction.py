"""How close a reconstruction is to its original: squared error, PSNR and SSIM.

x and y are (N, ...) in the same units; a missing entry is NaN. Each figure comes for each row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ..core.columns import errors
from ..data.arrays import known
from ..data.schema import Schema
from ..errors import LatentryError
from .subject import Subject

MOST_DB = 100.0
"""The PSNR of a row that is reproduced exactly (or to a hundred-thousandth of the span)."""
ROWS_AT_ONCE = 1024
"""Images whose windows are held in memory together."""
WINDOW, SIGMA = 11, 1.5
"""Side and standard deviation of SSIM's Gaussian window, in pixels."""
ABOUT_CELLS = (
    "The squared error of a table is that of numbers on their columns' own scale, and 1 for another"
    " level; PSNR and SSIM are for values of one kind."
)


def mse(x: Any, y: Any) -> np.ndarray:
    """Mean squared error of each row over its observed entries, (N,), in squared data units.

    NaN where a row has no observed entry.
    """
    a, b = _pair(x, y)
    square = ((a - b) ** 2).reshape(len(a), -1)
    seen = ~np.isnan(square)
    count = seen.sum(1)
    total = np.where(seen, square, 0.0).sum(1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def psnr(x: Any, y: Any, *, span: float = 1.0) -> np.ndarray:
    """Peak signal-to-noise ratio of each row, 10 log10(span^2 / mse), (N,), in decibels.

    `span` is the distance between the lowest and highest value that data can have. At most
    `MOST_DB`, so that a mean over rows stays finite when one of them is exact.
    """
    if not span > 0:
        raise LatentryError(f"span={span}: the range of the data's values is above 0.")
    share = np.maximum(mse(x, y) / span**2, 10 ** (-MOST_DB / 10))
    return -10 * np.log10(share)


def ssim(x: Any, y: Any, *, span: float = 1.0) -> np.ndarray:
    """Structural similarity of each image, (N,), from -1 to 1 (the same image).

    Wang, Bovik, Sheikh & Simoncelli, 2004, "Image quality assessment: from error visibility to
    structural similarity", IEEE Trans. Image Processing 13(4), with its constants: K1 = 0.01,
    K2 = 0.03, an 11 x 11 Gaussian window with sigma 1.5, averaged over the positions where the
    window fits and over the channels. An image with a side below 11 gets the largest odd window
    that fits. x, y: (N, H, W), (N, H, W, C) or (N, C, H, W) with C <= 4. An image with a missing
    pixel has NaN.
    """
    a, b = np.asarray(x), np.asarray(y)
    _check_shapes(a, b)
    starts = range(0, max(len(a), 1), ROWS_AT_ONCE)
    parts = [_ssim(a[i : i + ROWS_AT_ONCE], b[i : i + ROWS_AT_ONCE], span) for i in starts]
    return np.concatenate(parts)


def _ssim(x: np.ndarray, y: np.ndarray, span: float) -> np.ndarray:
    a, b = (_channels_first(part) for part in _pair(x, y))
    low, high = (0.01 * span) ** 2, (0.03 * span) ** 2
    mean_a, mean_b = _blur(a), _blur(b)
    var_a, var_b = _blur(a * a) - mean_a**2, _blur(b * b) - mean_b**2
    cov = _blur(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + low) / (mean_a**2 + mean_b**2 + low)
    structure = (2 * cov + high) / (var_a + var_b + high)
    return (luminance * structure).mean((1, 2, 3))


def reconstruction(
    x: Any,
    y: Any,
    *,
    span: float | None = None,
    labels: Any = None,
    worst: int = 8,
) -> dict[str, Any]:
    """How well rows x are reconstructed as y.

    mse, psnr, ssim: means over the rows (ssim is None for vectors, and where all rows have gaps).
    per_class: the mse of the rows of each label, None without labels.
    worst: numbers of the rows with the largest mse, the worst first.
    span: see `psnr`; None takes `value_range(x)`.
    """
    span = value_range(x) if span is None else span
    each = mse(x, y)
    image = np.ndim(x) > 2
    return {
        "mse": _mean(each),
        "psnr": _mean(psnr(x, y, span=span)),
        "ssim": _mean(ssim(x, y, span=span)) if image else None,
        "per_class": None if labels is None else _per_class(each, labels),
        "worst": np.argsort(-np.nan_to_num(each), kind="stable")[:worst].tolist(),
    }


def scaled(est: Subject, rows: np.ndarray) -> np.ndarray:
    """Rows in the layout of the data, in the model's scale: (N, H, W), (N, H, W, C) or (N, D)."""
    schema, scaler = est.schema_, est.scaler_
    shift, scale = (each.cpu().double().numpy() for each in (scaler.shift, scaler.scale))
    folded = np.asarray(rows, dtype=np.float64).reshape(len(rows), *schema.stored)
    if schema.kind != "image":
        return ((folded - shift) / scale).reshape(len(rows), -1)
    if not schema.channels_last:
        folded = np.moveaxis(folded, 1, -1)
    folded = (folded - shift.reshape(-1)) / scale.reshape(-1)
    return folded[..., 0] if folded.shape[-1] == 1 else folded


def of_cells(square: np.ndarray, *, labels: Any = None, worst: int = 8) -> dict[str, Any]:
    """`reconstruction` of a table of mixed columns, by the squared error of its cells (N, D).

    A mean of what is not NaN; psnr and ssim are None.
    """
    # Rows that differ by just so much, and are missing where the errors are.
    found = reconstruction(0 * square, np.sqrt(square), span=1.0, labels=labels, worst=worst)
    return found | {"psnr": None}


@torch.inference_mode()
def cell_errors(est: Subject, X: Any, *, condition: Any = None) -> np.ndarray:
    """The squared error of each cell of a table, (N, D): see `core.columns.errors`.

    Of what is decoded from the codes that `transform` gives.
    """
    parts: list[torch.Tensor] = []
    codes = torch.from_numpy(est.transform(X, condition=condition))
    for x, c in est._batches(X, condition):
        z, codes = codes[: len(x)].to(x.device), codes[len(x) :]
        parts.append(errors(est.model_.decode(z, c), x).double().cpu())
    return torch.cat(parts).numpy()


def value_range(x: Any, schema: Schema | None = None) -> float:
    """The distance between the lowest and the highest value that such data can have.

    Known for levels, binary and unit data, and for 8-bit and bool arrays; the observed range else
    (1 where nothing varies).
    """
    array = np.asarray(x)
    if schema is not None and schema.values in ("levels", "binary", "unit"):
        return schema.levels - 1.0 if schema.values == "levels" else 1.0
    if array.dtype in (np.uint8, np.bool_):
        return 255.0 if array.dtype == np.uint8 else 1.0
    if not array.size or np.isnan(array).all():
        return 1.0
    return float(np.nanmax(array) - np.nanmin(array)) or 1.0


def _pair(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both as float64: the difference of two 8-bit numbers would wrap around."""
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    _check_shapes(a, b)
    return a, b


def _check_shapes(a: np.ndarray, b: np.ndarray) -> None:
    if a.shape != b.shape or a.ndim < 2:
        raise LatentryError(
            f"originals of the shape {a.shape} and reconstructions of the shape {b.shape} cannot"
            " be compared; give two arrays (N, ...) of one shape."
        )


def _channels_first(x: np.ndarray) -> np.ndarray:
    """Images as (N, C, H, W)."""
    if x.ndim == 3:
        return x[:, None]
    if x.ndim == 4 and x.shape[-1] <= 4:
        return np.moveaxis(x, -1, 1)
    if x.ndim == 4 and x.shape[1] <= 4:
        return x
    raise LatentryError(
        f"an array of the shape {x.shape} holds no images; SSIM takes (N, H, W), (N, H, W, C) or"
        " (N, C, H, W) with at most 4 channels."
    )


def _blur(x: np.ndarray) -> np.ndarray:
    """Gaussian means of (N, C, H, W) where the window fits."""
    from scipy.ndimage import correlate1d

    side = min(WINDOW, *(n - (n + 1) % 2 for n in x.shape[2:]))
    place = np.arange(side) - side // 2
    weight = np.exp(-0.5 * (place / SIGMA) ** 2)
    weight /= weight.sum()
    half = side // 2
    for axis in (2, 3):
        x = correlate1d(x, weight, axis=axis)
        x = np.take(x, range(half, x.shape[axis] - half), axis)
    return x


def _mean(each: np.ndarray) -> float | None:
    """The mean over the rows that have the figure."""
    known = each[~np.isnan(each)]
    return float(known.mean()) if len(known) else None


def _per_class(each: np.ndarray, labels: Sequence[Any] | np.ndarray) -> dict[Any, float | None]:
    names = np.asarray(labels)
    if len(names) != len(each):
        raise LatentryError(
            f"{len(names)} labels were given for {len(each)} rows; give one for each row."
        )
    kinds = np.unique(names[known(names)]).tolist()
    return {name: _mean(each[names == name]) for name in kinds}
