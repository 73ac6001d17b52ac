"""IDX files, the format of MNIST (LeCun, Cortes & Burges, http://yann.lecun.com/exdb/mnist)."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from ..errors import LatentryError

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def looks_like_idx(path: Path) -> bool:
    """Whether the file's name is one that IDX files go by."""
    name = path.name.lower().removesuffix(".gz")
    return name.endswith(("ubyte", ".idx")) or ".idx" in name or "-idx" in name


def read_bytes(path: Path) -> bytes:
    """A file's content, unpacked if it is compressed by gzip.

    Raises `LatentryError` for a truncated or damaged file.
    """
    content = path.read_bytes()
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise LatentryError(
            f"{path} is truncated or damaged ({error}); get the file again."
        ) from error


def read_idx(path: Path) -> np.ndarray:
    """The array in an IDX file, compressed by gzip or not.

    Raises `LatentryError` for a file that is no IDX file, truncated or damaged.
    """
    content = read_bytes(path)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES or not content[3]:
        raise LatentryError(f"{path} is no IDX file (its first bytes are others); check its type.")
    kind, ndim = np.dtype(_TYPES[content[2]]), content[3]
    start = 4 + 4 * ndim
    if len(content) < start:
        raise LatentryError(f"{path} is truncated in its header; get the file again.")
    shape = struct.unpack(f">{ndim}I", content[4:start])
    expected = start + math.prod(shape) * kind.itemsize
    if len(content) != expected:
        raise LatentryError(
            f"{path} has {len(content)} bytes where its header promises {expected}; "
            f"get the file again."
        )
    array = np.frombuffer(content, kind, offset=start).reshape(shape)
    return array.astype(kind.newbyteorder("="), copy=False)


def labels_beside(path: Path) -> np.ndarray | None:
    """The labels of an image file named as MNIST's, if they stand beside it."""
    if "images-idx3" not in path.name:
        return None
    sibling = path.with_name(path.name.replace("images-idx3", "labels-idx1"))
    return read_idx(sibling) if sibling.is_file() else None
