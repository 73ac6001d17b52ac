from __future__ import annotations

import numpy as np
import pytest
import torch
from known import estimator
from oracle import SIGMA, Oracle, _Linear
from torch import Tensor, nn

from latentry import VAE, LatentryError
from latentry.core.likelihoods import GaussianLikelihood
from latentry.core.models import VAE as Model
from latentry.core.posteriors import DiracPosterior
from latentry.evaluation.robustness import denoising, fill, filling, legal, occlusion

RNG = np.random.default_rng(0)


class _Flat(nn.Module):
    """Images as rows of features, or features as images of a shape."""

    def __init__(self, size: int, shape: tuple[int, ...] | None = None) -> None:
        super().__init__()
        self.out_features, self.shape = size, shape

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        return x.flatten(1) if self.shape is None else x.reshape(-1, 1, *self.shape)


def grey(shape: tuple[int, ...]) -> np.ndarray:
    return RNG.integers(0, 256, shape).astype(np.uint8)


def mirror(x: np.ndarray, shape: tuple[int, ...]) -> VAE:
    """A model that gives back what it gets: its code is the sample."""
    size = int(np.prod(shape))
    posterior = DiracPosterior(_Flat(size), size)
    with torch.no_grad():
        posterior.head.weight.copy_(torch.eye(size))
        posterior.head.bias.zero_()
    likelihood = GaussianLikelihood(_Flat(size, shape), shape)
    return estimator(Model(posterior, None, likelihood), x)


def exact() -> tuple[Oracle, VAE, np.ndarray]:
    oracle = Oracle()
    x = oracle.draw(3000)
    return oracle, estimator(oracle.model, x), x.numpy()


def test_noise_of_a_level_has_its_psnr_and_a_mirror_keeps_it() -> None:
    images = np.full((20, 16, 16), 128, np.uint8)
    found = denoising(mirror(grey(images.shape), (1, 16, 16)), images, levels=(0.05, 0.1))
    assert list(found["noisy_psnr"]) == [0.05, 0.1]
    for level, value in found["noisy_psnr"].items():
        assert value == pytest.approx(-20 * np.log10(level), abs=0.2)
        assert found["cleaned_psnr"][level] == pytest.approx(value)


def test_noise_is_in_units_of_each_column() -> None:
    x = RNG.normal(size=(2000, 3)) * [1, 100, 0.01]
    found = denoising(mirror(x, (3,)), x, levels=(0.5,))
    # The mean over rows of the logarithm of a chi-squared variable of 3 degrees, over 3.
    db = -10 * (np.log10(0.25) + np.log10(RNG.chisquare(3, 100_000) / 3).mean())
    assert found["noisy_psnr"][0.5] == pytest.approx(db, abs=0.3)


def test_a_code_of_two_numbers_takes_away_half_of_the_noise() -> None:
    """Columns 1 and 2 are the same, and so are 3 and 4: the model takes the mean of each pair."""
    w = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    posterior = DiracPosterior(_Flat(4), 2)
    with torch.no_grad():
        posterior.head.weight.copy_(w.T / 2)
        posterior.head.bias.zero_()
    likelihood = GaussianLikelihood(_Linear(w, torch.zeros(4)), (4,))
    x = RNG.normal(size=(3000, 2)) @ w.numpy().T
    found = denoising(estimator(Model(posterior, None, likelihood), x), x, levels=(0.3,))

    def db(variance: float, degrees: int) -> float:
        """Mean PSNR of a squared error that is the mean of `degrees` squared normal numbers."""
        square = variance * RNG.chisquare(degrees, 200_000) / degrees
        return -10 * float(np.log10(square).mean())

    assert found["noisy_psnr"][0.3] == pytest.approx(db(0.09, 4), abs=0.2)
    assert found["cleaned_psnr"][0.3] == pytest.approx(db(0.045, 2), abs=0.2)


def test_damage_keeps_to_valid_values() -> None:
    bytes_ = grey((4, 8, 8))
    est = mirror(bytes_, (1, 8, 8))
    out = legal(est, np.array([[[-3.0, 300.0, 1.4, 1.6]]]))
    assert out.dtype == np.uint8 and out.tolist() == [[[0, 255, 1, 2]]]
    binary = (RNG.random((6, 4)) < 0.5).astype(np.uint8)
    assert legal(mirror(binary, (4,)), np.array([-1.0, 0.3, 2])).tolist() == pytest.approx(
        [0, 0.3, 1]
    )
    counts = RNG.integers(0, 9, (6, 4))
    assert legal(mirror(counts, (4,)), np.array([-1.0, 2.5])).tolist() == [0, 2.5]
    for data, shape in ((bytes_, (1, 8, 8)), (binary, (4,)), (counts, (4,))):
        found = denoising(mirror(data, shape), data, levels=(0.9,))
        assert found["noisy_psnr"][0.9] == pytest.approx(found["cleaned_psnr"][0.9])
        assert set(occlusion(mirror(data, shape), data)) == {"occluded_psnr", "restored_psnr"}
    with pytest.raises(LatentryError, match="above 0"):
        denoising(est, bytes_, levels=(0.0,))


