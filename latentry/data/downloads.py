"""Fetching files of named data sets, each checked against a known digest before it is used."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from ..errors import LatentryError
from .files import atomic, digest, writing

Progress = Callable[[int, int | None], None]
CHUNK = 2**18
TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Remote:
    """One file of a data set.

    name : the file's name in its folder
    digest : "sha256:..." or "md5:...", of the file, or of the values read from it where `content`
    urls : addresses that offer it, tried in order
    also : other names under which a local copy is accepted
    content : whether `digest` is that of the array that the file holds
    """

    name: str
    digest: str
    urls: tuple[str, ...]
    also: tuple[str, ...] = ()
    content: bool = False


def cache_folder() -> Path:
    """Where downloads are kept: LATENTRY_CACHE, or ~/.cache/latentry."""
    own = os.environ.get("LATENTRY_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(own) if own else Path(base) / "latentry"


def data_folders(data_dir: str | Path | None = None) -> list[Path]:
    """Where local copies are looked for: `data_dir`, LATENTRY_DATA, and the cache."""
    given = [data_dir, os.environ.get("LATENTRY_DATA")]
    return [*(Path(g) for g in given if g), cache_folder()]


def local(remote: Remote, folder: str, data_dir: str | Path | None = None) -> Path | None:
    """The local copy of a file of the data set kept in `folder`, if there is one."""
    for base in data_folders(data_dir):
        for name in (remote.name, *remote.also):
            if (base / folder / name).is_file():
                return base / folder / name
    return None


def fetch_file(remote: Remote, folder: str, data_dir: str | Path | None = None) -> Path:
    """The path of a file of the data set kept in `folder`, downloaded into the cache if need be.

    Raises `LatentryError` when no address gives the file, or none gives the right one.
    """
    found = local(remote, folder, data_dir)
    if found is not None:
        return found
    target = cache_folder() / folder / remote.name
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    failures = []
    for url in remote.urls:
        try:
            download(url, target, None if remote.content else remote.digest)
        except (URLError, HTTPException, TimeoutError, ConnectionError) as error:
            failures.append(f"{url}: {getattr(error, 'reason', None) or error}")
        except DigestError as error:
            failures.append(str(error))
        else:
            return target
    raise LatentryError(
        f"Cannot download {remote.name} ({'; '.join(failures)}). Without a network, put the file "
        f"into a folder {folder!r} and name the folder above it by --data-dir or LATENTRY_DATA."
    )


class DigestError(LatentryError):
    """A file is not the one that its digest was taken from."""


def download(url: str, target: Path, expected: str | None) -> None:
    """Writes what `url` gives to `target`, whole and with the `expected` digest, or not at all."""
    request = Request(url, headers={"User-Agent": "latentry"})
    algorithm = expected.partition(":")[0] if expected else "sha256"
    summed = hashlib.new(algorithm)
    with urlopen(request, timeout=TIMEOUT_SECONDS) as answer, bar(target.name) as advance:
        length = answer.headers.get("Content-Length")
        total = int(length) if length else None
        done = 0
        with atomic(target) as file:
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                summed.update(chunk)
                done += len(chunk)
                advance(done, total)
            if total is not None and done != total:
                raise URLError(f"the connection closed after {done} of {total} bytes")
            if expected and f"{algorithm}:{summed.hexdigest()}" != expected:
                raise DigestError(f"{url}: the file's checksum is not the known one")


def verify(path: Path, expected: str) -> None:
    """Raises `LatentryError` unless the file at `path` has the `expected` digest."""
    algorithm, _, value = expected.partition(":")
    if digest(path, algorithm) != value:
        raise DigestError(
            f"{path} is not the known file (its {algorithm} differs); remove it and fetch it again."
        )


@contextmanager
def bar(name: str) -> Iterator[Progress]:
    """A progress bar on stderr where that is a terminal; otherwise nothing."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns: list[Any] = [TextColumn(name), BarColumn(), DownloadColumn(), TimeRemainingColumn()]
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(name, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
