"""A user's own modules as bodies."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from latentry.core.likelihoods import LIKELIHOODS
from latentry.errors import LatentryError
from latentry.nets import build_decoder, build_encoder


class TwoOutputs(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, x


def test_encoder_features_are_flattened_and_counted() -> None:
    module = nn.Sequential(nn.Conv2d(1, 3, 3, stride=2), nn.BatchNorm2d(3), nn.Dropout(0.5))
    before = {k: v.clone() for k, v in module.state_dict().items()}
    encoder = build_encoder(module, (1, 9, 9), condition=2)
    assert encoder.out_features == 3 * 4 * 4 + 2
    assert module.training
    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())
    features = encoder(torch.rand(5, 1, 9, 9), torch.ones(5, 2))
    assert features.shape == (5, encoder.out_features)
    assert (features[:, -2:] == 1).all()


def test_decoder_is_used_as_it_is_where_it_fits() -> None:
    module = nn.Linear(3, 12)
    decoder = build_decoder(module, (6,), 2, 3)
    z = torch.randn(4, 3)
    torch.testing.assert_close(decoder(z), module(z).reshape(4, 2, 6))
    assert len(list(decoder.parameters())) == 2


def test_decoder_gets_a_head_where_it_does_not_fit() -> None:
    decoder = build_decoder(nn.Sequential(nn.Linear(5, 7), nn.ReLU()), (1, 4, 4), 2, 3, condition=2)
    assert decoder(torch.randn(4, 5)).shape == (4, 2, 1, 4, 4)
    likelihood = LIKELIHOODS["logistic"](decoder, (1, 4, 4))
    p = likelihood(torch.randn(6, 4, 3), torch.ones(4, 2))
    assert p.log_prob(torch.zeros(4, 1, 4, 4)).shape == (6, 4)


def test_lazy_modules_are_made_by_the_trial() -> None:
    encoder = build_encoder(nn.Sequential(nn.Flatten(), nn.LazyLinear(8)), (1, 3, 3))
    assert encoder.out_features == 8


def test_errors_name_the_shape_and_the_cause() -> None:
    with pytest.raises(LatentryError, match=r"encoder failed on a batch of shape \(2, 6\)"):
        build_encoder(nn.Linear(5, 4), (6,))
    with pytest.raises(LatentryError, match=r"decoder failed on a batch of shape \(2, 3\)"):
        build_decoder(nn.Linear(5, 4), (6,), 1, 3)
    with pytest.raises(LatentryError, match="encoder returned a tuple"):
        build_encoder(TwoOutputs(), (6,))
    with pytest.raises(LatentryError, match=r"into one of shape \(12,\)"):
        build_encoder(nn.Flatten(0), (6,))
