"""Figures of a trained model, and the page that shows them.

    from latentry.report import figures, report

    figures.latent_map(est, X, labels).savefig("map.png")
    report(est, X, labels, evaluation, "runs/digits")

matplotlib is imported when a figure is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import figures
    from .page import report

__all__ = ["figures", "report"]


def __getattr__(name: str) -> Any:
    if name == "figures":
        return importlib.import_module(".figures", __name__)
    if name == "report":
        return importlib.import_module(".page", __name__).report
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
