from __future__ import annotations

import pytest
import torch
from torch import Tensor

from latentry.core.samplers import Codes, Sampler
from latentry.sampling import trained
from latentry.sampling.trained import Flow, SecondStage, Symbols

AXIS = torch.linspace(-8, 8, 121)
PLANE = torch.cartesian_prod(AXIS, AXIS)
CELL = float(AXIS[1] - AXIS[0]) ** 2


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trained, "STEPS", 100)
    monkeypatch.setattr(trained, "RATE", 1e-2)


def bent(n: int = 600) -> Tensor:
    """Codes along a parabola."""
    g = torch.Generator().manual_seed(0)
    a = torch.randn(n, 1, generator=g)
    return torch.cat([a, 0.8 * a.square() + 0.3 * torch.randn(n, 1, generator=g) - 1], 1)


def gaussian_score(z: Tensor) -> float:
    law = torch.distributions.MultivariateNormal(z.mean(0), z.T.cov())
    return float(law.log_prob(z).mean())


@pytest.mark.parametrize("flow", ["autoregressive", "inverse", "spline"])
def test_a_flow_is_a_density_that_knows_a_bend(flow: str) -> None:
    z = bent()
    torch.manual_seed(0)
    sampler = Flow(2, flow=flow)
    sampler.fit(Codes(z), 0)
    with torch.no_grad():
        assert float(sampler.log_prob(PLANE).exp().sum() * CELL) == pytest.approx(1, abs=0.03)
        assert float(sampler.log_prob(z).mean()) > gaussian_score(z) + 0.1
        drawn = sampler.draw(4000)
    torch.testing.assert_close(drawn.mean(0), z.mean(0), atol=0.2, rtol=0)
    torch.testing.assert_close(drawn.std(0), z.std(0), atol=0.3, rtol=0.15)


@pytest.mark.parametrize("make", [Flow, SecondStage])
def test_they_are_given_the_condition(make: type[Sampler]) -> None:
    y = torch.arange(600) % 2
    c = torch.nn.functional.one_hot(y, 2).float()
    g = torch.Generator().manual_seed(0)
    z = torch.randn(600, 2, generator=g) + 4.0 * (2.0 * y[:, None] - 1)
    torch.manual_seed(0)
    sampler = make(2, 2)
    sampler.fit(Codes(z, c), 0)
    with torch.no_grad():
        drawn = sampler.draw(600, c)
        assert ((drawn.mean(1) > 0) == (y == 1)).float().mean() > 0.97
        right, wrong = sampler.log_prob(z, c), sampler.log_prob(z, c.flip(1))
    assert float((right - wrong).mean()) > 3


def test_the_second_stage_is_scored_by_a_lower_bound() -> None:
    g = torch.Generator().manual_seed(0)
    z = 2 * torch.randn(800, 2, generator=g) + 3
    torch.manual_seed(0)
    sampler = SecondStage(2, hidden=32)
    sampler.fit(Codes(z), 0)
    assert "lower bound" in sampler.bound
    with torch.no_grad():
        score = float(sampler.log_prob(z).mean())
        drawn = sampler.draw(4000)
        still = sampler.draw(100, None, 0.0)
    assert gaussian_score(z) - 0.3 < score < gaussian_score(z) + 0.1
    torch.testing.assert_close(drawn.mean(0), z.mean(0), atol=0.4, rtol=0)
    torch.testing.assert_close(drawn.std(0), z.std(0), atol=0.4, rtol=0)
    assert float(still.std(0).max()) < 1e-5


def test_symbols_sum_to_one_and_follow_what_was_seen() -> None:
    g = torch.Generator().manual_seed(0)
    first = torch.randint(0, 3, (600,), generator=g)
    codes = torch.stack([first, (first + 1) % 3], 1)
    torch.manual_seed(0)
    sampler = Symbols(4, sizes=(3, 3))
    sampler.fit(Codes(codes), 0)
    everything = torch.cartesian_prod(torch.arange(3), torch.arange(3))
    with torch.no_grad():
        assert float(sampler.log_prob(everything).exp().sum()) == pytest.approx(1, abs=1e-4)
        drawn = sampler.draw(500)
    assert ((drawn[:, 0] + 1) % 3 == drawn[:, 1]).float().mean() > 0.9


def test_a_fit_follows_from_its_seed_and_leaves_other_generators_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    z = bent(200)
    torch.manual_seed(5)
    expected = torch.rand(3)
    states = []
    monkeypatch.setattr(trained, "EPOCHS", 5)
    for _ in range(2):
        torch.manual_seed(0)
        sampler = Flow(2)
        torch.manual_seed(5)
        sampler.fit(Codes(z), 1)
        assert torch.equal(torch.rand(3), expected)
        states.append(sampler.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(*(s.values() for s in states), strict=True))
