from __future__ import annotations

import pytest
import torch
from torch import nn

from latentry import LatentryError
from latentry.core.similarity import Similar, SimilarityLikelihood, ms_ssim


@pytest.mark.parametrize("shape", [(3, 1, 8, 8), (3, 3, 28, 28), (2, 1, 90, 64)])
def test_equal_images_have_the_similarity_one_and_others_less(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    x, y = torch.rand(shape), torch.rand(shape)
    torch.testing.assert_close(ms_ssim(x, x), torch.ones(shape[0]))
    torch.testing.assert_close(ms_ssim(x, y), ms_ssim(y, x))
    noise = [ms_ssim(x, (x + level * (y - x))) for level in (0.1, 0.3, 0.6)]
    assert (noise[0] > noise[1]).all()
    assert (noise[1] > noise[2]).all()


def test_one_scale_is_the_usual_similarity() -> None:
    from latentry.evaluation.reconstruction import ssim

    torch.manual_seed(0)
    x = torch.rand(4, 1, 9, 9)
    y = (x + 0.2 * torch.rand_like(x)).clamp(0, 1)
    expected = torch.from_numpy(ssim(x[:, 0].numpy(), y[:, 0].numpy(), span=1.0)).float()
    torch.testing.assert_close(ms_ssim(x, y), expected, atol=1e-3, rtol=1e-3)


def test_the_gradient_is_that_of_finite_differences_also_for_opposites() -> None:
    torch.manual_seed(0)
    x = torch.rand(1, 1, 12, 12, dtype=torch.float64)
    for y in (1 - x, torch.rand_like(x)):
        y = y.clone().requires_grad_()
        assert torch.autograd.gradcheck(lambda v, x=x: ms_ssim(x, v), (y,))
        (slope,) = torch.autograd.grad(ms_ssim(x, y).sum(), y)
        assert slope.abs().max() > 1e-6


def test_missing_pixels_cost_nothing() -> None:
    torch.manual_seed(0)
    y = torch.rand(2, 5, 1, 12, 12)
    x = y[0].clone()
    x[:, :, :4] = float("nan")
    torch.testing.assert_close(Similar(y, 1.0).log_prob(x)[0], torch.zeros(5), atol=1e-3, rtol=0.0)


def test_it_is_no_density_and_needs_images() -> None:
    assert not SimilarityLikelihood.is_density("unit")
    with pytest.raises(LatentryError, match="compares images"):
        SimilarityLikelihood(nn.Identity(), (64,))
