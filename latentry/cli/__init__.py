"""The command line: `latentry VERB ...`, one module for each group of verbs.

The verbs import what they need when they run, so that `latentry --help` answers at once.
"""

from __future__ import annotations

# Importing a module adds its verbs.
from . import compare, detect, explore, fit, impute, synthesize, tune, use, view  # noqa: F401
from .app import app, main, run

__all__ = ["app", "main", "run"]
