from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
import safetensors.torch
import torch

from latentry.errors import LatentryError
from latentry.training import checkpoint

TENSORS = {
    "weight": torch.arange(6.0).reshape(2, 3),
    "scale": torch.tensor(0.5),
    "count": torch.tensor([1, 2]),
    "half": torch.ones(3, dtype=torch.bfloat16),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "checkpoint" / "last.safetensors"
    checkpoint.write(path, TENSORS, {"step": 3, "value": float("-inf")})
    return path


def test_a_checkpoint_reads_back_equal(path: Path):
    tensors, about = checkpoint.read(path)
    assert about["step"] == 3
    assert about["value"] == float("-inf")
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        assert torch.equal(tensors[name], tensor)
    assert [p.name for p in path.parent.iterdir()] == ["last.safetensors"]


def test_every_damage_is_noticed(path: Path):
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(LatentryError, match=r"last\.safetensors.*(damaged|newer)"):
            checkpoint.read(path)
    for length in (0, 7, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(LatentryError, match="is damaged .*delete .* to train from the start"):
            checkpoint.read(path)


def test_a_checkpoint_of_a_newer_version_says_so(path: Path):
    text = json.dumps({"format": checkpoint.FORMAT + 1})
    metadata = {"about": text, "sha256": checkpoint.checksum(TENSORS, text)}
    path.write_bytes(safetensors.torch.save(TENSORS, metadata))
    with pytest.raises(LatentryError, match="newer latentry"):
        checkpoint.read(path)


def test_a_full_disk_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch):
    whole = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LatentryError, match="no space is left on the device; free some space"):
        checkpoint.write(path, TENSORS, {})
    assert path.read_bytes() == whole
    assert [p.name for p in path.parent.iterdir()] == ["last.safetensors"]


def test_what_killed_writers_left_is_swept_away(path: Path):
    (path.parent / ".last.safetensors.123.tmp").touch()
    checkpoint.sweep(path.parent)
    assert [p.name for p in path.parent.iterdir()] == ["last.safetensors"]
