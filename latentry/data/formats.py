"""How the files of each named data set are read: from paths to arrays and labels."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import LatentryError
from .idx import read_bytes, read_idx

Arrays = tuple[np.ndarray, np.ndarray | None]


def digits(split: str, paths: list[Path]) -> Arrays:
    """8 x 8 images of 17 grey levels, 0 to 16."""
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    return bunch.images.astype(np.uint8), bunch.target


def bundled(name: str) -> Callable[[str, list[Path]], Arrays]:
    """A table of scikit-learn's; the labels are the names of its classes."""

    def read(split: str, paths: list[Path]) -> Arrays:
        bunch = _bunch(name)
        return bunch.data.astype(np.float32), bunch.target_names[bunch.target].astype(object)

    return read


def bundled_columns(name: str) -> Callable[[], tuple[str, ...]]:
    """The column names of a table of scikit-learn's."""
    return lambda: tuple(str(column) for column in _bunch(name).feature_names)


def _bunch(name: str) -> Any:
    from sklearn import datasets

    return getattr(datasets, f"load_{name}")()


def two_moons(split: str, paths: list[Path]) -> Arrays:
    """Points in the plane; each split has a fixed seed of its own."""
    from sklearn.datasets import make_moons

    x, y = make_moons(2000, noise=0.05, random_state=0 if split == "train" else 1)
    return np.asarray(x, dtype=np.float32), np.asarray(y)


def sprites(split: str, paths: list[Path]) -> Arrays:
    """The whole grid of sprites; the labels are the names of their shapes."""
    from .sprites import SHAPES, make

    images, factors, _ = make()
    return images, np.asarray(SHAPES, dtype=object)[factors[:, 0]]


def idx_pair(split: str, paths: list[Path]) -> Arrays:
    """An image file and a label file of MNIST's kind."""
    x, labels = (read_idx(path) for path in paths)
    if len(x) != len(labels):
        raise LatentryError(
            f"{paths[0]} holds {len(x)} images, but {paths[1].name} {len(labels)} labels; "
            f"get both files again."
        )
    return x, labels


def amat(split: str, paths: list[Path]) -> Arrays:
    """Rows of 784 zeros and ones as text."""
    text = np.frombuffer(read_bytes(paths[0]), np.uint8)
    values = text[text > ord(" ")] - ord("0")
    if len(values) == 0 or len(values) % 784 or values.max() > 1:
        raise LatentryError(
            f"{paths[0]} is not rows of 784 zeros and ones; remove it and fetch it again."
        )
    return values.reshape(-1, 28, 28), None


def omniglot(split: str, paths: list[Path]) -> Arrays:
    """Characters with 20 drawings of each, ink = 255, reduced to 28 x 28 by averaging boxes."""
    path = paths[0]
    part = "background" if split == "train" else "evaluation"
    if path.name.endswith("uint8.npz"):
        x = load_npz(path)[part]
    else:
        paper = load_npz(path)["images"] if path.suffix == ".npz" else _omniglot_zip(path)
        x = _reduced(paper.reshape(-1, *paper.shape[-2:]))
    x = x.reshape(-1, 28, 28)
    return x, np.arange(len(x)) // 20


def _omniglot_zip(path: Path) -> np.ndarray:
    """The drawings (N, 105, 105), True where paper, in the order of alphabet and character."""
    from PIL import Image

    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(n for n in archive.namelist() if n.endswith(".png"))
            return np.stack([np.asarray(Image.open(io.BytesIO(archive.read(n)))) for n in names])
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise LatentryError(
            f"{path} is damaged ({error}); remove it and fetch it again."
        ) from error


def _reduced(paper: np.ndarray) -> np.ndarray:
    from PIL import Image

    box = Image.Resampling.BOX
    ink = np.where(paper, 0, 255).astype(np.uint8)
    return np.stack([np.asarray(Image.fromarray(i).resize((28, 28), box)) for i in ink])


def frey_faces(split: str, paths: list[Path]) -> Arrays:
    """Grey frames of 28 x 20, from the original MATLAB file or an array."""
    if paths[0].suffix == ".npy":
        x = np.load(paths[0], allow_pickle=False)
    else:
        from scipy.io import loadmat

        x = np.ascontiguousarray(loadmat(paths[0])["ff"].T)
    return x.reshape(-1, 28, 20), None


def cifar(split: str, paths: list[Path]) -> Arrays:
    """Batches of 1,000 images, one per row of a PNG, and one file with the labels of all."""
    from PIL import Image

    *pictures, script = paths
    labels = np.array([int(n) for n in re.findall(r"\d+", script.read_text().split("[")[1])])
    x, y = [], []
    for path in pictures:
        with Image.open(path) as image:
            x.append(np.asarray(image.convert("RGB")).reshape(1000, 32, 32, 3))
        batch = int(path.stem.rpartition("_")[2])
        y.append(labels[1000 * batch : 1000 * (batch + 1)])
    return np.concatenate(x), np.concatenate(y)


def load_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays in an .npz file.

    Raises `LatentryError` for a damaged file, and for one that holds Python objects, which
    would have to run code to be read.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, AttributeError, TypeError) as error:
        raise LatentryError(unreadable(path, error)) from error


def unreadable(path: Path, error: Exception) -> str:
    """The sentence about an array file that numpy cannot read."""
    if "pickle" in str(error) and "Object arrays" in str(error):
        return f"{path} holds Python objects, not numbers; save it as an array of a numeric type."
    return f"{path} is truncated, damaged or of another type ({error}); get the file again."


def verify_content(x: np.ndarray, expected: str, path: Path) -> None:
    """Raises `LatentryError` unless the values in `x` have the `expected` digest."""
    algorithm, _, value = expected.partition(":")
    if hashlib.new(algorithm, np.ascontiguousarray(x).tobytes()).hexdigest() != value:
        raise LatentryError(
            f"{path} does not hold the known values (their {algorithm} differs); remove it and "
            f"fetch it again."
        )
