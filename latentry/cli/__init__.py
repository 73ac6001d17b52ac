"""The command line: `latentry VERB ...`, one module for each group of verbs.

The verbs import what they need when they run, so that `latentry --help` answers at once.
"""

from __future__ import annotations

from . import explore, fit, tune, use, view  # noqa: F401  (importing a module adds its verbs)
from .app import app, main, run

__all__ = ["app", "main", "run"]
