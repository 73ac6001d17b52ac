"""What the examples share: their arguments, the digits, and the record of what was measured."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from latentry import Dataset, Estimator, load_data
from latentry.report.picture import Picture

LIBRARIES = ("torch", "numpy", "scikit-learn")


class Example:
    """One run of an example: where it writes, and what it measured.

    name: of the script, without .py. doc: its docstring. `options` adds arguments of its own.
    """

    def __init__(
        self,
        name: str,
        doc: str | None,
        argv: Sequence[str] | None = None,
        options: Sequence[tuple[str, dict[str, Any]]] = (),
    ) -> None:
        formatted = argparse.RawDescriptionHelpFormatter
        parser = argparse.ArgumentParser(description=doc, formatter_class=formatted)
        parser.add_argument("--data-dir", help="folder that holds the data sets")
        parser.add_argument("--out", type=Path, default=Path("runs/examples") / name[:2])
        parser.add_argument(
            "--quick", action="store_true", help="check in seconds, on few rows, that it runs"
        )
        for flag, given in options:
            parser.add_argument(flag, **given)
        self.arguments = parser.parse_args(argv)
        self.name, self.title = name, (doc or name).split("\n", 1)[0]
        self.out: Path = self.arguments.out
        self.quick: bool = self.arguments.quick
        self.figures: list[dict[str, Any]] = []
        self.tables: list[dict[str, Any]] = []
        self.pictures: list[dict[str, str]] = []
        self.seconds: dict[str, float] = {}
        self.settings: dict[str, dict[str, Any]] = {}
        self.out.mkdir(parents=True, exist_ok=True)

    def pick(self, full: int, quick: int) -> int:
        """A number that --quick makes smaller."""
        return quick if self.quick else full

    def digits(self) -> tuple[Dataset, Dataset]:
        """MNIST to train and to test on; with --quick scikit-learn's digits in the same shape."""
        if self.quick:
            return small_digits()
        folder = self.arguments.data_dir
        return load_data("mnist", data_dir=folder), load_data("mnist:test", data_dir=folder)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Notes how long the block takes."""
        print(f"{what} ...", flush=True)
        start = time.perf_counter()
        yield
        self.seconds[what] = round(time.perf_counter() - start, 2)

    def used(self, label: str, est: Estimator) -> None:
        """Note the settings of a model, where they are not the defaults."""
        own = {f.name: getattr(est, f.name) for f in dataclasses.fields(est)}
        default = {f.name: f.default for f in dataclasses.fields(est)}
        changed = {n: v for n, v in own.items() if v != default[n] and n != "verbose"}
        self.settings[label] = {"model": type(est).__name__, **changed}

    def measured(
        self,
        name: str,
        value: float,
        unit: str,
        *,
        at_most: float | None = None,
        at_least: float | None = None,
    ) -> None:
        """One figure, and the goal that it has to meet where there is one."""
        goal, met = None, None
        if at_most is not None:
            goal, met = f"at most {at_most:.4g}", bool(value <= at_most)
        if at_least is not None:
            goal, met = f"at least {at_least:.4g}", bool(value >= at_least)
        kept = value if isinstance(value, int) else float(value)
        row = {"name": name, "value": kept, "unit": unit, "goal": goal, "met": met}
        self.figures.append(row)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """A table of figures; the columns' names say the units."""
        self.tables.append({"title": title, "columns": [*columns], "rows": [[*r] for r in rows]})

    def show(self, picture: Picture, name: str | None = None, caption: str | None = None) -> None:
        """Write a picture, under its own name and caption or others."""
        file = f"{name or picture.name}.png"
        picture.savefig(self.out / file, format="png")
        self.pictures.append({"file": file, "caption": caption or picture.caption})

    def finish(self) -> int:
        """Print what was measured and write results.json; 1 if a goal was missed, else 0."""
        results = {
            "example": self.name,
            "title": self.title,
            "quick": self.quick,
            "figures": self.figures,
            "tables": self.tables,
            "seconds": self.seconds,
            "settings": self.settings,
            "pictures": self.pictures,
            "versions": versions(),
            "machine": machine(),
        }
        text = json.dumps(results, indent=2, ensure_ascii=False, default=str)
        (self.out / "results.json").write_text(text + "\n", "utf-8")
        print(f"\n{self.title}\n")
        print_table(("figure", "measured", "unit", "goal"), [self.printed(f) for f in self.figures])
        for table in self.tables:
            print(f"\n{table['title']}")
            print_table(table["columns"], table["rows"])
        print("\n" + ", ".join(f"{what} {s:.1f} s" for what, s in self.seconds.items()))
        print(f"Pictures and results.json are in {self.out}.")
        return int(any(f["met"] is False for f in self.figures) and not self.quick)

    def printed(self, row: dict[str, Any]) -> tuple[str, ...]:
        """A figure as four cells; few rows say nothing about a goal."""
        goal = row["goal"] or ""
        if goal and not self.quick:
            goal += " (met)" if row["met"] else " (missed)"
        return row["name"], number(row["value"]), row["unit"], goal


def number(value: Any) -> str:
    """A figure as text, with as many digits as are worth reading."""
    if isinstance(value, bool | str) or value is None:
        return "" if value is None else str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.2f}" if abs(value) >= 10 else f"{value:.3g}"


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Rows in aligned columns."""
    cells = [[number(cell) for cell in row] for row in (columns, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        print("  ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip())


def versions() -> dict[str, str]:
    """What the figures were measured with."""
    import latentry

    found = {"latentry": latentry.__version__, "python": platform.python_version()}
    return found | {name: version(name) for name in LIBRARIES}


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    name = platform.processor() or platform.machine()
    about = Path("/proc/cpuinfo")
    if about.exists():
        lines = about.read_text("utf-8", "replace").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        name = names[0] if names else name
    found = {"processor": name, "cores": os.cpu_count(), "threads": torch.get_num_threads()}
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return found


def small_digits() -> tuple[Dataset, Dataset]:
    """scikit-learn's 8 x 8 digits as 28 x 28 images of 256 grey levels, to train and to test."""
    data = load_data("digits")
    enlarged = data.x.repeat(3, axis=1).repeat(3, axis=2)
    images = np.pad(enlarged.astype(int) * 255 // 16, ((0, 0), (2, 2), (2, 2))).astype(np.uint8)
    assert data.labels is not None
    parts = (slice(0, 1400), slice(1400, None))
    train, test = (Dataset("digits", images[p], data.labels[p], source=data.source) for p in parts)
    return train, test


def batches(est: Estimator, x: np.ndarray, rows: int = 2000) -> Iterator[torch.Tensor]:
    """Rows x in the scale and on the device of the model, a block at a time, for `est.model_`."""
    device = next(est.model_.parameters()).device
    for start in range(0, len(x), rows):
        yield est.scaler_(est.schema_.pack(x[start : start + rows]).to(device))


def as_rows(images: np.ndarray) -> np.ndarray:
    """8-bit images (N, H, W) as rows (N, H * W) in [0, 1], as scikit-learn takes them."""
    return images.reshape(len(images), -1).astype(np.float32) / 255
