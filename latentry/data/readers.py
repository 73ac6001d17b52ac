"""Opening data: by name, or from a file or a folder of images."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import LatentryError, suggest
from .datasets import NAMED, Dataset, open_named
from .formats import load_npz, unreadable
from .idx import labels_beside, looks_like_idx, read_idx
from .images import EXTENSIONS, read_images
from .mixed import read_told
from .schema import Schema
from .tables import Known, read_csv, read_frame, read_parquet

MAP_BYTES = 256 * 2**20
DATA_KEYS = ("x", "X", "data", "images", "arr_0")
LABEL_KEYS = ("y", "Y", "labels", "label", "targets")
READABLE = ".npy, .npz, .csv, .tsv, .parquet, IDX (also .gz), or a folder of images"


def load(
    data: str | Path,
    *,
    data_dir: str | Path | None = None,
    label: str | None = None,
    take: Sequence[str] = (),
    drop: Sequence[str] = (),
    shape: Sequence[int] | None = None,
    schema: Known = None,
) -> Dataset:
    """The data set that `data` names: a known name, a file, or a folder of images.

    data : "mnist", "mnist:test", ... (see `datasets`), or a path: .npy (memory-mapped if larger
        than 256 MB), .npz (x and perhaps y), IDX, .csv, .tsv, .parquet, or a folder of images
        whose subfolders are labels
    data_dir : where files of named data sets are looked for, before LATENTRY_DATA and the cache
    label : the column of a table that becomes `labels`
    take : columns of a table that go to `taken` instead of `x`
    drop : columns of a table to leave out
    shape : the shape of one sample, for rows that are flattened images
    schema : what columns of a table are, as in `infer_columns`; or the `Schema` of all of them

    Raises `LatentryError` for an unknown name, a missing, empty, damaged or unreadable file, text
    where numbers belong, and labels of another length than the data.
    """
    options: dict[str, Any] = {"label": label, "take": list(take), "drop": list(drop)}
    columns = [*take] if label is None or label in take else [label, *take]
    if schema is not None and not isinstance(schema, Schema):
        schema = dict(read_told(schema))
        options["schema"] = schema
    named = open_named(str(data), data_dir)
    if named is not None:
        found = _take_named(named, columns, drop)
        if schema is not None:
            _know(found, schema)
    else:
        path = _existing(Path(data), str(data))
        found = _read_path(path, columns, drop, schema)
        found.source = {"data": str(path.resolve())}
    if label is not None:
        found.labels = found.taken[label] if label in take else found.taken.pop(label)
    found.source |= {name: value for name, value in options.items() if value}
    if shape is not None:
        _fold(found, tuple(int(n) for n in shape))
        found.source["shape"] = [int(n) for n in shape]
    if found.labels is not None and len(found.labels) != len(found.x):
        raise LatentryError(
            f"{data} has {len(found.labels)} labels for {len(found.x)} samples; give one for each."
        )
    return found


def load_frame(
    data: str | Path, *, data_dir: str | Path | None = None, drop: Sequence[str] = ()
) -> Any:
    """The table that `data` names as a pandas DataFrame, its cells as they are in the file.

    data : a named data set or a .csv, .tsv or .parquet file
    drop : columns to leave out

    Raises `LatentryError` as `load` does, and for what is no table.
    """
    named = open_named(str(data), data_dir)
    if named is None:
        path = _existing(Path(data), str(data))
        if path.suffix.lower() in (".csv", ".tsv", ".parquet"):
            return read_frame(path, drop)
        raise LatentryError(f"{data} is no table; give a .csv, .tsv or .parquet file.")
    named = _take_named(named, [], drop)
    if named.columns is None:
        raise LatentryError(f"{data} is no table; give a .csv, .tsv or .parquet file.")
    return named.frame()


def _existing(path: Path, text: str) -> Path:
    path = path.expanduser()
    if path.is_dir():
        return path
    if path.is_file():
        if path.stat().st_size == 0:
            raise LatentryError(f"{path} is empty; give a file that holds data.")
        return path
    if path.suffix == "" and len(path.parts) == 1:
        raise LatentryError(
            f"There is no data set, file or folder named {text!r}."
            f"{suggest(text.partition(':')[0], NAMED)} See `latentry data` for the names."
        )
    beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    raise LatentryError(
        f"There is no file or folder {text!r}; check the path.{suggest(path.name, beside)}"
    )


def _read_path(path: Path, take: Sequence[str], drop: Sequence[str], schema: Known) -> Dataset:
    suffix = path.suffix.lower()
    try:
        if path.is_file() and suffix in (".csv", ".tsv", ".parquet"):
            read = read_parquet if suffix == ".parquet" else read_csv
            table = read(path, take, drop, schema)
            columns, taken = table.columns, table.taken
            return Dataset(path.stem, table.x, columns=columns, taken=taken, schema=table.schema)
        if schema is not None and not isinstance(schema, Schema):
            raise LatentryError(f"{path} is no table, so it has no columns a schema could be of.")
        x, labels = _read_arrays(path, suffix)
    except PermissionError as error:
        raise LatentryError(f"{path} cannot be read: permission is denied.") from error
    found = Dataset(path.name, x, labels)
    _refuse_columns(found, [*take, *drop])
    return found


def _read_arrays(path: Path, suffix: str) -> tuple[np.ndarray, np.ndarray | None]:
    if path.is_dir():
        return read_images(path)
    if suffix == ".npy":
        return _read_npy(path), None
    if suffix == ".npz":
        return _read_npz(path)
    if looks_like_idx(path):
        return read_idx(path), labels_beside(path)
    if suffix in EXTENSIONS:
        raise LatentryError(f"{path} is a single image; give the folder that holds the images.")
    raise LatentryError(
        f"{path} is of a type that cannot be read ({suffix or 'no extension'}); give {READABLE}."
    )


def _read_npy(path: Path) -> np.ndarray:
    try:
        mapped = "r" if path.stat().st_size > MAP_BYTES else None
        return np.load(path, mmap_mode=mapped, allow_pickle=False)
    except PermissionError:
        raise
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise LatentryError(unreadable(path, error)) from error


def _read_npz(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    arrays = load_npz(path)
    key = next((k for k in DATA_KEYS if k in arrays), None)
    if key is None and len(arrays) == 1:
        key = next(iter(arrays))
    if key is None:
        held = ", ".join(arrays) or "nothing"
        raise LatentryError(
            f"{path} holds {held}, so it is not clear what to train on; name one array 'x'."
        )
    labels = next((arrays[k] for k in LABEL_KEYS if k in arrays), None)
    if labels is not None and labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    return arrays[key], labels


def _take_named(found: Dataset, take: Sequence[str], drop: Sequence[str]) -> Dataset:
    """Columns of a named table taken out or dropped, as for the tables in files.

    What a data set has in `taken` from the start, such as known factors, may be taken too.
    """
    if found.columns is None:
        _refuse_columns(found, [*(name for name in take if name not in found.taken), *drop])
        return found
    names = found.columns
    for name in (*take, *drop):
        if name not in names:
            raise LatentryError(
                f"The data set {found.name!r} has no column {name!r}.{suggest(name, names)}"
            )
    found.taken = {name: found.x[:, names.index(name)] for name in take}
    keep = [i for i, name in enumerate(names) if name not in (*take, *drop)]
    if not keep:
        raise LatentryError(f"{found.name!r} has no columns left for the model; drop fewer.")
    if len(keep) < len(names):
        found.x, found.columns = found.x[:, keep], tuple(names[i] for i in keep)
    return found


def _know(found: Dataset, schema: Known) -> None:
    """A table of numbers becomes a mixed one, by what is known of its columns."""
    if found.columns is None:
        raise LatentryError(f"{found.name} is no table, so it has no columns a schema could be of.")
    frame = found.frame()
    known = schema if isinstance(schema, Schema) else Schema.of_table(frame, schema)
    found.schema, found.x, found.columns = known, known.pack(frame).numpy(), known.columns


def _refuse_columns(found: Dataset, asked: Sequence[str]) -> None:
    if asked:
        raise LatentryError(
            f"{found.name} has no named columns, so {asked[0]!r} cannot be picked; that works for "
            f".csv and .parquet tables."
        )


def _fold(found: Dataset, shape: tuple[int, ...]) -> None:
    """Rows become samples of `shape`, and lose the names of their columns."""
    width = math.prod(found.x.shape[1:])
    if math.prod(shape) != width:
        raise LatentryError(
            f"The shape {shape} holds {math.prod(shape)} values, but each sample of {found.name} "
            f"has {width}; give a shape with as many."
        )
    found.x, found.columns = found.x.reshape(len(found.x), *shape), None
