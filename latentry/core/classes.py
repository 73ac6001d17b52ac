"""A model in which a sample has a class beside its code: p(y) p(z) p(x | y, z).

Kingma, Rezende, Mohamed & Welling, 2014, arXiv 1406.5298 (their model M2). The posterior is
q(y | x) q(z | x, y). Where the class is known, log p(x, y) is bounded, and where it is not,
log p(x), with the sum over the classes taken exactly.

Shapes: B rows, K draws, Y classes, D dimensions of z. A code is z and y side by side, (D + Y), of
which y is one-hot in a draw, and holds the probabilities of the classes in a mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent
from torch.nn import functional as F
from torch.types import _size

from . import noise
from .likelihood import Likelihood
from .models import Inference, LatentModel, closed_form_kl
from .objective import Penalty
from .posteriors import NO_SHAPE, Gaussian, normal_of
from .priors import StandardNormal


class ClassGaussian(Distribution):
    """q(y | x) q(z | x, y), batch shape (B,), event shape (D + Y,), from `z` for each class.

    logits: (B, Y). z: a Gaussian with batch shape (Y, B) and event shape (D,).
    """

    arg_constraints = {}  # noqa: RUF012  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]
    has_rsample = True

    def __init__(self, logits: Tensor, z: Independent) -> None:
        self.log_y, self.z = logits.float().log_softmax(-1), z
        width = logits.shape[1] + z.event_shape[0]
        super().__init__(logits.shape[:1], torch.Size((width,)), validate_args=False)

    @property
    def mean(self) -> Tensor:
        y = self.log_y.exp()
        return torch.cat([(y.T[..., None] * self.z.mean).sum(0), y], -1)

    @property
    def variance(self) -> Tensor:
        y = self.log_y.exp()
        weight = y.T[..., None]
        mean = (weight * self.z.mean).sum(0)
        spread = (weight * (self.z.variance + (self.z.mean - mean) ** 2)).sum(0)
        return torch.cat([spread, y * (1 - y)], -1)

    def rsample(self, sample_shape: _size = NO_SHAPE) -> Tensor:
        """Codes sample_shape + (B, D + Y); no gradient passes through the choice of a class."""
        shape, (rows, classes) = torch.Size(sample_shape), self.log_y.shape
        k = shape.numel()
        u = noise.uniform((k, rows, 1), self.log_y)
        below = self.log_y.exp().cumsum(-1)[:, :-1]
        which = (u >= below).sum(-1)  # (K, B)
        loc, scale = (
            t.movedim(0, 1).expand(k, -1, -1, -1).take_along_dim(which[..., None, None], 2)[:, :, 0]
            for t in (self.z.mean, self.z.stddev)
        )
        z = loc + scale * noise.normal(loc.shape, loc)
        code = torch.cat([z, F.one_hot(which, classes).to(z.dtype)], -1)
        return code.reshape(shape + code.shape[1:])

    def sample(self, sample_shape: _size = NO_SHAPE) -> Tensor:
        with torch.no_grad():
            return self.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log q(y | x) + log q(z | x, y) of codes (..., B, D + Y) with a one-hot y, (..., B)."""
        dims = self.z.event_shape[0]
        z, y = value[..., :dims], value[..., dims:]
        each = self.z.log_prob(z[..., None, :, :])  # (..., Y, B)
        return (y * (self.log_y + each.movedim(-2, -1))).sum(-1)


@dataclass(eq=False, kw_only=True)
class OverClasses(Inference):
    """A pass in which every class was decoded: px has batch shape (K, Y, B).

    log q, log p, the distortion and the rate are expectations over y; `log_weight` is that of an
    unbiased estimate of p(x), of p(x, y) where the class is known.
    """

    each: Tensor
    """z for each class, (K, Y, B, D)."""
    qz: Distribution
    """q(z | x, y), batch shape (Y, B)."""
    pz: Distribution
    """p(z), batch shape ()."""
    logits: Tensor
    """Of q(y | x), (B, Y)."""
    labels: Tensor | None = None
    """One-hot, (B, Y), with zeros where the class is unknown; None where none is known."""

    @property
    def log_prior(self) -> float:
        """Log p(y): all classes are as likely."""
        return -math.log(self.logits.shape[1])

    @property
    def log_y(self) -> Tensor:
        """Log of the weight of each class, (Y, B); 0 in rows whose class is known."""
        log_y = self.logits.float().log_softmax(-1)
        return (log_y if self.labels is None else torch.where(self._labelled, 0.0, log_y)).T

    @property
    def weights(self) -> Tensor:
        """q(y | x), or the class that is known, (Y, B)."""
        y = self.logits.float().softmax(-1)
        return (y if self.labels is None else torch.where(self._labelled, self.labels, y)).T

    @property
    def _labelled(self) -> Tensor:
        assert self.labels is not None
        return self.labels.sum(-1, keepdim=True) > 0

    def _expected(self, each: Tensor) -> Tensor:
        """From (..., Y, B) to its mean over the classes, (..., B)."""
        return (self.weights * each).sum(-2)

    @property
    def _log_likelihood(self) -> Tensor:
        return self._once("log_likelihood", lambda: self.px.log_prob(self.x))

    @property
    def distortion(self) -> Tensor:
        return self._once("distortion", lambda: -self._expected(self._log_likelihood))

    @property
    def log_q(self) -> Tensor:
        return self._expected(self.qz.log_prob(self.each) + self.log_y)

    @property
    def log_p(self) -> Tensor:
        return self._expected(self.pz.log_prob(self.each) + self.log_prior)

    def _rate(self) -> Tensor:
        kl = closed_form_kl(self.qz, self.pz)
        assert kl is not None
        return self._expected(kl + self.log_y - self.log_prior)

    def _rates(self) -> Tensor:
        return self.rate[:, None]

    @property
    def log_weight(self) -> Tensor:
        """Log sum_y p(y) p(z_y) p(x | y, z_y) / q(z_y | x, y), (K, B), or the known class's term.

        The sum takes y out of what is sampled, so that only z is.
        """
        joint = self.pz.log_prob(self.each) - self.qz.log_prob(self.each) + self._log_likelihood
        if self.labels is not None:
            ruled_out = self._labelled & (self.labels == 0)
            joint = torch.where(ruled_out.T, -math.inf, joint)
        return torch.logsumexp(joint, 1) + self.log_prior


