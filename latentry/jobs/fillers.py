"""The networks that fill gaps where no model is given."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import nn

from ..core.corruptions import Hide
from ..data.schema import Schema
from ..estimator import option
from ..zoo import MissingIWAE

STEPS = 2000
"""Training steps of each network."""


@dataclass(eq=False, repr=False)
class Filler(MissingIWAE):
    """A MIWAE that learns from holes of its own making, for tables of a few hundred rows or more.

    In each pass observed entries are hidden from its encoder, and the likelihood still scores
    them, so that the code is inferred from any part of a row: Mattei & Frellsen, 2019, arXiv
    1812.02633, for the bound; Ivanov et al., 2019, arXiv 1806.02382, for the holes.
    """

    hide: float = option(0.2, "the largest share of a row's entries that is hidden")
    draws: int = option(5, "codes drawn for each sample")
    hidden: int | tuple[int, ...] | None = option((128,), "sizes of the hidden layers")
    activation: str = option("tanh", "activation of the network")
    batch_size: int = option(64, "rows in a batch")
    lr: float = option(6e-3, "learning rate")
    schedule: str = option("cosine", "learning rate over time")
    clip: float | None = option(5.0, "largest norm of the gradient")
    valid: float = option(0.0, "share of the rows held out for validation")
    precision: str = option("float32", "float32 or bfloat16")
    compile: bool | str = option(False, "compile the training step")

    def choose_likelihood(self, schema: Schema) -> tuple[str, str]:
        if schema.kind == "table":
            return super().choose_likelihood(schema)
        return "gaussian-dimension", "likelihood gaussian-dimension, whose means have least error"

    def build_corruption(self) -> nn.Module | None:
        return Hide(self.hide)


def networks(rows: int, count: int) -> list[Filler]:
    """`count` networks for `rows` rows: their fills are averaged."""
    made = [Filler() for _ in range(count)]
    for net in made:
        net.set_params(epochs=math.ceil(STEPS / max(1, rows // net.batch_size)))
    return made
