"""A VAE whose reconstructions are judged by a critic: Larsen et al., 2016, arXiv 1512.09300.

A critic learns to tell samples from what the decoder makes, of codes of samples and of codes from
the prior. The distance between a sample and its reconstruction is then that of the critic's
features, a unit Gaussian's, and the decoder is trained to pass as well.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .bounds import Elbo
from .importance import split
from .models import VAE, Inference, LatentModel
from .objective import Objective, trainable
from .penalties import prior_draws
from .schedules import Schedule


class Judge(nn.Module):
    """(x, c) -> the critic's features (B, F), and its logit that x is a sample, (B,).

    `body` is an encoder body, whose features are the layer that distances are taken in. They are
    normalised over each row (Ba et al., 2016, arXiv 1607.06450), or else their size, which means
    nothing, would settle what a distance costs; the paper's net normalises over the batch.
    """

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(int(body.out_features), 1)  # pyright: ignore[reportArgumentType]

    def forward(self, x: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = self.body(x, c).float()
        h = F.layer_norm(h, h.shape[1:])
        return h, self.head(h).float()[:, 0]


class JudgedVAE(VAE):
    """A VAE that has a judge beside it."""

    judge: Judge


class Judged(Objective):
    """Three losses, as in the paper's algorithm 1, with one draw for each row.

    Encoder: rate + feature distance. Decoder: `gamma` feature distance + passing. Critic: telling
    samples from the reconstructions and from what is made of the prior's codes. To pass is trained
    in the form that does not saturate (Goodfellow et al., 2014, arXiv 1406.2661).
    """

    contest = True

    def __init__(self, beta: Schedule, gamma: float, *, settled: float = 0.0) -> None:
        super().__init__(Elbo(beta, settled=settled))
        self.beta, self.gamma = beta, gamma

    def losses(
        self, r: Inference, model: LatentModel, done: Tensor
    ) -> list[tuple[Tensor, list[nn.Parameter]]]:
        assert isinstance(model, JudgedVAE)
        judge: Any = model.judge
        again = _where_seen(r.px.mean[0], r.x)
        distance, passing, real = self._judged(r, model)
        new = _where_seen(model.decode(prior_draws(r)[0], r.c).mean, r.x)
        passing_new = judge(new, r.c)[1]
        passed = F.softplus(-passing).mean() + F.softplus(-passing_new).mean()
        told = (
            F.softplus(-real).mean()
            + 0.5 * F.softplus(judge(again.detach(), r.c)[1]).mean()
            + 0.5 * F.softplus(judge(new.detach(), r.c)[1]).mean()
        )
        encoder, _ = split(model)
        decoder = trainable(model.likelihood) + trainable(model.get_submodule("prior"))
        return [
            (self.beta(done) * r.rate.mean() + distance, encoder),
            (self.gamma * distance + passed, decoder),
            (told, trainable(judge)),
        ]

    def _judged(self, r: Inference, model: LatentModel) -> tuple[Tensor, Tensor, Tensor]:
        """The distance, (), and the logits of the reconstructions and of the samples, (B,)."""
        judge: Any = model.get_submodule("judge")
        wanted, real = judge(r.x, r.c)
        found, passing = judge(_where_seen(r.px.mean[0], r.x), r.c)
        return 0.5 * (found - wanted).square().sum(1).mean(), passing, real

    def parts(self, r: Inference, model: LatentModel) -> dict[str, Tensor]:
        """The distortion is the distance of the critic's features."""
        with torch.no_grad():
            return {"distortion": self._judged(r, model)[0], "rate": r.rate.mean()}


def _where_seen(made: Tensor, x: Tensor) -> Tensor:
    """What was made, with the holes of the sample beside which it is judged."""
    return torch.where(torch.isnan(x), x, made.to(x.dtype))