class ClassHead(nn.Module):
    """The Gaussian q(z | x, y) of each class, from features of x: one hidden layer joins the two.

    The features of x pass their half of that layer once, whatever the number of classes.
    """

    def __init__(self, body: nn.Module, classes: int, latent: int) -> None:
        super().__init__()
        features = int(body.out_features)  # pyright: ignore[reportArgumentType]
        width = max(1, min(features, 256))
        self.body = body
        self.of_x = nn.Linear(features, width)
        self.of_y = nn.Parameter(torch.randn(classes, width) / math.sqrt(width))
        self.head = nn.Linear(width, 2 * latent)

    def forward(self, x: Tensor, c: Tensor | None = None) -> Independent:
        """Batch shape (Y, B), event shape (D,)."""
        h = self.of_x(self.body(x, c))
        return normal_of(self.head(F.relu(h + self.of_y[:, None].to(h.dtype))))


class ClassVAE(LatentModel):
    """p(y) p(z) p(x | y, z) with a uniform p(y), and q(y | x) q(z | x, y).

    While it is trained, c (B, C + Y) may hold what is known of y behind the condition's C numbers:
    one-hot, and zeros where it is unknown. Every class of every row is decoded.
    """

    has_prior = True

    def __init__(
        self,
        classifier: nn.Module,
        posterior: ClassHead,
        likelihood: Likelihood,
        latent: int,
        classes: int,
        condition: int = 0,
    ) -> None:
        super().__init__()
        self.classifier, self.posterior, self.likelihood = classifier, posterior, likelihood
        self.logits = nn.Linear(int(classifier.out_features), classes)  # pyright: ignore[reportArgumentType]
        self.dims, self.classes, self.condition = latent, classes, condition
        self.latent = latent + classes
        self.prior = StandardNormal(latent)

    def split(self, c: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        """The condition (B, C) and what is known of y (B, Y), each None where it is not given."""
        if c is None or c.shape[1] == self.condition:
            return c, None
        labels = c[:, -self.classes :]
        return (c[:, : self.condition] if self.condition else None), labels

    def classify(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        """The logits of q(y | x), (B, Y), float32."""
        return self.logits(self.classifier(x, self.split(c)[0])).float()

    def encode(self, x: Tensor, c: Tensor | None = None) -> ClassGaussian:
        return ClassGaussian(self.classify(x, c), self.posterior(x, self.split(c)[0]))

    def decode(self, z: Tensor, c: Tensor | None = None) -> Distribution:
        # One of Y entries is 1: in this measure the class is as loud as the numbers beside it, and
        # the decoder hears it before it has learned to do without.
        y = math.sqrt(self.classes) * z[..., self.dims :]
        return self.likelihood(torch.cat([z[..., : self.dims], y], -1), self.split(c)[0])

    def infer(
        self, x: Tensor, c: Tensor | None = None, draws: int = 1, target: Tensor | None = None
    ) -> OverClasses:
        c, labels = self.split(c)
        logits = self.logits(self.classifier(x, c)).float()
        qz = self.posterior(x, c)
        base = qz.base_dist
        assert isinstance(base, Gaussian)
        # Noise has its rows in the second place, whatever comes behind.
        eps = noise.normal((draws, len(x), self.classes, self.dims), base.loc).movedim(2, 1)
        each = base.loc + base.scale * eps
        y = torch.eye(self.classes, device=x.device, dtype=each.dtype)
        y = y[:, None].expand(*each.shape[:-1], -1)
        weights = logits.softmax(-1).T[..., None]
        mixed = torch.cat([(weights * each).sum(1), weights[..., 0].T.expand(draws, -1, -1)], -1)
        return OverClasses(
            x=x if target is None else target, z=mixed, c=c,
            px=self.decode(torch.cat([each, y], -1), c), p=None, q=None,
            each=each, qz=qz, pz=self.prior(c), logits=logits, labels=labels,
        )  # fmt: skip

    def draw(self, n: int, c: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        like = self.logits.weight
        z = temperature * torch.randn(n, self.dims, device=like.device)
        y = torch.randint(self.classes, (n,), device=like.device)
        return torch.cat([z, F.one_hot(y, self.classes).float()], -1)


class Classification(Penalty):
    """-log q(y | x) of the rows whose class is known, averaged over them: the alpha of the paper.

    share: of all rows, those whose class is known, so that each batch gives an unbiased estimate.
    """

    def __init__(self, weight: float, share: float) -> None:
        super().__init__()
        self.weight, self.share = weight, share

    def forward(self, r: Inference, model: LatentModel, done: Tensor) -> Tensor:
        assert isinstance(r, OverClasses)
        if r.labels is None:
            return r.logits.new_zeros(())
        wrong = -(r.labels * r.logits.log_softmax(-1)).sum(-1)
        return wrong.mean() / self.share
