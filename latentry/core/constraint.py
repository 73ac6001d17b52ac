"""A bound under a constraint: the least rate at which the reconstruction is good enough."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .bounds import Elbo
from .models import Inference, LatentModel
from .objective import Objective, trainable


class Constrained(Objective):
    """GECO: minimise the rate so that the reconstruction's error is at most `target`.

    Rezende & Viola, 2018, arXiv 1810.00597: the Lagrangian rate + multiplier * constraint with the
    constraint C = sum_d (x_d - mean_d)^2 - D target^2, the root mean squared error of a value
    being `target` where it holds. The multiplier's logarithm climbs C by the rule that trains the
    weights (the paper's own step is lambda <- lambda exp(C), on a moving average of C, which such a
    rule has built in).
    """

    def __init__(self, target: float, speed: float = 10.0) -> None:
        super().__init__(Elbo())
        self.target, self.speed = target, speed
        self.log_multiplier = nn.Parameter(torch.zeros(()))

    @property
    def multiplier(self) -> Tensor:
        """What one unit of squared error costs, in nats, ()."""
        return (self.speed * self.log_multiplier).clamp(-15.0, 15.0).exp()

    def constraint(self, r: Inference) -> Tensor:
        """Squared error above what is allowed, (), in squared units of the model's scale."""
        seen = ~r.x.isnan()
        # A missing value is zero here, for the gradient of a masked NaN would still be NaN.
        square = (r.px.mean - r.x.nan_to_num()).square()
        excess = torch.where(seen, square - self.target**2, 0.0)
        return excess.flatten(2).sum(-1).mean()

    def losses(
        self, r: Inference, model: LatentModel, done: Tensor
    ) -> list[tuple[Tensor, list[nn.Parameter]]]:
        c = self.constraint(r)
        loss = r.rate.mean() + self.multiplier.detach() * c
        return [
            (loss, trainable(model)),
            (-self.log_multiplier * c.detach(), [self.log_multiplier]),
        ]

    def parts(self, r: Inference, model: LatentModel) -> dict[str, Tensor]:
        return {
            **super().parts(r, model),
            "multiplier": self.multiplier,
            "excess": self.constraint(r),
        }
