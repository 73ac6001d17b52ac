"""How long, how fast and on what a model trains."""

from __future__ import annotations

import dataclasses
import math
import re
from dataclasses import dataclass
from typing import Any, Literal

from latentry.errors import LatentryError, suggest

OPTIMIZERS = ("adam", "adamw", "rmsprop")
SCHEDULES = ("constant", "cosine")
PRECISIONS = ("auto", "float32", "bfloat16")
DEVICES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True)
class Options:
    """What the training loop is told. Raises LatentryError for values that make no sense.

    Two runs with equal options, data and model on the same processor end with the same weights.
    """

    epochs: int = 50
    """Passes over the training data."""
    batch_size: int = 128
    """Rows for one step, over all processes together; at most the rows there are."""
    lr: float = 1e-3
    """The learning rate, at its highest."""
    optimizer: str = "adam"
    """adam (Kingma & Ba, 2015, arXiv 1412.6980), adamw (Loshchilov & Hutter, 2019, arXiv
    1711.05101) or rmsprop (Tieleman & Hinton, 2012)."""
    weight_decay: float = 0.0
    schedule: str = "constant"
    """constant, or cosine: down to zero at the end (arXiv 1608.03983)."""
    lr_warmup: float = 0.0
    """The share of all steps in which the rate rises from zero."""
    clip: float | None = None
    """The largest norm a step's gradient may have; a longer one is shortened to it."""
    skip: float | None = None
    """The norm of a gradient above which a step is left out: Child, 2021, arXiv 2011.10650."""
    ema: float | None = None
    """Decay of an exponential moving average of the weights, which is then what is kept."""
    patience: int | None = None
    """Stop after so many epochs without a better validation bound."""
    precision: str = "auto"
    """float32, bfloat16 (matrix products under autocast), or auto."""
    compile: bool | Literal["auto"] = "auto"
    """Compile the step: True, False, or auto (where the run is long enough to repay it)."""
    device: str = "auto"
    seed: int = 0
    checkpoint_seconds: float = 60.0
    """The longest time between two checkpoints."""

    def __post_init__(self) -> None:
        _whole("epochs", self.epochs, 1)
        _whole("batch_size", self.batch_size, 1)
        _whole("seed", self.seed, 0)
        _number("lr", self.lr, 0.0, math.inf, low_open=True)
        _number("weight_decay", self.weight_decay, 0.0, math.inf)
        _number("lr_warmup", self.lr_warmup, 0.0, 1.0)
        _number("checkpoint_seconds", self.checkpoint_seconds, 0.0, math.inf)
        if self.clip is not None:
            _number("clip", self.clip, 0.0, math.inf, low_open=True)
        if self.skip is not None:
            _number("skip", self.skip, 0.0, math.inf, low_open=True)
        if self.ema is not None:
            _number("ema", self.ema, 0.0, 1.0)
        if self.patience is not None:
            _whole("patience", self.patience, 1)
        _one_of("optimizer", self.optimizer, OPTIMIZERS)
        _one_of("schedule", self.schedule, SCHEDULES)
        _one_of("precision", self.precision, PRECISIONS)
        if self.compile not in (True, False, "auto"):
            raise LatentryError(f"compile={self.compile!r}: it is True, False or 'auto'.")
        if not isinstance(self.device, str) or not re.fullmatch(r"[a-z]+(:\d+)?", self.device):
            _one_of("device", self.device, DEVICES)
        _one_of("device", self.device.split(":")[0], DEVICES)

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of step `step` (0, 1, ...) of `steps`."""
        warm = math.ceil(self.lr_warmup * steps)
        if step < warm:
            return self.lr * (step + 1) / warm
        if self.schedule == "constant":
            return self.lr
        return self.lr * 0.5 * (1.0 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))

    def to_dict(self) -> dict[str, Any]:
        """The options as JSON can hold them."""
        return dataclasses.asdict(self)


def _whole(name: str, value: Any, least: int) -> None:
    # numpy's integers, which grid searches hand over, count as well.
    integral = hasattr(value, "__index__") and not isinstance(value, bool)
    if not integral or value < least:
        raise LatentryError(f"{name}={value!r}: it is a whole number of at least {least}.")


def _number(name: str, value: Any, low: float, high: float, *, low_open: bool = False) -> None:
    try:
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    inside = low <= number <= high and math.isfinite(number) and not (low_open and number == low)
    if inside:
        return
    if math.isfinite(high):
        raise LatentryError(f"{name}={value!r}: it is a number between {low:g} and {high:g}.")
    least = "above" if low_open else "of at least"
    raise LatentryError(f"{name}={value!r}: it is a number {least} {low:g}.")


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        close = suggest(str(value), known)
        raise LatentryError(f"{name}={value!r} is unknown: it is one of {', '.join(known)}.{close}")
