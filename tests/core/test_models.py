from __future__ import annotations

import pytest
import torch
from oracle import Oracle
from torch import nn
from torch.distributions import Distribution

from latentry.core.bounds import Elbo, Reconstruction
from latentry.core.corruptions import Corruption
from latentry.core.likelihoods import GaussianLikelihood
from latentry.core.models import VAE, Inference, LatentModel
from latentry.core.objective import Objective, Penalty, trainable
from latentry.core.posteriors import DiracPosterior, GaussianPosterior
from latentry.errors import LatentryError


class Body(nn.Linear):
    def forward(self, x: torch.Tensor, c: torch.Tensor | None = None) -> torch.Tensor:
        return super().forward(x)


class Head(nn.Linear):
    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return super().forward(z)[:, None]


def autoencoder(corruption: nn.Module | None = None) -> VAE:
    torch.manual_seed(0)
    return VAE(
        DiracPosterior(Body(4, 6), 2), None, GaussianLikelihood(Head(2, 4), (4,)), corruption
    )


def test_shapes_and_signs() -> None:
    oracle = Oracle()
    r = oracle.model.infer(oracle.draw(6), draws=3)
    assert r.z.shape == (3, 6, 2)
    assert r.distortion.shape == r.log_q.shape == r.log_p.shape == (3, 6)
    assert r.rate.shape == (6,)
    assert (r.rate >= 0).all()
    torch.testing.assert_close(r.log_weight, r.log_p - r.log_q - r.distortion)
    assert oracle.model.generate(9).sample().shape == (9, 5)


def test_an_autoencoder_has_a_distortion_and_no_prior() -> None:
    model = autoencoder()
    r = model.infer(torch.randn(3, 4))
    assert not model.has_prior
    assert r.distortion.shape == (1, 3)
    objective = Objective(Reconstruction())
    assert set(objective.parts(r, model)) == {"distortion"}
    torch.testing.assert_close(objective.value(r), -r.distortion[0])
    with pytest.raises(ValueError, match="without a prior"):
        model.draw(3)


def test_corruption_is_for_learning_only_and_the_target_stays_clean() -> None:
    model = autoencoder(Corruption("masking", 1.0))
    x = torch.randn(3, 4)
    r = model.train().infer(x)
    assert torch.equal(r.x, x)
    torch.testing.assert_close(r.z[0], model.encode(torch.zeros_like(x)).mean)
    torch.testing.assert_close(model.eval().infer(x).z[0], model.encode(x).mean)


@pytest.mark.parametrize(
    ("kind", "level", "said"),
    [("gausian", 0.1, "Did you mean 'gaussian'"), ("masking", 1.5, "share"), ("gaussian", -1, "0")],
)
def test_a_corruption_that_cannot_be(kind: str, level: float, said: str) -> None:
    with pytest.raises(LatentryError, match=said):
        Corruption(kind, level)


def test_corruptions_do_what_they_say() -> None:
    x = torch.rand(200, 50) + 1
    noisy = Corruption("gaussian", 0.5)(x) - x
    assert float(noisy.std()) == pytest.approx(0.5, rel=0.05)
    masked = Corruption("masking", 0.25)(x)
    assert float((masked == 0).float().mean()) == pytest.approx(0.25, abs=0.03)
    salted = Corruption("salt-and-pepper", 0.4)(x)
    changed = salted != x
    assert float(changed.float().mean()) == pytest.approx(0.4, abs=0.03)
    assert set(salted[changed].unique().tolist()) <= {float(x.min()), float(x.max())}


class Weight(Penalty):
    """A penalty with a parameter and a loss of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.own = nn.Parameter(torch.ones(()))

    def forward(self, r: Inference, model: LatentModel, done: torch.Tensor) -> torch.Tensor:
        return r.z.square().mean()

    def own_loss(self, r: Inference) -> torch.Tensor:
        return (self.own - r.z.detach().mean()) ** 2


def test_a_penalty_joins_the_loss_and_trains_its_own_parameters() -> None:
    model = autoencoder()
    penalty = Weight()
    objective = Objective(Reconstruction(), penalty)
    r = model.infer(torch.randn(3, 4))
    (loss, params), (own, theirs) = objective.losses(r, model, torch.tensor(0.0))
    torch.testing.assert_close(loss, r.distortion.mean() + r.z.square().mean())
    assert [id(p) for p in params] == [id(p) for p in trainable(model)]
    assert [id(p) for p in theirs] == [id(penalty.own)]
    assert torch.autograd.grad(own, theirs)[0] is not None


def test_gradients_reach_every_parameter() -> None:
    oracle = Oracle(error=0.1)
    loss, params = Objective(Elbo()).losses(
        oracle.model.infer(oracle.draw(8)), oracle.model, torch.tensor(1.0)
    )[0]
    grads = torch.autograd.grad(loss, params)
    assert all(torch.isfinite(g).all() and g.abs().sum() > 0 for g in grads)


def test_a_gaussian_posterior_stays_finite_on_wild_input() -> None:
    posterior = GaussianPosterior(Body(4, 6), 2)
    q: Distribution = posterior(torch.full((1, 4), 1e6))
    assert torch.isfinite(q.rsample((3,))).all()
    assert (q.base_dist.scale > 0).all()  # pyright: ignore[reportAttributeAccessIssue]
