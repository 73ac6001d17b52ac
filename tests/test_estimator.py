from __future__ import annotations

import io
import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from torch import nn

from latentry import AE, IWAE, VAE, BetaVAE, ConditionalVAE, LatentryError, SigmaVAE

DIGITS, LABELS = load_digits(return_X_y=True)
SMALL = {"latent": 2, "hidden": (16,), "epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def vae() -> VAE:
    return VAE(**SMALL).fit(DIGITS[:300])


def test_shapes_and_types(vae: VAE) -> None:
    X = DIGITS[:7]
    assert vae.transform(X).shape == (7, 2)
    assert vae.transform(X).dtype == np.float32
    assert vae.reconstruct(X).shape == (7, 64)
    assert vae.inverse_transform(np.zeros((3, 2))).shape == (3, 64)
    assert vae.sample(4).shape == (4, 64)
    assert vae.interpolate(X[0], X[1], steps=5).shape == (5, 64)
    assert vae.score_samples(X).shape == (7,)
    assert isinstance(vae.score(X), float)


def test_results_do_not_depend_on_the_batch(vae: VAE) -> None:
    X, order = DIGITS[:40], np.random.default_rng(0).permutation(40)
    for method in (vae.transform, vae.reconstruct, vae.score_samples):
        whole = method(X)
        np.testing.assert_allclose(method(X[order]), whole[order], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(method(X[5:6]), whole[5:6], rtol=1e-4, atol=1e-4)


def test_three_ways_to_take_a_code(vae: VAE) -> None:
    X = DIGITS[:50]
    mean, sample = vae.encode(X), vae.encode(X, how="sample")
    few, many = (vae.encode(X, how="average", draws=k) for k in (10, 1000))
    distance = [float(np.abs(code - mean).mean()) for code in (sample, few, many)]
    assert distance[0] > 2 * distance[1] > 4 * distance[2] > 0
    assert np.array_equal(sample, vae.encode(X, how="sample"))
    assert not np.array_equal(sample, vae.encode(X, how="sample", seed=1))
    with pytest.raises(LatentryError, match="mean, sample or average"):
        vae.encode(X, how="median")  # pyright: ignore[reportArgumentType]


def test_the_ends_of_a_path_are_reconstructions(vae: VAE) -> None:
    a, b = DIGITS[0], DIGITS[1]
    path = vae.interpolate(a, b, steps=3)
    np.testing.assert_allclose(path[[0, 2]], vae.reconstruct(DIGITS[:2]), rtol=1e-4, atol=1e-4)
    codes = vae.transform(DIGITS[:2])
    middle = vae.inverse_transform(codes.mean(0, keepdims=True))
    np.testing.assert_allclose(path[1], middle[0], rtol=1e-4, atol=1e-4)


def test_paths_around_the_origin_and_by_the_decoders_measure(vae: VAE) -> None:
    a, b = DIGITS[0], DIGITS[1]
    straight = vae.interpolate(a, b, steps=25)
    codes = vae.transform(DIGITS[:2])
    ways = {kind: vae.interpolate(a, b, 25, path=kind) for kind in ("spherical", "geodesic")}
    for way in ways.values():
        np.testing.assert_allclose(way[[0, -1]], straight[[0, -1]], rtol=1e-3, atol=1e-3)
    norm = np.linalg.norm(codes, axis=1)
    turned = codes[0] / norm[0] + codes[1] / norm[1]
    middle = vae.inverse_transform((turned / np.linalg.norm(turned) * norm.mean())[None])
    np.testing.assert_allclose(ways["spherical"][12], middle[0], rtol=1e-3, atol=1e-3)

    def length(way: np.ndarray) -> float:
        scaled = (way - vae.scaler_.shift.numpy()) / vae.scaler_.scale.numpy()
        return float(np.linalg.norm(np.diff(scaled, axis=0), axis=1).sum())

    assert length(ways["geodesic"]) <= length(straight) * (1 + 1e-4)
    with pytest.raises(LatentryError, match="straight, spherical or geodesic"):
        vae.interpolate(a, b, path="curved")  # pyright: ignore[reportArgumentType]
    with pytest.raises(LatentryError, match="steps=1 is too few"):
        vae.interpolate(a, b, steps=1)


def test_a_seed_makes_everything_repeatable_and_leaves_torchs_generator_alone() -> None:
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    one, two = (VAE(**SMALL).fit(DIGITS[:100]) for _ in range(2))
    assert np.array_equal(one.transform(DIGITS[:9]), two.transform(DIGITS[:9]))
    assert np.array_equal(one.sample(3), two.sample(3))
    assert not np.array_equal(one.sample(3), one.sample(3, seed=5))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    "convert",
    [torch.from_numpy, pd.DataFrame, lambda x: pl.DataFrame(x), lambda x: x.tolist(), np.float32],
)
def test_all_kinds_of_rows(convert) -> None:
    X = DIGITS[:100].copy()
    X[:, 0] = np.arange(100)  # a named column that never varies would be refused
    X = X[:, X.std(0) > 0]
    got = VAE(**SMALL).fit(convert(X)).transform(convert(X))
    np.testing.assert_allclose(got, VAE(**SMALL).fit(X).transform(X), rtol=1e-5)


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 1)])
def test_images_come_back_as_they_went_in(shape: tuple[int, ...]) -> None:
    X = (DIGITS[:60] * 15).astype(np.uint8).reshape(-1, *shape)
    model = VAE(**SMALL).fit(X)
    for images in (model.reconstruct(X[:5]), model.sample(5)):
        assert images.shape == (5, *shape)
        assert images.dtype == np.uint8


