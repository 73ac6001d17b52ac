"""What is told of a search while it runs: to the person who waits, and to the study."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..training import Silent

if TYPE_CHECKING:
    from optuna.trial import Trial


class Bar:
    """One bar on stderr for all trials, or nothing."""

    def __init__(self, trials: int, shown: bool) -> None:
        self.trials, self.shown, self.done = trials, shown, 0
        self._bar: Any = None

    def __enter__(self) -> Bar:
        if self.shown:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=None),
                TextColumn("{task.fields[best]}"),
                TimeRemainingColumn(),
                console=Console(file=sys.stderr),
                transient=True,
            )
            self._task = self._bar.add_task("starting", total=self.trials, best="")
            self._bar.start()
        return self

    def show(self, done: int, best: float | None) -> None:
        """So many trials are over, and the best value is this."""
        self.done = done
        if self._bar is not None:
            text = "" if best is None else f"best {best:.2f}"
            said = f"trial {done + 1}/{self.trials}"
            self._bar.update(self._task, completed=done, description=said, best=text)
            if not self._bar.console.is_terminal:
                self._bar.console.print(f"{said}  {text}".rstrip(), highlight=False, markup=False)

    def part(self, share: float) -> None:
        """The trial that runs is done to this share."""
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done + share)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


class Watch(Silent):
    """Tells a trial of each epoch, and ends the fit of one that is to be pruned."""

    def __init__(self, trial: Trial, bar: Bar) -> None:
        self.trial, self.bar, self.epochs, self.planned = trial, bar, 0, 1

    def start(self, steps: int, epochs: int, batch_size: int) -> None:
        self.planned = epochs

    def epoch(self, row: Mapping[str, float]) -> None:
        import optuna

        self.epochs = int(row["epoch"])
        self.bar.part(self.epochs / self.planned)
        value = row.get("valid_bound", -row["valid_distortion"])
        if not np.isfinite(value):
            return  # the trial's own judgement will say so, if it stays like this
        self.trial.report(value, self.epochs)
        if self.epochs < self.planned and self.trial.should_prune():
            raise optuna.TrialPruned
