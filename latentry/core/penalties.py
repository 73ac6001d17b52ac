"""Penalties: what a loss asks of codes beside a bound.

Four kinds: a **distance** between the codes of a batch and draws from the prior (MMD, sliced
Wasserstein), **independence** of a code's dimensions (total correlation, covariance), **critics**,
nets that learn to tell codes from something else, and **smallness** of codes or of derivatives.

All are numbers () of a batch. The first three compare the rows of a batch with each other, so
with several processes each compares its own share of the rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Independent
from torch.nn import functional as F

from . import noise
from .models import Inference, LatentModel
from .objective import Penalty

# ----------------------------------------------------------------- distances between code and prior


def prior_draws(r: Inference) -> Tensor:
    """As many draws from the prior as r has codes, (K, B, D)."""
    assert r.p is not None
    k, b = r.z.shape[:2]
    return r.p.rsample(torch.Size((k,) if r.p.batch_shape else (k, b)))


def _flat(z: Tensor) -> Tensor:
    return z.reshape(-1, z.shape[-1])


KERNELS = ("imq", "rbf")


class MMD(Penalty):
    """The maximum mean discrepancy between the codes and the prior, estimated without bias.

    Tolstikhin et al., 2018, arXiv 1711.01558, algorithm 2. "imq" is the inverse multiquadratic
    kernel C / (C + |a - b|^2) with the paper's C = 2 D, "rbf" is exp(-|a - b|^2 / C).
    """

    def __init__(self, weight: float, kernel: str = "imq") -> None:
        super().__init__()
        self.weight, self.kernel = weight, kernel

    def forward(self, r: Inference, model: LatentModel, done: Tensor) -> Tensor:
        return mmd(_flat(r.z), _flat(prior_draws(r)), self.kernel)


def mmd(a: Tensor, b: Tensor, kernel: str = "imq") -> Tensor:
    """The squared discrepancy between draws a (N, D) and b (N, D), (); it can be below 0."""
    n, width = a.shape
    scale = 2.0 * width

    def similarity(u: Tensor, v: Tensor) -> Tensor:
        # By matrix products rather than torch.cdist, whose gradient at distance 0 is none.
        square = (u * u).sum(1)[:, None] + (v * v).sum(1) - 2 * u @ v.T
        square = square.clamp(min=0.0)
        return scale / (scale + square) if kernel == "imq" else (-square / scale).exp()

    within = sum(k.sum() - k.diagonal().sum() for k in (similarity(a, a), similarity(b, b)))
    return within / max(n * (n - 1), 1) - 2 * similarity(a, b).mean()


class SlicedWasserstein(Penalty):
    """The squared 2-Wasserstein distance between codes and prior, averaged over random lines.

    Kolouri et al., 2019, arXiv 1804.01947: on a line the best transport pairs sorted values.
    """

    def __init__(self, weight: float, projections: int = 50) -> None:
        super().__init__()
        self.weight, self.projections = weight, projections

    def forward(self, r: Inference, model: LatentModel, done: Tensor) -> Tensor:
        a, b = _flat(r.z), _flat(prior_draws(r))
        lines = noise.normal((1, self.projections, a.shape[1]), a)[0]
        lines = lines / lines.norm(dim=1, keepdim=True)
        apart = (a @ lines.T).sort(0).values - (b @ lines.T).sort(0).values
        return (apart * apart).mean()


# ------------------------------------------------------------------------------------ independence

ESTIMATORS = ("weighted", "stratified")


class TotalCorrelation(Penalty):
    """KL(q(z) || prod_d q(z_d)), estimated from a batch: Chen et al., 2018, arXiv 1802.04942.

    "weighted" is the paper's minibatch-weighted sampling (its bias is a constant), "stratified"
    its minibatch-stratified sampling (section C.2).
    """

    def __init__(self, weight: float, estimator: str = "stratified") -> None:
        super().__init__()
        self.weight, self.estimator = weight, estimator

    def forward(self, r: Inference, model: LatentModel, done: Tensor) -> Tensor:
        q = r.q
        assert isinstance(q, Independent)
        each = q.base_dist.log_prob(r.z[0][:, None])  # (B, B, D): code i under the posterior of j
        weights = self._log_weights(len(r.x), each)
        joint = torch.logsumexp(each.sum(-1) + weights, 1)
        alone = torch.logsumexp(each + weights[..., None], 1).sum(-1)
        return (joint - alone).mean()

    def _log_weights(self, batch: int, like: Tensor) -> Tensor:
        """The logs of what each posterior of the batch counts for each code, (B, B)."""
        rows = max(self.rows, batch)
        if self.estimator == "weighted" or batch < 3:
            return like.new_full((batch, batch), -math.log(batch * rows))
        own = torch.eye(batch, device=like.device)
        last = own.roll(1, 1)  # any one of the others stands for the rows outside the batch
        others = batch - 1
        weights = 1 / others + own * (1 / rows - 1 / others)
        return (weights + last * ((rows - others) / (rows * others) - 1 / others)).log()


class Covariance(Penalty):
    """Squared distance of the codes' covariance from the identity: Kumar et al., 2018.

    arXiv 1711.00848. `kind` 1 looks at the posterior means, 2 at the codes (the means' covariance
    plus the mean posterior variance). `off` weighs the covariances, `on` the variances.
    """

    def __init__(self, off: float, on: float, kind: int = 2) -> None:
        super().__init__()
        self.off, self.on, self.kind = off, on, kind

    def forward(self, r: Inference, model: LatentModel, done: Tensor) -> Tensor:
        assert r.q is not None
        mean = r.q.mean
        centred = mean - mean.mean(0)
        covariance = centred.T @ centred / len(mean)
        if self.kind == 2:
            covariance = covariance + torch.diag(r.q.variance.mean(0))
        variances = covariance.diagonal()
        square = (covariance * covariance).sum() - (variances * variances).sum()
        return self.off * square + self.on * (variances - 1).square().sum()


# ------------------------------------------------------------------------------------------ critics


def critic_net(width: int, hidden: Sequence[int]) -> nn.Sequential:
    """A net (N, width) -> (N, 1)."""
    sizes = (width, *hidden)
    layers: list[nn.Module] = []
    for before, after in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Linear(before, after), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], 1))


def tell_apart(critic: nn.Module, real: Tensor, other: Tensor) -> Tensor:
    """The loss of a critic that should give `real` a high number and `other` a low one, ()."""
    return F.softplus(-critic(real).float()).mean() + F.softplus(critic(other).float()).mean()


class PriorCritic(Penalty):
    """How well the codes pass as draws from the prior with a critic: arXiv 1511.05644.

    Makhzani et al., 2016. The encoder is trained on -log D(z), the form that does not saturate.
    """

    def __init__(self, latent: int, weight: float = 1.0, hidden: Sequence[int] = (256, 256)):
        super().__init__()
        self.weight, self.critic = weight, critic_net(latent, hidden)

    def forward(self, r: Inference, model: LatentModel, done: Tensor) -> Tensor:
        return F.softplus(-self.critic(_flat(r.z)).float()).mean()

    def own_loss(self, r: Inference) -> Tensor:
        return tell_apart(self.critic, _flat(prior_draws(r)).detach(), _flat(r.z).detach())


class IndependenceCritic(Penalty):
    """The total correlation by a critic's density ratio: Kim & Mnih, 2018, arXiv 1802.05983.

    The critic learns to tell codes from codes whose dimensions were shuffled among the rows.
    """

    def __init__(self, latent: int, weight: float, hidden: Sequence[int] = (256, 256, 256)):
        super().__init__()
        self.weight, self.critic = weight, critic_net(latent, hidden)

    def forward(self, r: Inference, model: LatentModel, done: Tensor) -> Tensor:
        return self.critic(_flat(r.z)).float().mean()

    def own_loss(self, r: Inference) -> Tensor:
        z = _flat(r.z).detach()
        order = noise.uniform((1, *z.shape), z)[0].argsort(0)
        return tell_apart(self.critic, z, z.gather(0, order))


# ---------------------------------------------------------------------------------------- smallness


class CodeNorm(Penalty):
    """Half the squared length of the code, or the sum of its absolute values (`power` 1)."""

    def __init__(self, weight: float, power: int = 2) -> None:
        super().__init__()
        self.weight, self.power = weight, power

    def forward(self, r: Inference, model: LatentModel, done: Tensor) -> Tensor:
        size = r.z.abs() if self.power == 1 else 0.5 * r.z.square()
        return size.sum(-1).mean()


class RareActivity(Penalty):
    """KL between a Bernoulli of mean `target` and one of each unit's mean activity in the batch.

    The sparse autoencoder's penalty for codes in (0, 1) (Ng, 2011, CS294A lecture notes).
    """

    def __init__(self, weight: float, target: float) -> None:
        super().__init__()
        self.weight, self.target = weight, target

    def forward(self, r: Inference, model: LatentModel, done: Tensor) -> Tensor:
        active = _flat(r.z).mean(0).clamp(1e-6, 1 - 1e-6)
        p = self.target
        on, off = p * (p / active).log(), (1 - p) * ((1 - p) / (1 - active)).log()
        return (on + off).sum()


class DecoderNorm(Penalty):
    """The squared length of all the decoder's weights: Ghosh et al., 2020, arXiv 1903.12436."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, r: Inference, model: LatentModel, done: Tensor) -> Tensor:
        return torch.stack([p.square().sum() for p in model.likelihood.parameters()]).sum()


