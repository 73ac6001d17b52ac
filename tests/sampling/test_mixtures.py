from __future__ import annotations

import pytest
import torch

from latentry.core.samplers import Codes
from latentry.sampling.mixtures import Mixture

AXIS = torch.linspace(-12, 12, 241)
PLANE = torch.cartesian_prod(AXIS, AXIS)


def total(mixture: Mixture, c: list[float] | None = None) -> float:
    given = None if c is None else torch.tensor([c]).expand(len(PLANE), -1)
    return float(mixture.log_prob(PLANE, given).exp().sum() * (AXIS[1] - AXIS[0]) ** 2)


def clusters() -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    z = torch.cat([torch.randn(300, 2, generator=g) + s for s in (-6.0, 6.0)])
    return z, torch.eye(2).repeat_interleave(300, 0)


def test_a_mixture_finds_two_clusters() -> None:
    mixture = Mixture(2, most=2)
    mixture.fit(Codes(clusters()[0]), 0)
    means = mixture.means[0, :, 0].sort().values
    torch.testing.assert_close(means, torch.tensor([-6.0, 6.0]), atol=0.3, rtol=0.0)
    assert total(mixture) == pytest.approx(1, abs=0.01)
    torch.manual_seed(0)
    right = (mixture.draw(2000)[:, 0] > 0).float().mean()
    assert float(right) == pytest.approx(0.5, abs=0.05)


def test_a_mixture_of_few_rows_has_few_components() -> None:
    for z in (torch.randn(3, 2), torch.zeros(20, 2)):
        mixture = Mixture(2)
        mixture.fit(Codes(z), 0)
        assert mixture.components <= 2
        assert torch.isfinite(mixture.draw(5)).all()


def test_each_class_has_a_mixture() -> None:
    z, c = clusters()
    mixture = Mixture(2, 2, most=2)
    mixture.fit(Codes(z, c), 0)
    torch.manual_seed(0)
    assert (mixture.draw(100, c[:1].expand(100, -1)) < 0).all(1).float().mean() > 0.99
    assert (mixture.draw(100, c[-1:].expand(100, -1)) > 0).all(1).float().mean() > 0.99
    for given in ([1.0, 0.0], [0.0, 1.0], [0.0, 0.0]):
        assert total(mixture, given) == pytest.approx(1, abs=0.01)
    again = Mixture(2, 2, most=2)
    again.load_state_dict(mixture.state_dict())
    assert torch.equal(again.log_prob(z, c), mixture.log_prob(z, c))


def test_a_real_condition_moves_the_mixture() -> None:
    g = torch.Generator().manual_seed(0)
    c = torch.randn(500, 1, generator=g)
    z = torch.cat([2 * c + 1, -c], 1) + 0.5 * torch.randn(500, 2, generator=g)
    mixture = Mixture(2, 1, most=1)
    mixture.fit(Codes(z, c), 0)
    assert total(mixture, [1.5]) == pytest.approx(1, abs=0.01)
    torch.manual_seed(0)
    drawn = mixture.draw(4000, torch.full((4000, 1), 1.5))
    torch.testing.assert_close(drawn.mean(0), torch.tensor([4.0, -1.5]), atol=0.1, rtol=0)
    torch.testing.assert_close(drawn.std(0), torch.full((2,), 0.5), atol=0.04, rtol=0)


def test_classes_with_few_rows_share_their_spread() -> None:
    z, c = clusters()
    rare = torch.cat([z[:300], z[300:304]]), torch.cat([c[:300], c[300:304]])
    mixture = Mixture(2, 2)
    mixture.fit(Codes(*rare), 0)
    torch.manual_seed(0)
    drawn = mixture.draw(400, c[-1:].expand(400, -1))
    torch.testing.assert_close(drawn.mean(0), z[300:304].mean(0), atol=0.4, rtol=0)
