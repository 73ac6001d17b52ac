from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

WORKER = Path(__file__).with_name("worker.py")


@pytest.fixture(scope="session")
def worker() -> ModuleType:
    """The small model and data that tests share with the processes they start."""
    spec = importlib.util.spec_from_file_location("training_worker", WORKER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def outside() -> dict[str, str]:
    """The environment of a process that finds this package and uses one thread."""
    root = str(WORKER.parents[2])
    path = os.pathsep.join(p for p in (root, os.environ.get("PYTHONPATH", "")) if p)
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
