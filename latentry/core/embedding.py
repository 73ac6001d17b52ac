"""A code that samples and their label sets share.

Canonical-correlated autoencoders: Yeh, Wu, Ko & Wang, 2017, arXiv 1707.00418. F_x maps a sample and
F_e its labels to the same code, and F_d a code to a score for each label. Trained are

    |F_x(x) - F_e(y)|^2 + alpha E(y, F_d(F_e(y)))     with uncorrelated, unit-variance codes,

where E ranks labels that are there above those that are not. Shapes: B rows, D dimensions, L
labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .bounds import Reconstruction
from .likelihood import Likelihood
from .models import VAE, Inference, LatentModel
from .objective import Objective, trainable
from .posteriors import Posterior


@dataclass(eq=False, kw_only=True)
class Embedded(Inference):
    """A pass over samples with their label sets."""

    labels: Tensor
    """(B, L): 1, 0, or NaN where it is unknown."""
    embedded: Tensor
    """F_e(y), (B, D)."""
    scores: Tensor
    """F_d(F_e(y)), (B, L)."""


class LabelNets(nn.Module):
    """F_e and F_d, each with one hidden layer, and the score from which on a label is given."""

    cut: Tensor

    def __init__(self, labels: int, latent: int, hidden: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(labels, hidden), nn.LeakyReLU(), nn.Linear(hidden, latent)
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent, hidden), nn.LeakyReLU(), nn.Linear(hidden, labels)
        )
        self.labels = labels
        self.register_buffer("cut", torch.zeros(()))


class LabelEmbedding(VAE):
    """An autoencoder whose code of a sample is also that of the sample's labels.

    The paper does not decode samples. Here a decoder of samples learns from codes that it has no
    influence on; without labels (nets=None) it is a plain autoencoder. While it is trained,
    c (B, C + L) may hold the labels behind the condition's C numbers.
    """

    def __init__(
        self, posterior: Posterior, likelihood: Likelihood, nets: LabelNets | None, condition: int
    ) -> None:
        super().__init__(posterior, None, likelihood)
        self.nets, self.condition = nets, condition

    def split(self, c: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        """The condition (B, C) and the labels (B, L), each None where it is not given."""
        if c is None or self.nets is None or c.shape[1] == self.condition:
            return c, None
        return (c[:, : self.condition] if self.condition else None), c[:, -self.nets.labels :]

    def encode(self, x: Tensor, c: Tensor | None = None) -> torch.distributions.Distribution:
        return super().encode(x, self.split(c)[0])

    def scores(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """F_d(F_x(x)), the score of each label, (B, L)."""
        assert self.nets is not None
        return self.nets.decoder(self.encode(x, c).mean).float()

    def infer(
        self, x: Tensor, c: Tensor | None = None, draws: int = 1, target: Tensor | None = None
    ) -> Inference:
        c, labels = self.split(c)
        if self.nets is None or labels is None:
            return super().infer(x, c, draws, target)
        q = self.encode(x, c)
        z = q.rsample(torch.Size((draws,)))
        embedded = self.nets.encoder(torch.nan_to_num(labels)).float()
        return Embedded(
            x=x if target is None else target, z=z, px=self.decode(z.detach(), c), q=q, c=c,
            labels=labels,
            embedded=embedded, scores=self.nets.decoder(embedded).float(),
        )  # fmt: skip


def ranking(scores: Tensor, labels: Tensor) -> Tensor:
    """The mean over pairs of e^-(score that is there - score that is not), (B,).

    scores and labels (B, L), NaN where a label is unknown. 0 in rows without such a pair. The sum
    over pairs is the product of two sums, so that it costs L rather than L^2.
    """
    there, absent = labels == 1, labels == 0

    def mean_exp(signed: Tensor, which: Tensor) -> Tensor:
        count = which.sum(-1).clamp(min=1)
        # A finite floor: the gradient of the log of an empty sum would be NaN.
        return torch.where(which, signed, -1e4).logsumexp(-1) - count.log()

    both = there.any(-1) & absent.any(-1)
    pairs = (mean_exp(-scores, there) + mean_exp(scores, absent)).exp()
    return torch.where(both, pairs, 0.0)


def uncorrelated(z: Tensor) -> Tensor:
    """The squared distance of the second moments of z (B, D) from the identity, ()."""
    moments = z.T @ z / len(z)
    return (moments - torch.eye(z.shape[1], device=z.device)).square().sum()


class JointEmbedding(Objective):
    """The loss above, with the constraint on the codes as a penalty.

    alpha: weight of the ranking. spread: weight of the penalty, for each of the two codes.
    """

    def __init__(self, alpha: float, spread: float) -> None:
        super().__init__(Reconstruction())
        self.alpha, self.spread = alpha, spread

    def losses(
        self, r: Inference, model: LatentModel, done: Tensor
    ) -> list[tuple[Tensor, list[nn.Parameter]]]:
        loss = r.distortion.mean()
        if isinstance(r, Embedded):
            loss = loss + self.joint(r)
        return [(loss, trainable(model))]

    def joint(self, r: Embedded) -> Tensor:
        """What is trained of the codes, ()."""
        z, e = r.z.mean(0), r.embedded
        # A row of which no label is known has nothing to share.
        known = (~r.labels.isnan()).any(-1)
        apart = torch.where(known, (z - e).square().sum(-1), 0.0)
        rows = apart + self.alpha * ranking(r.scores, r.labels)
        return rows.mean() + self.spread * (uncorrelated(z) + uncorrelated(e))

    def value(self, r: Inference) -> Tensor:
        if isinstance(r, Embedded):
            return -self.joint(r).expand(len(r.x))
        return super().value(r)

    def parts(self, r: Inference, model: LatentModel) -> dict[str, Tensor]:
        parts = super().parts(r, model)
        if isinstance(r, Embedded):
            parts["ranking"] = ranking(r.scores, r.labels).mean()
            parts["apart"] = (r.z.mean(0) - r.embedded).square().sum(-1).mean()
        return parts


def best_cut(scores: Tensor, labels: Tensor) -> Tensor:
    """The score from which on to give a label, (), by the best micro-F1 of scores (N, L)."""
    seen = ~labels.isnan()
    found, there = scores[seen], labels[seen]
    order = found.argsort(descending=True)
    found, there = found[order].double(), there[order].double()
    hits = there.cumsum(0)
    given = torch.arange(1, len(there) + 1, device=there.device)
    f1 = 2 * hits / (given + there.sum()).clamp(min=1)
    at = int(f1.argmax())
    after = found[min(at + 1, len(found) - 1)]
    return ((found[at] + after) / 2).to(scores.dtype)
