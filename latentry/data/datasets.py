"""Data sets by name: where their files come from, and how each is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import LatentryError, suggest
from . import formats, sprites
from .cells import frame_of
from .downloads import Remote, fetch_file, local
from .schema import Schema


@dataclass
class Dataset:
    """Samples, and what is known of them.

    x : (N, D), (N, H, W) or (N, H, W, C); memory-mapped where the file is large
    labels : one per sample, or None
    columns : names of the features of a table, or None
    levels : the number of grey levels where the type of `x` does not tell (17 for digits)
    source : what `load(**source)` needs to open the same data again; JSON can hold it
    licence : the terms of the data, as their source states them
    schema : what the columns of a mixed table are, of which `x` are the rows as it packs them
    taken : columns that were taken out of a table, or the known factors of each sample, by name
    """

    name: str
    x: np.ndarray
    labels: np.ndarray | None = None
    columns: tuple[str, ...] | None = None
    levels: int | None = None
    source: dict[str, Any] = field(default_factory=dict)
    licence: str | None = None
    taken: dict[str, np.ndarray] = field(default_factory=dict)
    schema: Schema | None = None

    def __len__(self) -> int:
        return len(self.x)

    def frame(self) -> Any:
        """A table as a DataFrame."""
        if self.schema is not None:
            return self.schema.unpack(torch.from_numpy(self.x))
        import pandas as pd

        return pd.DataFrame(self.x, columns=self.columns)


def packed(schema: Schema, X: Any) -> np.ndarray:
    """The rows (N, D) of a table as the schema of a mixed one packs them.

    X: a DataFrame, a Dataset, or rows that were packed before. Raises LatentryError for all else.
    """
    if isinstance(X, Dataset):
        X = X.x if X.schema == schema else X.frame()
    if frame_of(X) is None and not (isinstance(X, np.ndarray | torch.Tensor) and X.ndim == 2):
        raise LatentryError(
            f"This model was fitted on a table of mixed columns, but was given a"
            f" {type(X).__name__}; give a DataFrame with the same columns."
        )
    return schema.pack(X).numpy()


Arrays = tuple[np.ndarray, np.ndarray | None]


@dataclass(frozen=True)
class Named:
    """A data set that goes by a name.

    sizes : samples in each split, the one first that is meant when none is named
    files : the files of each split; none where nothing needs to be fetched
    read : makes arrays and labels from the paths of a split's files, or from the split's name
    factors : the known factors that the samples were made from, one array each
    """

    name: str
    about: str
    shape: tuple[int, ...]
    sizes: dict[str, int]
    licence: str
    read: Callable[[str, list[Path]], Arrays]
    folder: str = ""
    files: dict[str, tuple[Remote, ...]] = field(default_factory=dict)
    levels: int | None = None
    columns: Callable[[], tuple[str, ...]] | None = None
    factors: Callable[[], dict[str, np.ndarray]] | None = None


def _idx_files(bases: tuple[str, ...], *digests: str) -> dict[str, tuple[Remote, ...]]:
    """MNIST's four files, with the digests of train images and labels, test images and labels."""

    def remote(name: str, md5: str) -> Remote:
        return Remote(name, f"md5:{md5}", tuple(base + name for base in bases))

    train_x, train_y, test_x, test_y = digests
    return {
        "train": (
            remote("train-images-idx3-ubyte.gz", train_x),
            remote("train-labels-idx1-ubyte.gz", train_y),
        ),
        "test": (
            remote("t10k-images-idx3-ubyte.gz", test_x),
            remote("t10k-labels-idx1-ubyte.gz", test_y),
        ),
    }