class DecoderGradient(Penalty):
    """The squared derivative of the decoded mean by the code: Ghosh et al., 2020, 1903.12436.

    The Jacobian's squared Frobenius norm, estimated without bias by one random direction.
    """

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, r: Inference, model: LatentModel, done: Tensor) -> Tensor:
        z = r.z[0].detach().requires_grad_()
        with torch.enable_grad():
            return squared_jacobian(model.decode(z, r.c).mean.flatten(1), z)


class Contraction(Penalty):
    """The squared derivative of the code by the sample, |d mean / d x|^2: Rifai et al., 2011.

    Exact where the encoder is an mlp; else estimated without bias by one random direction.
    """

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, r: Inference, model: LatentModel, done: Tensor) -> Tensor:
        posterior: Any = getattr(model, "posterior", None)
        layers = getattr(getattr(posterior, "body", None), "layers", None)
        if isinstance(layers, nn.Sequential):
            return _contraction_of_layers(posterior, layers, r)
        x = r.x.detach().requires_grad_()
        with torch.enable_grad():
            return squared_jacobian(model.encode(x, r.c).mean, x)


def squared_jacobian(y: Tensor, x: Tensor) -> Tensor:
    """E |J^T v|^2 = |J|^2 over the rows, from one normal v for each: Hutchinson's estimator, ()."""
    v = noise.normal((1, *y.shape), y.detach())[0]
    (pulled,) = torch.autograd.grad(y, x, v, create_graph=True)
    return pulled.flatten(1).square().sum(1).mean()


