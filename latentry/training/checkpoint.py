"""Checkpoints: one safetensors file each, whole or not there at all.

A file is written beside the old one, forced to the disk and then renamed over it, so a process
that is killed at any moment leaves the old file or the new one. Its header holds what is known
about the run as JSON, and a checksum of both. Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from latentry.data.files import atomic, writing
from latentry.errors import LatentryError

FORMAT = 1


def write(path: Path, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
    """Replace the file by these tensors and this JSON. Raises LatentryError if that fails."""
    held = {n: t.detach().to("cpu", copy=True).contiguous() for n, t in tensors.items()}
    text = json.dumps({"format": FORMAT, **about})
    metadata = {"about": text, "sha256": checksum(held, text)}
    write_bytes(path, safetensors.torch.save(held, metadata))


def read(path: Path, fix: str | None = None) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the JSON of a checkpoint. Raises LatentryError for a damaged file.

    `fix` is the end of its sentence: what to do about it.
    """
    fix = f"delete {path.parent} to train from the start." if fix is None else fix
    try:
        with safetensors.safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
    except (OSError, safetensors.SafetensorError, ValueError) as error:
        raise LatentryError(f"the checkpoint {path} is damaged ({error}); {fix}") from error
    text = metadata.get("about", "")
    if metadata.get("sha256") != checksum(tensors, text):
        raise LatentryError(f"the checkpoint {path} is damaged (its checksum differs); {fix}")
    about = json.loads(text)
    if about["format"] > FORMAT:
        raise LatentryError(
            f"the checkpoint {path} has format {about['format']}, written by a newer latentry;"
            f" this one reads up to {FORMAT}: install the newer version."
        )
    return tensors, about


def checksum(tensors: dict[str, Tensor], text: str) -> str:
    """SHA-256 over the names, types, shapes and bytes of the tensors, and over the text."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        t = tensors[name]
        digest.update(f"{name} {t.dtype} {tuple(t.shape)}\n".encode())
        raw = t.contiguous().reshape(-1).view(torch.uint8).numpy()
        digest.update(np.ascontiguousarray(raw).data)
    return digest.hexdigest()


def write_bytes(path: Path, content: bytes) -> None:
    """Replace a file as a whole, in a folder that is made if need be."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as file:
        file.write(content)


def sweep(folder: Path) -> None:
    """Remove what writers that were killed half-way left behind."""
    for left in folder.glob(".*.tmp"):
        with suppress(OSError):
            left.unlink()
