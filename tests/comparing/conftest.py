"""One small comparison that many tests look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from latentry import compare
from latentry.data import Dataset

MODELS = ["ae", "beta-vae:beta=2", "conditional-vae"]
HOW: dict[str, Any] = {
    "seeds": 2, "epochs": 2, "latent": 3, "hidden": 16, "compile": False, "precision": "float32",
}  # fmt: skip


@pytest.fixture(scope="session")
def digits() -> Dataset:
    bunch: Any = load_digits()
    few = bunch.target < 4
    images = bunch.images[few][:300].astype(np.uint8)
    return Dataset("few digits", images, bunch.target[few][:300], levels=17)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("comparison") / "all"


@pytest.fixture(scope="session")
def compared(digits: Dataset, folder: Path):
    return compare(MODELS, digits, folder=folder, **HOW)