@pytest.mark.parametrize("layout", ["plain", "last", "first"])
def test_a_block_is_hidden_in_the_middle_of_the_range(layout: str) -> None:
    images = np.zeros((5, 8, 8), np.uint8)
    shape = (1, 8, 8)
    if layout == "last":
        images, shape = np.zeros((5, 8, 8, 3), np.uint8), (3, 8, 8)
    if layout == "first":
        images, shape = np.zeros((5, 3, 8, 8), np.uint8), (3, 8, 8)
    seen = []
    est = mirror(grey(images.shape), shape)
    whole = est.reconstruct
    est.reconstruct = lambda X, condition=None: seen.append(X) or whole(X)  # type: ignore[method-assign]
    found = occlusion(est, images, share=0.25)
    # Halfway up from black: an error of half the range inside of the block.
    assert found["occluded_psnr"] == pytest.approx(-20 * np.log10(128 / 255), abs=1e-6)
    assert found["restored_psnr"] == pytest.approx(found["occluded_psnr"])
    (occluded,) = seen
    assert ((occluded == 128).reshape(5, -1).mean(1) == 0.25).all()
    assert occluded.dtype == np.uint8


def test_blocks_of_columns_hold_the_columns_mean() -> None:
    x = RNG.normal(size=(4000, 8)) * 3 + 7
    found = occlusion(mirror(x, (8,)), x, share=0.5)
    each = -10 * np.log10(RNG.chisquare(4, 100_000) / 4).mean()
    assert found["occluded_psnr"] == pytest.approx(each, abs=0.3)
    with pytest.raises(LatentryError, match="between 0 and 1"):
        occlusion(mirror(x, (8,)), x, share=1.5)


def test_filling_goes_to_the_expectation_given_what_is_visible() -> None:
    """Repeated means of a linear-Gaussian model end where the conditional expectation does.

    Where the code is the mean of p(z | x_v), the hidden entries' expectation given that code
    leads back to the same code: the chain's only fixed point.
    """
    oracle, est, x = exact()
    hidden = np.zeros((50, 5), bool)
    hidden[:, 1] = hidden[::2, 3] = True
    filled = fill(est, x[:50], hidden, steps=300)
    np.testing.assert_array_equal(filled[~hidden], x[:50][~hidden])
    mean, cov = oracle.law.loc.numpy(), oracle.law.covariance_matrix.numpy()
    for row in (0, 1):
        h = hidden[row]
        expected = mean[h] + cov[np.ix_(h, ~h)] @ np.linalg.solve(
            cov[np.ix_(~h, ~h)], x[row, ~h] - mean[~h]
        )
        np.testing.assert_allclose(filled[row, h], expected, atol=1e-4)


def test_filling_beats_the_mean_by_what_is_known() -> None:
    _, est, x = exact()
    found = filling(est, x, share=0.2, steps=50)
    assert found["baseline_rmse"] == pytest.approx(1, abs=0.02)
    spread = x.std(0)
    best = np.sqrt((SIGMA**2 / spread**2).mean())
    assert best < found["rmse"] < 0.97 * found["baseline_rmse"]
    assert filling(est, x, share=0.2, steps=50) == found


def test_a_mirror_fills_in_the_mean() -> None:
    images = RNG.random((200, 6, 6))
    found = filling(mirror(images, (1, 6, 6)), images, share=0.3, steps=2)
    assert found["rmse"] == pytest.approx(found["baseline_rmse"], rel=1e-5)
    assert found["baseline_rmse"] == pytest.approx(np.sqrt(1 / 12), rel=0.03)


def test_a_column_hidden_everywhere_starts_at_the_training_mean() -> None:
    x = RNG.normal(size=(30, 3)) + np.array([10, 200, -5])
    est = mirror(x, (3,))
    est.scaler_.shift.copy_(torch.from_numpy(x.mean(0)))
    hidden = np.zeros((1, 3), bool)
    hidden[0, 1] = True
    assert fill(est, x[:1], hidden)[0, 1] == pytest.approx(x[:, 1].mean(), rel=1e-5)


def test_a_model_trained_with_gaps_starts_from_gaps() -> None:
    x = RNG.normal(size=(80, 1)) * [1.0, 2.0, -1.0] + 0.1 * RNG.normal(size=(80, 3))
    x[::4, 0] = np.nan
    vae = VAE(latent=1, hidden=(8,), epochs=2, random_state=0).fit(x)
    hidden = np.zeros_like(x, dtype=bool)
    hidden[:, 2] = True
    once = fill(vae, x, hidden, steps=1)
    gaps = np.where(hidden, np.nan, x).astype(np.float32)
    np.testing.assert_allclose(once[hidden], vae.reconstruct(gaps)[hidden], rtol=1e-5)
    # What was missing and not asked for stays missing, and counts in no figure.
    assert np.isnan(once[::4, 0]).all() and np.isfinite(once[:, 1:]).all()
    for figure in (*filling(vae, x).values(), *occlusion(vae, x, share=0.4).values()):
        assert np.isfinite(figure)
    noisy = denoising(vae, x)["noisy_psnr"]
    assert noisy[0.1] > noisy[0.25] > noisy[0.5]


def test_conditions_are_passed_on() -> None:
    x, labels = RNG.normal(size=(40, 4)), np.arange(40) % 2
    vae = VAE(latent=2, hidden=(8,), epochs=1, random_state=0).fit(x, condition=labels)
    for measure in (denoising, occlusion, filling):
        assert measure(vae, x, condition=labels) != measure(vae, x, condition=1 - labels)


def test_masks_and_steps_that_cannot_work() -> None:
    _, est, x = exact()
    with pytest.raises(LatentryError, match="hidden has the shape"):
        fill(est, x, np.zeros((2, 5), bool))
    with pytest.raises(LatentryError, match="type float"):
        fill(est, x, np.zeros(x.shape))
    with pytest.raises(LatentryError, match="at least 1"):
        fill(est, x, np.zeros(x.shape, bool), steps=0)
    with pytest.raises(LatentryError, match="hides none"):
        filling(est, x[:1], share=1e-9)
