"""The training loop, for every model, every objective and every source of batches.

A run is a function of its options, its data and its model: the order of the rows follows from
(seed, epoch), the noise of a step from (seed, step), and what is validated from fixed noise. A
checkpoint therefore needs no state of any random generator, and a run that was killed and taken up
again ends with the weights of one that was not.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from latentry.core import noise
from latentry.core.models import LatentModel
from latentry.core.objective import Objective
from latentry.errors import Interrupted, LatentryError

from . import checkpoint, hardware, watch
from .compiled import compiling
from .history import History, Row
from .options import Options
from .progress import Reporter, Silent
from .seeds import derive, forked, seed_generators
from .sources import Batch, Source
from .step import Step
from .team import join

LOOK = 100
"""Steps between two looks at how many of them were skipped."""
HOPELESS = 0.5
"""The share of skipped steps at which a run stops."""
VALIDATION_ROWS = 1000
VALIDATION_CODES = 10_000
SHOW_SECONDS = 0.2
SAVE_SECONDS = 1.0
"""Epochs shorter than this share a checkpoint."""
FREE = ("epochs", "patience", "precision", "compile", "device", "checkpoint_seconds")
"""Options that may change when a run is taken up again."""


@dataclass
class State:
    """Where a run stands, beside its tensors."""

    step: int = 0
    seconds: float = 0.0
    rows: list[Row] = field(default_factory=list)
    best_epoch: int | None = None
    best_value: float = -math.inf
    over: bool = False
    compile: bool | None = None
    precision: str | None = None


def train(
    model: LatentModel,
    transform: nn.Module,
    objective: Objective,
    source: Source,
    valid: Source | None,
    options: Options,
    *,
    folder: Path | None = None,
    progress: Reporter | None = None,
) -> History:
    """Train `model` in place; it then holds the best weights by validation, or else the last.

    `transform` turns a batch of the source into the model's scale. The model, the transform and
    the objective are moved to the device that the options choose, and stay there.

    With a `folder`, folder/checkpoint/last.safetensors and best.safetensors and folder/history.csv
    are kept, and a run that is found there is taken up where it stopped.

    Under torchrun, or after `torch.distributed.init_process_group`, each process trains on its
    share of every batch, and the first one writes the files.

    Raises LatentryError for a damaged checkpoint or one of another run, and when most steps are
    not finite; Interrupted after Ctrl-C, once the run is saved (without a folder,
    KeyboardInterrupt as usual). The caller's random generators are left as they were.
    """
    device = hardware.choose_device(options.device)
    with forked(device):
        run = Run(model, transform, objective, source, valid, options, device, folder, progress)
        try:
            return run.train()
        finally:
            run.step.weights.release()
            run.progress.stop()


class Run:
    """What the loop needs at hand; `train` is the loop."""

    def __init__(
        self,
        model: LatentModel,
        transform: nn.Module,
        objective: Objective,
        source: Source,
        valid: Source | None,
        options: Options,
        device: torch.device,
        folder: Path | None,
        progress: Reporter | None,
    ) -> None:
        self.team = join(device)
        self.options, self.device, self.folder = options, device, folder
        self.progress = progress if progress is not None and self.team.leads else Silent()
        self.model = model.to(device, torch.float32)
        self.objective = objective.to(device, torch.float32)
        self.transform = transform.to(device)
        self.source = source.to(device)
        self.valid = None if valid is None else valid.to(device)
        self.batch = self.team.share(min(options.batch_size, len(source)))
        self.per_epoch = len(source) // self.batch
        self.steps = self.per_epoch * options.epochs
        example = next(iter(self.source.all(max(1, self.batch // self.team.world))))
        with hardware.counting() as flops:
            self.step = Step(
                model, self.transform, objective, options, self.team, self.on_device(example)
            )
        self.flops = 3 * flops[0]  # a backward pass is two forward ones
        self.team.follow(self.step.weights.values)
        self.state = State()
        self.history = History(self.state.rows)
        self.best: dict[str, Tensor] | None = None
        self.best_saved = True

    def train(self) -> History:
        """The loop."""
        self.resume()
        state, step, seed = self.state, self.step, self.options.seed
        self.progress.start(self.steps, self.options.epochs, self.batch)
        self.began = time.monotonic() - state.seconds
        self.saved = self.shown = time.monotonic()
        with catch_interrupt(self.folder is not None) as asked, self.compiled():
            while state.step < self.steps and not state.over:
                epoch, start = divmod(state.step, self.per_epoch)
                self.model.train()
                with closing(self.batches(epoch, start)) as batches:
                    for batch in batches:
                        seed_generators(self.device, derive(seed, "step", state.step))
                        step(batch, state.step, self.steps, asked.is_set())
                        state.step += 1
                        self.give_up_if_hopeless()
                        if state.step % self.per_epoch:
                            self.pause(asked.is_set(), self.options.checkpoint_seconds)
                state.rows.append(self.row())
                if self.valid is not None:
                    self.validate(self.valid)
                self.progress.epoch(state.rows[-1])
                step.start_epoch()
                self.pause(asked.is_set(), min(SAVE_SECONDS, self.options.checkpoint_seconds))
        self.save()
        return self.finish()

    def batches(self, epoch: int, start: int) -> Generator[Batch, None, None]:
        """Batches number `start` and on of an epoch: the share of this process, on the device."""
        seed, team = self.options.seed, self.team
        for batch in self.source.batches(epoch, self.batch, seed, start, team.rank, team.world):
            yield self.on_device(batch)

    def on_device(self, batch: Batch) -> Batch:
        x, c = batch
        if x.device != self.device:
            x = x.to(self.device, non_blocking=True)
        return x, None if c is None else c.to(self.device, non_blocking=True)

    def give_up_if_hopeless(self) -> None:
        """Now and then, and at the end, look whether most steps had to be skipped."""
        if self.state.step % LOOK and self.state.step < self.steps:
            return
        looked = (self.state.step - 1) % LOOK + 1
        skipped = self.step.skipped()
        if skipped > HOPELESS * looked:
            raise LatentryError(
                f"{skipped} of the last {looked} training steps gave a loss or a gradient that is"
                f" not finite{watch.longer(self.options.skip)}; use a smaller lr than"
                f" {self.options.lr:g}, clip=1 or"
                " precision='float32', and look for extreme values in the data."
            )

    def pause(self, asked: bool, seconds: float) -> None:
        """Between two steps: stop if that was asked for, save and show when it is time."""
        state, now = self.state, time.monotonic()
        # Several processes must stop at the same step: the one that any of them wished for.
        asked = self.step.stop if self.team.world > 1 else asked
        if asked and state.step < self.steps and not state.over:
            self.save()
            raise Interrupted(
                f"Training stopped after step {state.step} of {self.steps} and is saved in"
                f" {self.folder}; `latentry resume {self.folder}` goes on from there."
            )
        if now - self.saved > seconds:
            self.save()
        if now - self.shown > SHOW_SECONDS and not isinstance(self.progress, Silent):
            self.shown = now
            self.progress.step(self.row())

    def row(self) -> Row:
        """The epoch so far."""
        step = self.state.step
        self.state.seconds = time.monotonic() - self.began
        return {
            "epoch": -(-step // self.per_epoch),
            "step": step,
            "seconds": round(self.state.seconds, 3),
            "lr": self.options.rate(step - 1, self.steps),
            **self.step.row(),
        }

    @torch.no_grad()
    def validate(self, valid: Source) -> None:
        """Complete the epoch's row, keep the weights if they are the best, stop if none will be."""
        model, objective, row = self.model, self.objective, self.state.rows[-1]
        draws = objective.draws
        sums = torch.zeros(len(self.step.names) + 1, device=self.device)
        model.eval()
        with self.step.weights.replaced(self.step.average):
            chunks = valid.all(max(1, min(VALIDATION_ROWS, VALIDATION_CODES // draws)))
            for number, chunk in enumerate(chunks):
                if number % self.team.world != self.team.rank:
                    continue
                raw, c = self.on_device(chunk)
                with noise.per_row(raw, self.options.seed):
                    x = self.transform(raw)
                with noise.per_row(x, self.options.seed):
                    r = model.infer(x, c, draws)
                    means = [objective.value(r).mean(), *objective.parts(r, model).values()]
                sums += len(x) * torch.stack([*means, torch.ones_like(means[0])])
            self.team.total(sums)
            value, *parts = (sums[:-1] / sums[-1]).tolist()
            if model.has_bound:
                row["valid_bound"] = value
            row.update(zip([f"valid_{n}" for n in self.step.names[1:]], parts, strict=True))
            self.judge(int(row["epoch"]), value)

    def judge(self, epoch: int, value: float) -> None:
        """Keep the weights if no epoch had better ones; stop if none had for too long.

        Epochs before the end of a warm-up are not compared: they were trained on something else.
        """
        state = self.state
        if epoch < self.objective.warmup * self.options.epochs:
            return
        if value > state.best_value:
            state.best_epoch, state.best_value = epoch, value
            self.best = {n: t.clone() for n, t in self.model.state_dict().items()}
            self.best_saved = False
        patience = self.options.patience
        since = epoch - (state.best_epoch or epoch)
        state.over = patience is not None and since >= patience

    def save(self) -> None:
        """Write the best weights if they are new, then the checkpoint, then the history."""
        self.saved = time.monotonic()
        if self.folder is None or not self.team.leads:
            return
        self.state.seconds = self.saved - self.began
        about = {"rows": len(self.source), "options": self.options.to_dict()}
        about["state"] = asdict(self.state)
        if self.best is not None and not self.best_saved:
            # In this order: a checkpoint never speaks of best weights that are not on the disk.
            checkpoint.write(self.path("best"), self.best, {"epoch": self.state.best_epoch})
            self.best_saved = True
        checkpoint.write(
            self.path("last"), self.step.tensors(), {**about, "state": asdict(self.state)}
        )
        checkpoint.write_bytes(self.folder / "history.csv", self.history.csv().encode())

    def path(self, name: str) -> Path:
        assert self.folder is not None
        return self.folder / "checkpoint" / f"{name}.safetensors"

    def resume(self) -> None:
        """Take up the run in the folder, if there is one, and settle what is "auto"."""
        if self.folder is not None and self.path("last").exists():
            tensors, about = checkpoint.read(self.path("last"))
            self.check_match(about)
            try:
                self.step.load(tensors)
            except (KeyError, RuntimeError) as error:
                raise LatentryError(
                    f"the checkpoint in {self.folder} belongs to another model; train in another"
                    " folder, or with the model that was trained there."
                ) from error
            self.state = State(**about["state"])
            self.history.rows = self.state.rows
            if self.state.best_epoch is not None:
                best, _ = checkpoint.read(self.path("best"))
                self.best = {n: t.to(self.device) for n, t in best.items()}
        if self.folder is not None and self.team.leads:
            checkpoint.sweep(self.folder / "checkpoint")
        state, options = self.state, self.options
        # What was settled before stays: a choice made anew could change the numbers.
        asked = options.precision if options.precision != "auto" else state.precision or "auto"
        state.precision = hardware.choose_precision(asked, self.device, self.transform)
        compiled = options.compile
        if compiled == "auto" and state.compile is not None:
            compiled = state.compile
        state.compile = hardware.choose_compile(compiled, self.device, self.steps, self.flops)
        self.step.run.precision = state.precision

    def check_match(self, about: dict[str, Any]) -> None:
        """Raise LatentryError where the checkpoint was made with other options or other data."""
        mine = {"rows": len(self.source), **self.options.to_dict()}
        theirs = {"rows": about["rows"], **about["options"]}
        for name, value in mine.items():
            if name not in FREE and theirs.get(name) != value:
                raise LatentryError(
                    f"the run in {self.folder} was trained with {name}={theirs.get(name)!r}, not"
                    f" {value!r}; use the same to go on with it, or another folder."
                )

    @contextmanager
    def compiled(self) -> Iterator[None]:
        """Inside the block the step is compiled, if that was chosen."""
        if not self.state.compile:
            yield
            return

        def failed(reason: str) -> None:
            self.state.compile = False
            self.remark(f"the step could not be compiled and runs as it is ({reason}).")

        # Several processes exchange gradients between the two halves of a step.
        part = "whole" if self.team.world == 1 else "gradients"
        with compiling(getattr(self.step, part), self.device, failed) as fast:
            setattr(self.step, part, fast)
            yield

    def remark(self, sentence: str) -> None:
        if self.history.note(sentence):
            self.progress.note(sentence)

    @torch.no_grad()
    def finish(self) -> History:
        """Put the weights to keep into the model, and say what there is to say about them."""
        if self.best is not None:
            self.model.load_state_dict(self.best)
        elif self.step.average is not None:
            self.step.weights.values.copy_(self.step.average)
        rows = self.source if self.valid is None else self.valid
        said = watch.look(
            self.history, self.model, self.transform, rows, self.device, self.options.skip
        )
        for sentence in said:
            self.remark(sentence)
        return self.history


@contextmanager
def catch_interrupt(active: bool) -> Iterator[threading.Event]:
    """Inside the block the first Ctrl-C sets the event; the second one interrupts as usual."""
    asked = threading.Event()
    # Only the main thread may handle signals, and only there do they arrive.
    if not active or threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = signal.getsignal(signal.SIGINT)

    def handle(*_: Any) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, handle)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
