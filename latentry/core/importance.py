"""Bounds and gradients that mend the importance-weighted bound's weak signal to its encoder.

With many draws the gradient of that bound with respect to the encoder becomes noise: Rainforth et
al., 2018, arXiv 1802.04537, who give the bounds below; Tucker et al., 2019, arXiv 1810.04152, give
another estimate of the gradient of the bound itself.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from .bounds import Bound, Importance, importance_weighted, log_mean_exp
from .models import Inference, LatentModel
from .objective import Objective, trainable
from .posteriors import Gaussian


class Multiplied(Bound):
    """MIWAE: the mean of `groups` importance-weighted bounds, each from draws / groups codes."""

    def __init__(self, draws: int, groups: int) -> None:
        self.draws, self.groups = draws, groups

    def __call__(self, r: Inference, done: Tensor) -> Tensor:
        weights = r.log_weight.unflatten(0, (self.groups, -1))
        return log_mean_exp(weights, 1).mean(0)

    def unweighted(self, r: Inference) -> Tensor:
        return importance_weighted(r)


class Combined(Bound):
    """CIWAE: `share` of the evidence lower bound and the rest of the importance-weighted one."""

    def __init__(self, draws: int, share: float) -> None:
        self.draws, self.share = draws, share

    def __call__(self, r: Inference, done: Tensor) -> Tensor:
        # The mean log weight is the lower bound estimated by draws, as in the paper.
        return self.share * r.log_weight.mean(0) + (1 - self.share) * importance_weighted(r)

    def unweighted(self, r: Inference) -> Tensor:
        return importance_weighted(r)


def split(model: LatentModel) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The parameters of the posterior, and all the others."""
    encoder = trainable(model.get_submodule("posterior"))
    own = {id(p) for p in encoder}
    return encoder, [p for p in trainable(model) if id(p) not in own]


class Partial(Objective):
    """PIWAE: the decoder learns from the whole bound, the encoder from the mean of smaller ones."""

    def __init__(self, draws: int, groups: int) -> None:
        super().__init__(Importance(draws))
        self.for_encoder = Multiplied(draws, groups)

    def losses(
        self, r: Inference, model: LatentModel, done: Tensor
    ) -> list[tuple[Tensor, list[nn.Parameter]]]:
        encoder, rest = split(model)
        pairs = (self.bound, rest), (self.for_encoder, encoder)
        return [(-bound(r, done).mean(), parameters) for bound, parameters in pairs]


class DoublyReparametrised(Objective):
    """DReG: the bound's gradient for the encoder with the term of pure noise taken out.

    Encoder: sum_k w_k^2 d log w_k / dz_k dz_k / dphi, decoder: sum_k w_k d log w_k / dtheta, with
    normalised weights w_k and q's own parameters held in log q (Tucker et al., 2019, eq. 8).
    """

    def __init__(self, draws: int) -> None:
        super().__init__(Importance(draws))

    def losses(
        self, r: Inference, model: LatentModel, done: Tensor
    ) -> list[tuple[Tensor, list[nn.Parameter]]]:
        encoder, rest = split(model)
        log_weight = r.log_p - held(r.q).log_prob(r.z) - r.distortion
        w = log_weight.detach().softmax(0)
        return [
            (-(w * log_weight).sum(0).mean(), rest),
            (-(w * w * log_weight).sum(0).mean(), encoder),
        ]

    def parts(self, r: Inference, model: LatentModel) -> dict[str, Tensor]:
        return {**super().parts(r, model), "bound": importance_weighted(r).mean()}


def held(q: Distribution | None) -> Distribution:
    """A factorised Gaussian q with parameters that no gradient reaches."""
    assert isinstance(q, Independent)
    assert isinstance(q.base_dist, Gaussian)
    base = Gaussian(q.base_dist.loc.detach(), q.base_dist.scale.detach())
    return Independent(base, 1, validate_args=False)
