"""How a comparison is shown while it runs: one bar over all models and seeds."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self


class Bar:
    """A bar on stderr with what is done now and the time left; without one, a line for each step.

    total: the seconds that all work was foreseen to take, or any other measure of it.
    """

    def __init__(self, shown: bool, file: Any = None) -> None:
        self.shown, self._bar, self._file = shown, None, file

    def __enter__(self) -> Self:
        if self.shown:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            self.console = Console(file=self._file or sys.stderr)
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=None),
                TextColumn("{task.percentage:>3.0f}%"),
                TimeRemainingColumn(),
                console=self.console,
                transient=True,
            )
            self._task = self._bar.add_task("starting", total=None)
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def total(self, work: float) -> None:
        """How much work there is in all."""
        if self._bar is not None:
            self._bar.update(self._task, total=work)

    def doing(self, what: str) -> None:
        """What is done now."""
        if self._bar is not None:
            self._bar.update(self._task, description=what)
            if not self.console.is_terminal:
                self.say(what)

    def reach(self, work: float) -> None:
        """So much of the work is done in all."""
        if self._bar is not None:
            self._bar.update(self._task, completed=work)

    def done(self, work: float) -> None:
        """So much more of the work is done."""
        if self._bar is not None:
            self._bar.advance(self._task, work)

    def say(self, text: str) -> None:
        """A line beside the bar."""
        if self._bar is not None:
            self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def part(self, work: float) -> Epochs:
        """A part of the work that a fit tells of epoch by epoch."""
        return Epochs(self, work)


class Epochs:
    """Moves the bar forward with each epoch of a fit: a `latentry.training.Reporter`."""

    def __init__(self, bar: Bar, work: float) -> None:
        self._bar, self._work, self._each = bar, work, 0.0

    def start(self, steps: int, epochs: int, batch_size: int) -> None:
        self._each = self._work / epochs

    def step(self, row: Mapping[str, float]) -> None:
        """Steps are too short to show."""

    def epoch(self, row: Mapping[str, float]) -> None:
        self._bar.done(self._each)

    def note(self, text: str) -> None:
        """Remarks are kept in the history, and told at the end."""

    def stop(self) -> None:
        """What an early stop left over is not work any more; the bar is set right after a fit."""