# The digests by which torchvision knows the original files.
_MNIST = _idx_files(
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "d53e105ee54ea40749a09fcbcd1e9432",
    "9fb629c4189551a2d022fa330f9573f3",
    "ec29112dd5afa0611ce80d1b7f02629c",
)
_FASHION = _idx_files(
    (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "25c81989df183df01b3e8a0aad5dffbe",
    "bef4ecab320f06d8554ea6380940ec79",
    "bb300cfdad3c16e7a12a480ee83cd310",
)


def _binarized(split: str, digest: str) -> tuple[Remote, ...]:
    name = f"binarized_mnist_{split}.amat"
    base = "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/"
    return (Remote(name, f"sha256:{digest}", (base + name,), also=(f"{name}.gz",)),)


def _omniglot(part: str, digest: str) -> tuple[Remote, ...]:
    name = f"images_{part}.zip"
    base = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python/"
    local_names = ("omniglot_28x28_box_uint8.npz", f"images_{part}.npz")
    return (Remote(name, f"md5:{digest}", (base + name,), also=local_names),)


def _cifar(*batches: tuple[int, str]) -> tuple[Remote, ...]:
    bases = (
        "https://cs.stanford.edu/people/karpathy/convnetjs/demo/cifar10/",
        "https://raw.githubusercontent.com/karpathy/convnetjs/master/demo/cifar10/",
    )
    labels = "f8e4cced3cb4ac08bc842380ad30f904622d1faea630a0c7e1a18bf29e39d845"
    named = [(f"cifar10_batch_{k}.png", digest) for k, digest in batches]
    named.append(("cifar10_labels.js", labels))
    return tuple(Remote(n, f"sha256:{d}", tuple(b + n for b in bases)) for n, d in named)


_FREY = Remote(
    "frey_rawface.mat",
    "sha256:2438ba4f0d2a6bd8bac43de756141eaa33c8d248dd613d464bdb1210d9b7af78",
    ("https://cs.nyu.edu/~roweis/data/frey_rawface.mat",),
    also=("freyfaces_uint8.npy",),
    content=True,
)

NAMED = {
    named.name: named
    for named in (
        Named(
            "digits", "handwritten digits (UCI), bundled with scikit-learn", (8, 8),
            {"all": 1797}, "CC BY 4.0", formats.digits, levels=17,
        ),
        Named(
            "iris", "lengths and widths of iris flowers, bundled with scikit-learn", (4,),
            {"all": 150}, "CC BY 4.0", formats.bundled("iris"),
            columns=formats.bundled_columns("iris"),
        ),
        Named(
            "breast-cancer", "shapes of cell nuclei, bundled with scikit-learn", (30,),
            {"all": 569}, "CC BY 4.0", formats.bundled("breast_cancer"),
            columns=formats.bundled_columns("breast_cancer"),
        ),
        Named(
            "two-moons", "points of two interleaved half circles, generated", (2,),
            {"train": 2000, "test": 2000}, "generated", formats.two_moons,
        ),
        Named(
            "sprites", "squares, ellipses and hearts from five known factors, generated", (32, 32),
            {"all": sprites.COUNT}, "generated", formats.sprites, factors=sprites.factors,
        ),
        Named(
            "mnist", "handwritten digits (LeCun, Cortes & Burges)", (28, 28),
            {"train": 60000, "test": 10000}, "none stated", formats.idx_pair, "mnist", _MNIST,
        ),
        Named(
            "fashion-mnist", "pictures of clothes (Xiao, Rasul & Vollgraf, 2017)", (28, 28),
            {"train": 60000, "test": 10000}, "MIT", formats.idx_pair, "fashion_mnist", _FASHION,
        ),
        Named(
            "binarized-mnist", "static binarized MNIST (Larochelle & Murray, 2011)", (28, 28),
            {"train": 50000, "valid": 10000, "test": 10000}, "none stated", formats.amat,
            "binarized_mnist",
            {
                "train": _binarized(
                    "train", "ad693b29f94c14277b095f5238ddefbbdaaae0939789dd2f4f0205278cee3e4d"
                ),
                "valid": _binarized(
                    "valid", "1de3d397c40fe8eeb33dafd4099a1f665ec01e96d9be234aaeeac8a34930e2e2"
                ),
                "test": _binarized(
                    "test", "e6687bfea3f820c174f33b7865140b2a2dd2930ef786f35d45795fc193b5ab2c"
                ),
            },
        ),
        Named(
            "omniglot", "characters of 50 alphabets (Lake et al., 2015), reduced to 28 x 28",
            (28, 28), {"train": 19280, "test": 13180}, "MIT", formats.omniglot, "omniglot",
            {
                "train": _omniglot("background", "68d2efa1b9178cc56df9314c21c6e718"),
                "test": _omniglot("evaluation", "6b91aef0f799c5bb55b94e3f2daec811"),
            },
        ),
        Named(
            "frey-faces", "frames of a film of Brendan Frey's face (Roweis)", (28, 20),
            {"all": 1965}, "none stated", formats.frey_faces, "frey_faces", {"all": (_FREY,)},
        ),
        Named(
            "cifar10-subset", "5,000 colour photographs of CIFAR-10 (Krizhevsky, 2009)",
            (32, 32, 3), {"train": 4000, "test": 1000}, "none stated", formats.cifar,
            "cifar10_subset",
            {
                "train": _cifar(
                    (0, "0614720d69293a033786d5fe2924c4e9a9b48874f19ca4627c4662a864ee9f2d"),
                    (1, "2927e26ea68602e34a7424826b76b7336ce36b8f6bcc2e9fce0c05568ff6b4c1"),
                    (2, "0b2759e307bb405bb1a6531f8a0f557eaec46d7546050612fdb836f0fa60eae0"),
                    (3, "a4530ff15c83886058a97c352f53f38be07d191de8f410e998e91786b5900a26"),
                ),
                "test": _cifar(
                    (50, "5cea9e8fb7933540a2236a4bb25c1ed3a8447f345c55ae659143a95a5d8dac5e")
                ),
            },
        ),
    )
}  # fmt: skip


def parse_name(text: str) -> tuple[Named, str] | None:
    """The data set and split that "mnist" or "mnist:test" names, or None if it is no such name.

    Raises `LatentryError` for a split that the data set does not have.
    """
    name, _, split = text.partition(":")
    named = NAMED.get(name.lower())
    if named is None:
        return None
    if split and split not in named.sizes:
        known = ", ".join(named.sizes)
        raise LatentryError(
            f"The data set {name!r} has no split {split!r}; it has {known}."
            f"{suggest(split, named.sizes)}"
        )
    return named, split or next(iter(named.sizes))


def open_named(text: str, data_dir: str | Path | None = None) -> Dataset | None:
    """The data set that `text` names (see `parse_name`), fetched if it is not on this machine.

    Raises `LatentryError` for an unknown split, a failed download, and damaged files.
    """
    parsed = parse_name(text)
    if parsed is None:
        return None
    named, split = parsed
    paths = [fetch_file(remote, named.folder, data_dir) for remote in named.files.get(split, ())]
    x, labels = named.read(split, paths)
    for remote, path in zip(named.files.get(split, ()), paths, strict=True):
        if remote.content and path.name == remote.name:
            formats.verify_content(x, remote.digest, path)
    source: dict[str, Any] = {"data": text}
    if data_dir is not None:
        source["data_dir"] = str(Path(data_dir).resolve())
    columns = named.columns() if named.columns else None
    taken = named.factors() if named.factors else {}
    return Dataset(text, x, labels, columns, named.levels, source, named.licence, taken)


def datasets(data_dir: str | Path | None = None) -> list[dict[str, Any]]:
    """One row per named data set: name, about, shape, samples per split, licence, and where.

    `where` is "bundled", "generated", the folder that holds its files, or None if they are yet to
    be fetched.
    """
    return [
        {
            "name": named.name,
            "about": named.about,
            "shape": list(named.shape),
            "samples": dict(named.sizes),
            "licence": named.licence,
            "where": _where(named, data_dir),
        }
        for named in NAMED.values()
    ]


def _where(named: Named, data_dir: str | Path | None) -> str | None:
    if not named.files:
        return "generated" if named.licence == "generated" else "bundled"
    paths = [local(r, named.folder, data_dir) for files in named.files.values() for r in files]
    if any(path is None for path in paths):
        return None
    return str(next(path.parent for path in paths if path is not None))


def fetch(name: str, data_dir: str | Path | None = None) -> Path | None:
    """Fetches all files of a named data set; the folder they are in, None if it needs no files.

    Raises `LatentryError` for an unknown name and for a failed download.
    """
    parsed = parse_name(name)
    if parsed is None:
        raise LatentryError(
            f"There is no data set named {name!r}; see `latentry data` for the names."
            f"{suggest(name, NAMED)}"
        )
    named, _ = parsed
    paths = [
        fetch_file(remote, named.folder, data_dir)
        for files in named.files.values()
        for remote in files
    ]
    return paths[0].parent if paths else None