def test_points_in_the_plane() -> None:
    model = VAE(latent=1, epochs=3, random_state=0).fit([[1, 2], [3, 4]])
    assert model.reconstruct([[1, 2], [3, 4]]).shape == (2, 2)
    assert np.isfinite(model.score_samples([[1, 2], [3, 4]])).all()


def test_scores_are_densities_per_unit_of_the_data() -> None:
    X = np.random.default_rng(0).normal(size=(200, 2))
    small, large = (SigmaVAE(**SMALL).fit(X * s).score(X * s) for s in (1.0, 10.0))
    assert small - large == pytest.approx(2 * np.log(10), abs=0.1)


def test_an_autoencoder_is_sampled_through_its_codes() -> None:
    model = AE(**SMALL).fit(DIGITS[:200])
    assert model.sampler_ is not None
    assert model.sample(6).shape == (6, 64)
    figures = model.evaluate(DIGITS[:50])
    assert all(figures[k] is None for k in ("elbo", "rate", "nll", "bits_per_dim", "latent_kl"))
    assert figures["mse"] > 0


def test_a_temperature_scales_the_spread_of_the_codes(vae: VAE) -> None:
    codes = vae.draw_codes(200, seed=1)
    cool = vae.draw_codes(200, seed=1, temperature=0.5)
    np.testing.assert_allclose(cool, codes / 2, rtol=1e-5)
    images = AE(**SMALL).fit((DIGITS[:60] * 15).astype(np.uint8).reshape(-1, 8, 8))
    decoded = images.inverse_transform(images.draw_codes(4, seed=1, temperature=0.5))
    assert np.array_equal(decoded, images.sample(4, seed=1, temperature=0.5))
    with pytest.raises(LatentryError, match="temperature=-1 is no temperature"):
        vae.sample(2, temperature=-1)


def test_conditions() -> None:
    model = ConditionalVAE(**SMALL, prior="learned")
    model.fit(DIGITS[:200], condition=LABELS[:200])
    assert model.sample(3, condition=7).shape == (3, 64)
    assert model.sample(2, condition=[1, 2]).shape == (2, 64)
    assert model.transform(DIGITS[:4], condition=LABELS[:4]).shape == (4, 2)
    for kind in ("straight", "geodesic"):
        way = model.interpolate(DIGITS[0], DIGITS[1], path=kind, condition=3)
        assert way.shape == (10, 64)
    with pytest.raises(LatentryError, match="fitted with a condition"):
        model.transform(DIGITS[:4])
    with pytest.raises(LatentryError, match="Unknown class '12'"):
        model.sample(1, condition=12)
    with pytest.raises(LatentryError, match="fitted without one"):
        VAE(**SMALL).fit(DIGITS[:50]).sample(1, condition=1)


def test_missing_entries_are_scored_by_what_was_observed() -> None:
    X = DIGITS[:200].copy()
    X[np.random.default_rng(0).random(X.shape) < 0.2] = np.nan
    model = VAE(**SMALL).fit(X)
    assert np.isfinite(model.transform(X)).all()
    assert np.isfinite(model.score_samples(X)).all()
    assert np.isfinite(model.reconstruct(X)).all()


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x).tanh()


def test_your_own_networks(tmp_path) -> None:
    decoder = nn.Sequential(nn.Linear(2, 8), nn.ReLU())
    model = VAE(**SMALL, encoder=Encoder(), decoder=decoder).fit(DIGITS[:100])
    assert model.transform(DIGITS[:3]).shape == (3, 2)
    model.save(tmp_path / "own")
    with pytest.raises(LatentryError, match="pass it again"):
        VAE.load(tmp_path / "own")
    again = VAE.load(tmp_path / "own", encoder=Encoder(), decoder=decoder)
    np.testing.assert_array_equal(again.transform(DIGITS[:3]), model.transform(DIGITS[:3]))


def test_a_network_given_is_not_changed_by_fitting() -> None:
    encoder = Encoder()
    before = encoder.layer.weight.clone()
    VAE(**SMALL, encoder=encoder).fit(DIGITS[:100])
    assert torch.equal(encoder.layer.weight, before)


