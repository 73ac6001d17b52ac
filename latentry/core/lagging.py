"""A decoder that waits for its encoder: He et al., 2019, arXiv 1901.05534.

Early in training the approximate posterior lags behind the true one, and the decoder, which learns
faster, finds it best to do without the code: the rate collapses. So for a while the encoder learns
alone, and the decoder takes a step only now and then.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .bounds import Bound
from .importance import split
from .models import Inference, LatentModel
from .objective import Objective, Penalty


class Lagging(Objective):
    """The decoder moves at every `inner`-th step of the first `share` of training, then always.

    The paper lets the encoder alone until the bound stops rising, for at most 100 steps, and ends
    that when the mutual information of x and z stops growing, after some epochs. Here both are
    fixed, so that what a step does follows from its number, whatever the batches held.
    """

    def __init__(
        self, bound: Bound, share: float, inner: int, epochs: int, batch: int, *more: Penalty
    ) -> None:
        super().__init__(bound, *more)
        self.share, self.inner, self.epochs, self.batch = share, inner, epochs, batch
        self.steps = 1

    def expect(self, rows: int) -> None:
        super().expect(rows)
        self.steps = self.epochs * max(1, rows // min(self.batch, rows))

    def losses(
        self, r: Inference, model: LatentModel, done: Tensor
    ) -> list[tuple[Tensor, list[nn.Parameter]]]:
        ((loss, _),) = super().losses(r, model, done)
        encoder, rest = split(model)
        return [(loss, encoder), (loss, rest)]

    def moves(self, done: Tensor) -> list[Tensor]:
        step = (done * self.steps).round()
        due = torch.remainder(step + 1, self.inner) == 0
        return [torch.ones_like(due), due | (done >= self.share)]
