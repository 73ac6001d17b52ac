"""The networks that detect anomalies where no model is given."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from ..estimator import option
from ..zoo import DenoisingAE

STEPS = 500
"""Training steps of each network, where the rows do not fill more in one pass."""
WIDEST = 256


@dataclass(eq=False, repr=False)
class Detective(DenoisingAE):
    """A denoising autoencoder for detection, small, quick and never sampled.

    Its reconstruction error follows the gradient of the log density of the noisy rows: Alain &
    Bengio, 2014, https://arxiv.org/abs/1211.4246. So it needs no bottleneck to tell normal rows.
    """

    hidden: int | tuple[int, ...] | None = option((256,), "sizes of the hidden layers")
    activation: str = option("silu", "activation of the network")
    lr: float = option(3e-3, "learning rate")
    schedule: str = option("cosine", "learning rate over time")
    valid: float = option(0.0, "share of the rows held out for validation")
    precision: str = option("float32", "float32 or bfloat16")
    compile: bool | str = option(False, "compile the training step")

    sampled: ClassVar[bool] = False


def networks(rows: int, width: int, count: int) -> list[Detective]:
    """`count` networks for `rows` rows of `width` numbers, in turn narrow and wide.

    A narrow code, of a quarter of the width, holds what the columns have in common; a wide one, of
    twice the width, is kept from copying its input by more noise, and sees departures anywhere.
    """
    epochs = math.ceil(STEPS / max(1, rows // Detective.batch_size))
    narrow = {"latent": min(max(2, width // 4), WIDEST), "level": 0.1}
    wide = {"latent": min(2 * width, WIDEST), "level": 0.5}
    return [Detective(epochs=epochs, **(wide if i % 2 else narrow)) for i in range(count)]
