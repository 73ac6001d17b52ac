"""The declared public surface, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import latentry


def test_every_declared_name_is_there_and_no_other() -> None:
    assert sorted(latentry.__all__, key=str.lower) == sorted(latentry._HOME, key=str.lower)
    assert all(getattr(latentry, name) is not None for name in latentry.__all__)


def test_importing_latentry_imports_nothing_heavy() -> None:
    code = (
        "import sys, latentry;"
        " print(*(m for m in ('torch', 'numpy', 'sklearn') if m in sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == ""


def test_using_a_model_imports_no_plotting_and_no_tables() -> None:
    code = (
        "import sys; from latentry import VAE;"
        " print(*(m for m in ('matplotlib', 'polars', 'typer') if m in sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == ""
