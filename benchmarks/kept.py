"""What the benchmarks of tables share: their options, the lines that they keep, and means."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

Line = dict[str, Any]
"""What was measured of one method on one set, with one seed."""


def options(doc: str, sets: Iterable[str], methods: Iterable[str]) -> argparse.ArgumentParser:
    """The options of a benchmark that measures methods on sets, a line at a time."""
    parser = argparse.ArgumentParser(description=doc)
    default = os.environ.get("LATENTRY_DATA", "../shared/data")
    parser.add_argument("--data-dir", type=Path, default=Path(default))
    parser.add_argument("--sets", nargs="+", choices=sets, default=list(sets))
    parser.add_argument("--methods", nargs="+", choices=methods, default=list(methods))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=600.0)
    parser.add_argument("--again", nargs="*", default=[], choices=methods)
    parser.add_argument("--report", action="store_true")
    return parser


def lines_of(path: Path, args: argparse.Namespace) -> list[Line]:
    """The lines that were measured before, without those that are to be measured again."""
    kept = json.loads(path.read_text())["lines"] if path.exists() else []
    return [x for x in kept if x["method"] not in args.again or x["set"] not in args.sets]


def mean(values: list[float], form: str, error_form: str | None = None) -> str:
    """A mean ± its standard error, where there is more than one value; numbers in these forms."""
    error = np.std(values, ddof=1) / len(values) ** 0.5 if values[1:] else 0.0
    beside = f" ± {error:{error_form or form}}" if values[1:] else ""
    return f"{np.mean(values):{form}}{beside}"
