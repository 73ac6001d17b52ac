"""How a run is shown while it trains."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any, Protocol


class Reporter(Protocol):
    """What the training loop tells. Rows are those of a `History`, unfinished ones in `step`."""

    def start(self, steps: int, epochs: int, batch_size: int) -> None: ...
    def step(self, row: Mapping[str, float]) -> None: ...
    def epoch(self, row: Mapping[str, float]) -> None: ...
    def note(self, text: str) -> None: ...
    def stop(self) -> None: ...


class Silent:
    """Shows nothing."""

    def start(self, steps: int, epochs: int, batch_size: int) -> None: ...
    def step(self, row: Mapping[str, float]) -> None: ...
    def epoch(self, row: Mapping[str, float]) -> None: ...
    def note(self, text: str) -> None: ...
    def stop(self) -> None: ...


class RichReporter:
    """A progress bar on stderr: epoch, parts of the loss in nats, rows per second, time left."""

    def __init__(self, file: Any = None) -> None:
        from rich.console import Console

        self.console = Console(file=file or sys.stderr)
        self._bar: Any = None

    def start(self, steps: int, epochs: int, batch_size: int) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._epochs, self._batch_size, self._steps = epochs, batch_size, steps
        self._since: tuple[float, float] | None = None
        self._valid = ""
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[shown]}"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=steps, shown="")
        self._bar.start()

    def step(self, row: Mapping[str, float]) -> None:
        now = time.monotonic()
        if self._since is None:
            self._since = now, row["step"]
        then, before = self._since
        rate = (row["step"] - before) * self._batch_size / max(now - then, 1e-9)
        speed = f" · {rate:,.0f} rows/s" if row["step"] > before else ""
        self._bar.update(
            self._task,
            completed=row["step"],
            description=f"epoch {int(row['epoch'])}/{self._epochs}",
            shown=_parts(row) + self._valid + speed,
        )

    def epoch(self, row: Mapping[str, float]) -> None:
        self._valid = _valid(row)
        self.step(row)
        line = f"epoch {int(row['epoch'])}/{self._epochs}  {_parts(row)}{self._valid}"
        if not self.console.is_terminal:
            self.console.print(line, highlight=False, soft_wrap=True)

    def note(self, text: str) -> None:
        self.console.print(text, style="yellow", highlight=False, markup=False, soft_wrap=True)

    def stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _parts(row: Mapping[str, float]) -> str:
    """The loss and its terms, e.g. "loss 104.52 · distortion 79.10 · rate 25.42"."""
    after = ("epoch", "step", "seconds", "lr", "skipped", "loss")
    terms = [n for n in row if n not in after and not n.startswith("valid_")]
    shown = [f"{name} {row[name]:.2f}" for name in ["loss", *terms] if name in row]
    return " · ".join(shown)


def _valid(row: Mapping[str, float]) -> str:
    for name in ("valid_bound", "valid_distortion"):
        if name in row:
            return f" · validation {name.removeprefix('valid_')} {row[name]:.2f}"
    return ""
