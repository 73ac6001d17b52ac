"""Writing files that are either whole or not there, and checking that they stayed whole."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from ..errors import LatentryError

_REASONS = {
    errno.ENOSPC: "no space is left on the device; free some space or choose another place",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another place",
    errno.EACCES: "permission is denied; choose a folder that you may write to",
    errno.EPERM: "permission is denied; choose a folder that you may write to",
    errno.EROFS: "the file system is read-only; choose another place",
    errno.ENOENT: "its folder does not exist; create it first",
    errno.ENOTDIR: "a part of its path is a file, not a folder; choose another path",
    errno.EISDIR: "a folder stands there; choose another path",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Inside the block, what stops a file from being written is told in a sentence.

    Raises `LatentryError` where the system says why: a full disk, a missing folder, no permission.
    Errors of a network that the block reads from pass through.
    """
    try:
        yield
    except OSError as error:
        # numpy says how much of an array it could not write, but not why: the space is gone.
        number = errno.ENOSPC if " written" in str(error) else error.errno
        if number is None or isinstance(error, (ConnectionError, TimeoutError)):
            raise
        reason = _REASONS.get(number, f"{error.strerror or error}; choose another place")
        raise LatentryError(f"Cannot write {path}: {reason}.") from error


@contextmanager
def atomic(path: str | Path, mode: str = "wb") -> Iterator[IO[Any]]:
    """Opens a temporary file beside `path` that takes its place when the block ends well.

    A reader sees the old file or the whole new one, also when the process is killed half-way. If
    the block raises, the temporary file is removed and what stood at `path` stays. `mode` is
    "wb", or "w" for text in UTF-8 with its line ends as given.

    Raises `LatentryError` when the file cannot be written (see `writing`).
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    text: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8", "newline": ""}
    with writing(target):
        try:
            with open(temporary, mode.replace("w", "x"), **text) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
            _sync_folder(target.parent)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


def _sync_folder(folder: Path) -> None:
    """Make a rename outlive a power cut, where the system can open a folder to say so."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sha256(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    return digest(path, "sha256")


def digest(path: str | Path, algorithm: str) -> str:
    """The digest of a file's bytes by a named algorithm ("sha256", "md5"), in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
