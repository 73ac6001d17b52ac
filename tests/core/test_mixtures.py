"""Mixtures of normal distributions, against torch's own."""

import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from latentry.core.mixtures import NormalMixture, even_mixture


def law(m: int, d: int, least: float) -> tuple[torch.Tensor, Independent]:
    made = torch.Generator().manual_seed(0)
    logits = torch.randn(m, generator=made)
    loc = 5 * torch.randn(m, d, generator=made)
    scale = least + torch.rand(m, d, generator=made)
    return logits, Independent(Normal(loc, scale, validate_args=False), 1, validate_args=False)


def test_the_density_is_torchs_even_where_components_are_narrow() -> None:
    logits, each = law(7, 12, 1e-3)
    z = each.base_dist.mean[None].expand(3, 7, 12) + 1e-3 * torch.randn(3, 7, 12)
    judge = MixtureSameFamily(
        Categorical(logits=logits.double()),
        Independent(Normal(each.base_dist.mean.double(), each.base_dist.stddev.double()), 1),
    )
    found = NormalMixture(logits, each).log_prob(z)
    assert found.dtype == torch.float32 and found.shape == (3, 7)
    torch.testing.assert_close(found, judge.log_prob(z.double()).float(), rtol=1e-5, atol=1e-3)


def test_the_slopes_are_torchs() -> None:
    logits, each = law(5, 3, 0.3)
    z = torch.randn(8, 3, generator=torch.Generator().manual_seed(1))
    slopes = []
    for kind in (
        NormalMixture(logits, each),
        MixtureSameFamily(Categorical(logits=logits), each, validate_args=False),
    ):
        at = z.clone().requires_grad_()
        slopes.append(torch.autograd.grad(kind.log_prob(at).sum(), at)[0])
    torch.testing.assert_close(*slopes, rtol=1e-4, atol=1e-4)


def test_even_components_weigh_the_same() -> None:
    _, each = law(4, 2, 0.5)
    z = torch.zeros(1, 2)
    by_hand = each.log_prob(z[:, None]).logsumexp(1) - torch.tensor(4.0).log()
    torch.testing.assert_close(even_mixture(each).log_prob(z), by_hand, rtol=1e-5, atol=1e-5)