def test_scikit_learn_tools() -> None:
    X, y = DIGITS[:150], LABELS[:150]
    pipe = make_pipeline(VAE(**SMALL), LogisticRegression()).fit(X, y)
    assert pipe.predict(X).shape == (150,)
    search = GridSearchCV(BetaVAE(**SMALL), {"beta": [0.5, 2.0]}, cv=2).fit(X)
    assert search.best_params_["beta"] in (0.5, 2.0)
    assert np.isfinite(cross_val_score(VAE(**SMALL), X, cv=2)).all()
    named = VAE(**SMALL).set_output(transform="pandas").fit_transform(X)
    assert list(named.columns) == ["vae0", "vae1"]


def test_clone_and_pickle(vae: VAE) -> None:
    assert clone(vae).get_params() == vae.get_params()
    again = pickle.load(io.BytesIO(pickle.dumps(vae)))
    np.testing.assert_array_equal(again.transform(DIGITS[:3]), vae.transform(DIGITS[:3]))


def test_evaluation_names_units_and_gaps(vae: VAE) -> None:
    figures = vae.evaluate(DIGITS[:60], draws=20)
    assert figures["elbo"] == pytest.approx(-figures["distortion"] - figures["rate"])
    assert figures["nll"] <= -figures["elbo"] + 1
    assert figures["nll_draws"] == 20
    assert sum(figures["latent_kl"]) == pytest.approx(figures["rate"], rel=1e-4)
    assert set(figures["units"]) >= {"elbo", "nll", "mse", "latent_kl", "bits_per_dim"}


def test_real_numbers_are_read_as_the_likelihood_reads_them() -> None:
    model = VAE(**SMALL, likelihood="bernoulli").fit(DIGITS[:100] / 16)
    assert model.schema_.values == "unit"
    assert model.reconstruct(DIGITS[:9] / 16).min() >= 0
    counts = VAE(**SMALL, likelihood="poisson").fit(DIGITS[:100])
    assert counts.schema_.values == "count"
    assert counts.sample(2).dtype == np.int64


def test_bernoulli_on_grey_pixels_is_no_likelihood() -> None:
    grey = (DIGITS[:100] / 16).reshape(-1, 8, 8)
    figures = VAE(**SMALL, likelihood="bernoulli").fit(grey).evaluate(grey)
    assert figures["elbo"] is not None
    assert figures["nll"] is None
    assert any("not a normalised density" in note for note in figures["notes"])


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"latent": 0}, "latent=0"),
        ({"likelihood": "bernouli"}, "Did you mean 'bernoulli'"),
        ({"likelihood": "gaussian:sigma=a"}, "is no number"),
        ({"likelihood": "gaussian:scale=1"}, "no option 'scale'"),
        ({"hidden": (0,)}, "positive integer"),
        ({"valid": 1.0}, "valid=1.0"),
        ({"warmup": 2.0}, "warmup=2.0"),
        ({"epochs": 0}, "epochs"),
        ({"optimizer": "adm"}, "Did you mean 'adam'"),
        ({"net": "cnv"}, "Did you mean 'conv'"),
        ({"activation": "tan"}, "Did you mean 'tanh'"),
        ({"net": "conv"}, "image"),
    ],
)
def test_options_that_cannot_work(fields: dict, said: str) -> None:
    with pytest.raises(LatentryError, match=said):
        VAE(**(SMALL | fields)).fit(DIGITS[:50])


def test_data_that_cannot_work(vae: VAE) -> None:
    with pytest.raises(LatentryError, match="n_samples = 1"):
        VAE(**SMALL).fit(DIGITS[:1])
    with pytest.raises(LatentryError, match=r"must lie in \[0, 1\]"):
        VAE(**SMALL, likelihood="bernoulli").fit(DIGITS[:50])
    with pytest.raises(LatentryError, match="Counts cannot be negative"):
        VAE(**SMALL, likelihood="poisson").fit(DIGITS[:50] - 1)
    with pytest.raises(LatentryError, match="takes \\(N, 2\\)"):
        vae.inverse_transform(np.zeros((3, 5)))
    with pytest.raises(LatentryError, match="at least 1"):
        vae.sample(0)
    with pytest.raises(LatentryError, match="4 values for 50 samples"):
        ConditionalVAE(**SMALL).fit(DIGITS[:50], condition=[1, 2, 3, 4])


def test_history_and_choices(vae: VAE) -> None:
    assert len(vae.history_.rows) == 2
    assert any(choice.startswith("likelihood") for choice in vae.choices_)
    assert any(choice.startswith("net") for choice in vae.choices_)


def test_importance_weighting_tightens_the_bound() -> None:
    model = IWAE(**SMALL, draws=3).fit(DIGITS[:200])
    one, many = (model.score_samples(DIGITS[:100], draws=k).mean() for k in (2, 100))
    assert many > one


def test_no_warnings_from_an_ordinary_fit() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        VAE(**SMALL).fit(DIGITS[:64])