def _contraction_of_layers(posterior: Any, layers: nn.Sequential, r: Inference) -> Tensor:
    """|d code / d x|^2 of linear layers with activations, from the code back to the sample.

    The last product is by the first layer's Gram matrix, H x H instead of H x (numbers in x).
    """
    body = posterior.body
    h = body.prepare(r.x).flatten(1)
    features = h.shape[1]
    if body.condition:
        assert r.c is not None
        h = torch.cat([h, r.c], 1)
    slopes: list[tuple[Tensor, Tensor]] = []
    weight: Tensor | None = None
    for layer in layers:
        if isinstance(layer, nn.Linear):
            h, weight = layer(h), layer.weight
        else:
            assert weight is not None
            h, slope = _with_slope(layer, h.float())
            slopes.append((weight, slope))
    latent = posterior.latent
    back = posterior.head.weight[:latent].expand(len(h), -1, -1)
    while slopes:
        weight, slope = slopes.pop()
        back = back * slope[:, None]
        if not slopes:
            own = weight[:, :features]
            return ((back @ (own @ own.T)) * back).sum((1, 2)).mean()
        back = back @ weight
    return back[..., :features].square().sum((1, 2)).mean()


def _with_slope(layer: nn.Module, a: Tensor) -> tuple[Tensor, Tensor]:
    """An activation's value and its derivative at a, element by element."""
    if not a.requires_grad:  # outside of training
        a = a.detach().requires_grad_()
    with torch.enable_grad():
        value = layer(a)
        (slope,) = torch.autograd.grad(value.sum(), a, create_graph=True)
    return value, slope
