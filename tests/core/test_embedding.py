from __future__ import annotations

import math

import pytest
import torch
from sklearn.metrics import f1_score
from torch import Tensor, nn

from latentry.core.embedding import (
    Embedded,
    JointEmbedding,
    LabelEmbedding,
    LabelNets,
    best_cut,
    ranking,
    uncorrelated,
)
from latentry.core.likelihoods import GaussianLikelihood
from latentry.core.objective import trainable
from latentry.core.posteriors import DiracPosterior

G = torch.Generator().manual_seed(0)
LABELS = (torch.rand(6, 4, generator=G) < 0.5).float()
LABELS[0], LABELS[1], LABELS[2, 1] = 0.0, 1.0, math.nan
SCORES = torch.randn(6, 4, generator=G)


def test_the_ranking_is_the_mean_over_pairs() -> None:
    found = ranking(SCORES, LABELS)
    for row, scores, labels in zip(found, SCORES, LABELS, strict=True):
        pairs = [
            math.exp(float(scores[q] - scores[p]))
            for p in range(4)
            for q in range(4)
            if labels[p] == 1 and labels[q] == 0
        ]
        wanted = sum(pairs) / len(pairs) if pairs else 0.0
        assert float(row) == pytest.approx(wanted, rel=1e-5)
    assert found[0] == found[1] == 0


def test_the_rankings_gradient_is_right_and_finite() -> None:
    scores = SCORES.double().requires_grad_()
    labels = LABELS.double()
    assert torch.autograd.gradcheck(lambda s: ranking(s, labels), (scores,))


def test_uncorrelated_codes_of_unit_variance_cost_nothing() -> None:
    z = torch.linalg.qr(torch.randn(50, 3, generator=G))[0] * math.sqrt(50)
    assert float(uncorrelated(z)) == pytest.approx(0.0, abs=1e-8)
    assert float(uncorrelated(2 * z)) == pytest.approx(27.0, rel=1e-4)


def test_the_cut_is_that_of_the_best_micro_f1() -> None:
    known = ~LABELS.isnan()
    cut = float(best_cut(SCORES, LABELS))

    def f1(at: float) -> float:
        return float(f1_score(LABELS[known], SCORES[known] > at))

    assert f1(cut) == pytest.approx(max(f1(at) for at in (SCORES[known] - 1e-6).tolist()))


class _Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(2, 5)

    def forward(self, z: Tensor) -> Tensor:
        return self.net(z)[:, None]


class _Body(nn.Module):
    """x -> x, as an encoder body."""

    out_features = 5

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        return x


def test_the_decoder_of_samples_has_no_influence_on_codes() -> None:
    torch.manual_seed(0)
    likelihood = GaussianLikelihood(_Decoder(), (5,))
    model = LabelEmbedding(DiracPosterior(_Body(), 2), likelihood, LabelNets(4, 2, 8), 0)
    x = torch.randn(6, 5)
    r = model.infer(x, LABELS)
    assert isinstance(r, Embedded)
    encoder = trainable(model.posterior)
    grads = torch.autograd.grad(r.distortion.mean(), encoder, allow_unused=True, retain_graph=True)
    assert all(g is None for g in grads)
    objective = JointEmbedding(1.0, 0.5)
    assert all(g.any() for g in torch.autograd.grad(objective.joint(r), encoder, retain_graph=True))
    ((loss, parameters),) = objective.losses(r, model, torch.tensor(0.0))
    assert all(g.any() for g in torch.autograd.grad(loss, parameters))
    # Afterwards, and for a row without labels, there is none to look at.
    assert not isinstance(model.infer(x), Embedded)
    blank = model.infer(x, torch.full((6, 4), math.nan))
    assert isinstance(blank, Embedded)
    spread = uncorrelated(blank.z[0]) + uncorrelated(blank.embedded)
    torch.testing.assert_close(objective.joint(blank), 0.5 * spread)
