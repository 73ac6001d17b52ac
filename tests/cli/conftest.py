"""Small data, small trained runs, and a way to call the command line and see what it says."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from latentry.cli import run

TINY = ["--latent", "2", "--epochs", "2", "--hidden", "16", "--seed", "0", "--no-report", "--quiet"]


@dataclass
class Said:
    """What one command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)


Cli = Callable[..., Said]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """`cli("fit", "digits", ...)` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*args: object) -> Said:
        capsys.readouterr()
        code = run([str(arg) for arg in args])
        return Said(code, *capsys.readouterr())

    return call


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How to start `latentry` as a process of its own, whether it is installed or not."""
    root = str(Path(__file__).resolve().parents[2])
    monkeypatch.setenv("PYTHONPATH", root, prepend=os.pathsep)
    return [sys.executable, "-m", "latentry"]


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of data: images.npz (8 x 8, with labels), rows.npy, table.csv, counts.npy."""
    folder = tmp_path_factory.mktemp("files")
    bunch: Any = load_digits()
    images, labels = bunch.images[:300].astype(np.uint8), bunch.target[:300]
    np.savez(folder / "images.npz", x=images, y=labels)
    np.save(folder / "rows.npy", bunch.data[:300].astype(np.float32))
    random = np.random.default_rng(0)
    lines = ["width,height,depth,kind"]
    for kind in random.choice(["oak", "elm"], 120):
        width, height, depth = random.normal(3 if kind == "oak" else -3, 1, 3)
        lines.append(f"{width:.4f},{height:.4f},{depth:.4f},{kind}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    np.save(folder / "counts.npy", random.poisson(3, (100, 5)))
    return folder


def _trained(folder: Path, *args: object) -> Path:
    out = folder / "run"
    assert run(["fit", *map(str, args), "--out", str(out), *TINY]) == 0
    return out


@pytest.fixture(scope="session")
def vae_run(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _trained(tmp_path_factory.mktemp("vae"), files / "images.npz", "--model", "vae")


@pytest.fixture(scope="session")
def ae_run(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _trained(tmp_path_factory.mktemp("ae"), files / "images.npz", "--model", "ae")


@pytest.fixture(scope="session")
def table_run(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("table")
    return _trained(folder, files / "table.csv", "--label", "kind", "--model", "vae")


@pytest.fixture(scope="session")
def class_run(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Conditioned on the digit."""
    folder = tmp_path_factory.mktemp("class")
    args = (files / "images.npz", "--model", "conditional-vae", "--condition", "labels")
    return _trained(folder, *args)
