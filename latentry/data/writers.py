"""Writing results: arrays, tables, pictures and animations, chosen by the file's extension."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import LatentryError, suggest
from .files import atomic

if TYPE_CHECKING:
    from .schema import Schema

WRITABLE = (".npy", ".npz", ".csv", ".parquet", ".png", ".gif")
PICTURES = (".png", ".gif")
SMALLEST_TILE = 32  # pixels; smaller images are enlarged by a whole factor so that one can see them


def check_output(path: str | Path, *, force: bool = False) -> Path:
    """`path`, if something can be written there. Call it before the work, not after.

    Raises `LatentryError` for an unknown extension, a path that exists already (unless `force`),
    and a folder that does not exist.
    """
    path = Path(path).expanduser()
    if path.suffix.lower() not in WRITABLE:
        raise LatentryError(
            f"Cannot write {path}: its extension {path.suffix or '(none)'!r} is unknown; use one "
            f"of {', '.join(WRITABLE)}.{suggest(path.suffix, WRITABLE)}"
        )
    if path.is_dir():
        raise LatentryError(f"Cannot write {path}: a folder stands there; choose another path.")
    if path.exists() and not force:
        raise LatentryError(
            f"Cannot write {path}: it exists already; choose another path or pass --force."
        )
    if not path.parent.is_dir():
        raise LatentryError(f"Cannot write {path}: its folder does not exist; create it first.")
    return path


def write(
    path: str | Path,
    array: np.ndarray,
    *,
    schema: Schema | None = None,
    columns: Sequence[str] | None = None,
    labels: np.ndarray | None = None,
    per_row: int | None = None,
    force: bool = False,
) -> Path:
    """Writes `array` (N, ...) to `path` by its extension, whole or not at all.

    .npy holds the array, .npz also the labels (as x and y), .csv and .parquet one row per sample,
    .png a grid of images with `per_row` in a row, .gif one frame per image. `schema` names the
    columns and says what the values of images mean. A mixed table is a DataFrame, for .csv or
    .parquet.

    Raises `LatentryError` as `check_output` does, for vectors written as pictures, and when the
    disk is full or permission is denied.
    """
    path = check_output(path, force=force)
    suffix = path.suffix.lower()
    if hasattr(array, "columns") and suffix not in (".csv", ".parquet"):
        raise LatentryError(
            f"Cannot write {path}: a table of mixed columns is written as .csv or .parquet."
        )
    if suffix in PICTURES:
        save_images(path, to_uint8(array, schema), per_row=per_row)
    elif suffix == ".npy":
        with atomic(path) as file:
            np.save(file, array, allow_pickle=False)
    elif suffix == ".parquet" and hasattr(array, "column_names"):  # of Arrow, with all its types
        from pyarrow import parquet

        with atomic(path) as file:
            parquet.write_table(array, file)
    elif suffix == ".npz":
        arrays: dict[str, Any] = {"x": array}
        if labels is not None:
            arrays["y"] = np.asarray(labels.tolist()) if labels.dtype == object else labels
        with atomic(path) as file:
            np.savez(file, **arrays)
    else:
        if columns is None and schema is not None and array.shape[1:] == schema.given:
            columns = schema.columns
        save_table(path, array, columns, labels)
    return path


def save_table(
    path: str | Path,
    array: np.ndarray,
    columns: Sequence[str] | None = None,
    labels: np.ndarray | None = None,
) -> None:
    """Writes `array` (N, ...) as a .csv or .parquet table with one row per sample.

    Columns are named x0, x1, ... unless `columns` names them; `labels` become a last column.
    """
    path = Path(path)
    frame = _frame(array, columns)
    if labels is not None:
        frame["label"] = labels
    save_frame(path, frame)


def save_frame(path: Path, frame: Any) -> None:
    """Writes a pandas DataFrame as a .csv or .parquet table, without its index."""
    if path.suffix.lower() == ".csv":
        with atomic(path, "w") as file:
            frame.to_csv(file, index=False, lineterminator="\n")
        return
    try:
        with atomic(path) as file:
            frame.to_parquet(file, index=False)
    except ImportError as error:
        raise LatentryError(
            f"Writing {path} needs pyarrow; install it with `pip install 'latentry[parquet]'`."
        ) from error


def _frame(array: Any, columns: Sequence[str] | None) -> Any:
    """A pandas DataFrame of rows (N, ...), or of a DataFrame."""
    import pandas as pd

    if hasattr(array, "column_names"):  # of Arrow
        return array.to_pandas(types_mapper=pd.ArrowDtype)
    if hasattr(array, "columns"):
        polars = not hasattr(array, "iloc")
        return pd.DataFrame({n: array[n].to_list() for n in array.columns}) if polars else array
    rows = array.reshape(len(array), -1)
    names = list(columns) if columns is not None else [f"x{i}" for i in range(rows.shape[1])]
    if len(names) != rows.shape[1]:
        raise LatentryError(
            f"{len(names)} column names were given for {rows.shape[1]} columns; give one for each."
        )
    return pd.DataFrame(rows, columns=names, copy=False)


def to_uint8(array: np.ndarray, schema: Schema | None = None) -> np.ndarray:
    """Images (N, H, W) or (N, H, W, C) in data units as uint8, in the layout that PIL takes.

    Levels and values from 0 to 1 keep their scale; real values and counts are stretched from their
    smallest to their largest. Without a schema, floats are taken to go from 0 to 1.

    Raises `LatentryError` for samples that are no images.
    """
    if schema is not None and schema.kind == "image":
        array = array.reshape(len(array), *schema.stored)
        if not schema.channels_last:
            array = np.moveaxis(array, 1, -1)
    if array.ndim == 4 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim not in (3, 4) or (schema is not None and schema.kind != "image"):
        raise LatentryError(
            "Only images can be written as .png or .gif, and these samples are vectors; write "
            ".npy, .npz, .csv or .parquet."
        )
    if array.ndim == 4 and array.shape[-1] not in (3, 4):
        raise LatentryError(
            f"Images of {array.shape[-1]} channels cannot be written as .png or .gif; write .npy."
        )
    if array.dtype == np.uint8 and (schema is None or schema.values == "levels"):
        top = 255 if schema is None else schema.levels - 1
        return array if top == 255 else np.rint(array * (255.0 / top)).astype(np.uint8)
    low, high = 0.0, 1.0
    if schema is not None and schema.values == "levels":
        high = schema.levels - 1
    elif schema is not None and schema.values in ("real", "count"):
        low, high = float(np.nanmin(array)), float(np.nanmax(array))
    unit = (np.nan_to_num(array.astype(np.float32)) - low) / max(high - low, 1e-12)
    return np.rint(255 * unit.clip(0, 1)).astype(np.uint8)


def save_images(
    path: str | Path, images: np.ndarray, *, per_row: int | None = None, milliseconds: int = 120
) -> None:
    """Writes uint8 images (N, H, W[, C]) as a grid (.png) or an animation (.gif).

    The grid is about square unless `per_row` says how many images a row has. Images smaller than
    32 pixels are enlarged by a whole factor.
    """
    from PIL import Image

    path = Path(path)
    factor = max(1, math.ceil(SMALLEST_TILE / min(images.shape[1:3])))
    images = images.repeat(factor, axis=1).repeat(factor, axis=2)
    if path.suffix.lower() == ".gif":
        first, *others = [Image.fromarray(image) for image in images]
        with atomic(path) as file:
            first.save(
                file, "GIF", save_all=True, append_images=others, duration=milliseconds, loop=0
            )
        return
    with atomic(path) as file:
        Image.fromarray(grid(images, per_row)).save(file, "PNG")


def grid(images: np.ndarray, per_row: int | None = None, gap: int = 2) -> np.ndarray:
    """uint8 images (N, H, W[, C]) side by side in one picture, with white gaps between them."""
    n, height, width = images.shape[:3]
    across = min(n, per_row or math.ceil(math.sqrt(n)))
    down = math.ceil(n / across)
    shape = (down * (height + gap) - gap, across * (width + gap) - gap, *images.shape[3:])
    picture = np.full(shape, 255, np.uint8)
    for i, image in enumerate(images):
        y, x = (i // across) * (height + gap), (i % across) * (width + gap)
        picture[y : y + height, x : x + width] = image
    return picture
