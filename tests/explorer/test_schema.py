"""An outside judge: schemathesis asks the server what its own OpenAPI description allows.

It sends what the schema permits and what it forbids, and checks status codes, content types,
headers and bodies of all answers against the same description.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SEED = "20261121"


def judged(address: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{address}/openapi.json"]
    return subprocess.run(
        [
            *command,
            "--checks=all",
            "--no-color",
            "--request-timeout=120",
            f"--seed={SEED}",
            *options,
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,  # where it keeps its caches
    )


def test_schemathesis_finds_nothing(address: str, tmp_path: Path):
    found = judged(address, tmp_path, "--phases=examples,fuzzing", "--max-examples=4")
    assert found.returncode == 0, found.stdout[-6000:] + found.stderr
    assert "No issues found" in found.stdout


@pytest.mark.slow
def test_schemathesis_finds_nothing_for_longer(address: str, tmp_path: Path):
    found = judged(address, tmp_path, "--max-examples=100")
    assert found.returncode == 0, found.stdout[-6000:] + found.stderr
