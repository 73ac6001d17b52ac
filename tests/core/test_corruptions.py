"""What is done to samples while a model learns."""

import numpy as np
import pytest
import torch

from latentry import VAE, LatentryError
from latentry.core import noise
from latentry.core.corruptions import Binarize, Corruption, Hide


def test_drawn_values_are_binary_with_the_given_means() -> None:
    x = torch.tensor([0.0, 0.2, 0.7, 1.0, float("nan")]).expand(20_000, 5)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        drawn = Binarize()(x)
    assert bool(torch.isnan(drawn[:, 4]).all())
    assert set(drawn[:, :4].unique().tolist()) == {0.0, 1.0}
    np.testing.assert_allclose(drawn[:, :4].mean(0), [0.0, 0.2, 0.7, 1.0], atol=0.012)


def test_outside_training_what_a_row_draws_is_its_own() -> None:
    x = torch.rand(6, 4, generator=torch.Generator().manual_seed(0))
    with noise.per_row(x, 3):
        whole = Binarize()(x)
    with noise.per_row(x[2:4], 3):
        part = Binarize()(x[2:4])
    assert torch.equal(whole[2:4], part)


def test_masking_leaves_the_share_that_it_says() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        damaged = Corruption("masking", 0.3)(torch.ones(400, 50))
    assert abs(float((damaged == 0).float().mean()) - 0.3) < 0.02


def test_a_model_is_trained_on_what_was_drawn() -> None:
    grey = np.full((64, 4, 4), 128, np.uint8)
    grey[:, 0, 0] = np.arange(64)
    est = VAE(latent=2, hidden=8, epochs=300, lr=1e-2, binarize=True, random_state=0).fit(grey)
    assert est.likelihood_ == "bernoulli"
    # Coins of one half have an entropy of log 2 nats, whatever the code: their best bound.
    row = est.history_.rows[-1]
    assert abs(row["distortion"] - 16 * np.log(2)) < 1.0
    found = est.evaluate(grey, draws=10)
    assert abs(found["nll"] - row["distortion"]) < 0.5  # of what is drawn of the grey levels
    np.testing.assert_array_equal(est.transform(grey)[3:5], est.transform(grey[3:5]))


@pytest.mark.parametrize(
    ("fields", "data", "said"),
    [
        ({}, np.random.default_rng(0).normal(size=(20, 3)), "needs values in \\[0, 1\\]"),
        ({"likelihood": "gaussian"}, np.arange(80).reshape(20, 2, 2) % 3 / 2, "not made for"),
    ],
)
def test_what_cannot_be_binary_is_refused(fields: dict, data: np.ndarray, said: str) -> None:
    with pytest.raises(LatentryError, match=said):
        VAE(latent=2, epochs=1, binarize=True, **fields).fit(data)


def test_what_is_hidden_is_missing_in_shares_of_its_rows_own() -> None:
    torch.manual_seed(0)
    x = torch.ones(4000, 50)
    x[0, 0] = torch.nan
    hidden = Hide(0.4)(x)
    gone = torch.isnan(hidden)
    assert gone[0, 0] and (hidden[~gone] == 1).all()
    shares = gone.float().mean(1)
    # Uniform on 0 .. 0.4, plus the spread of 50 entries: 0.4^2 / 12 + E[s (1 - s)] / 50.
    assert shares.mean() == pytest.approx(0.2, abs=0.01)
    assert shares.var() == pytest.approx(0.16 / 12 + (0.2 - 0.16 / 3) / 50, abs=0.001)
