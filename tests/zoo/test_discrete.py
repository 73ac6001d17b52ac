"""What is special about the models whose codes are whole numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.datasets import load_digits

import latentry
from latentry import FSQVAE, VQVAE, ConcreteVAE, LatentryError, ResidualVQVAE
from latentry.core.discrete import CodeVAE

X, LABELS = load_digits(return_X_y=True)
IMAGES = X.reshape(-1, 8, 8)
SMALL = {"hidden": (16,), "epochs": 3, "prior_epochs": 3, "prior_hidden": 16, "random_state": 0}
MODELS = {
    VQVAE: {"latent": 8, "size": 12},
    ResidualVQVAE: {"latent": 16, "size": 6, "depth": 3},
    FSQVAE: {"latent": 6, "levels": (5, 3)},
    ConcreteVAE: {"latent": 20},
}
SIZES = {
    VQVAE: (12, 12),
    ResidualVQVAE: (6,) * 6,
    FSQVAE: (5, 3) * 3,
    ConcreteVAE: (10, 10),
}


def small(cls, **fields):
    return cls(**(SMALL | MODELS[cls] | fields))


@pytest.mark.parametrize("cls", MODELS)
def test_tokens_are_the_symbols_of_the_vectors(cls, tmp_path) -> None:
    model = small(cls).fit(X[:300])
    tokens = model.tokens(X[:50])
    assert tokens.shape == (50, len(SIZES[cls]))
    assert (tokens >= 0).all() and (tokens < np.array(SIZES[cls])).all()
    model.save(tmp_path / "m")
    np.testing.assert_array_equal(latentry.load(tmp_path / "m").tokens(X[:50]), tokens)
    rows = np.random.default_rng(0).permutation(50)
    np.testing.assert_array_equal(model.tokens(X[rows]), tokens[rows])


@pytest.mark.parametrize("cls", MODELS)
def test_the_fitted_prior_holds_the_data_likelier_than_a_uniform_one(cls) -> None:
    longer = {"epochs": 20, "warmup": 1.0, "lr": 5e-3} if cls is ConcreteVAE else {}
    uniform = small(cls, prior_epochs=0, **longer).fit(X[:600])
    fitted = small(cls, prior_epochs=20, **longer).fit(X[:600])
    full = sum(map(math.log, SIZES[cls]))
    rates = [m.evaluate(X[600:900], draws=1)["rate"] for m in (uniform, fitted)]
    if cls is not ConcreteVAE:  # whose codes are uncertain, at a rate below their number's
        assert rates[0] == pytest.approx(full, rel=1e-5)
    assert rates[1] < rates[0]
    # The networks are the same: the prior is fitted after them.
    np.testing.assert_array_equal(uniform.reconstruct(X[:9]), fitted.reconstruct(X[:9]))


@pytest.mark.parametrize("cls", MODELS)
def test_samples_are_decoded_codes_of_the_condition(cls) -> None:
    model = small(cls).fit(X[:300], condition=LABELS[:300])
    z = model.draw_codes(7, condition=3, seed=1)
    assert isinstance(model.model_, CodeVAE)
    known = {tuple(row) for row in model.transform(X[:300], condition=LABELS[:300]).round(4)}
    if cls is VQVAE:  # parts of codes come from the one codebook
        parts = {row[i : i + 4] for row in known for i in (0, 4)}
        assert len(parts) <= 12
        drawn = {tuple(part) for row in z.round(4) for part in (row[:4], row[4:])}
        assert len(drawn | parts) <= 12
    if cls is FSQVAE:
        assert set(np.unique(z.round(4))) <= {-1.0, -0.5, 0.0, 0.5, 1.0}
    if cls is ConcreteVAE:
        assert set(np.unique(z)) == {0.0, 1.0} and (z.sum(1) == 2).all()
    cold = model.draw_codes(5, condition=3, temperature=0.0)
    np.testing.assert_array_equal(cold, cold[:1].repeat(5, 0))


@pytest.mark.parametrize("cls", MODELS)
def test_images_have_a_grid_of_codes_under_the_net_conv(cls, tmp_path) -> None:
    model = small(cls, net="conv", hidden=(8, 8), epochs=2, width=4).fit(
        IMAGES[:300], condition=LABELS[:300]
    )
    one = {VQVAE: (12,), ResidualVQVAE: (6,) * 3, FSQVAE: (5, 3, 5, 3), ConcreteVAE: (4,)}[cls]
    tokens = model.tokens(IMAGES[:50], condition=LABELS[:50])
    assert tokens.shape == (50, 4 * len(one))
    assert (tokens < np.array(one * 4)).all()
    codes = model.transform(IMAGES[:50], condition=LABELS[:50])
    assert codes.shape == (50, 2 * 2 * 4) == (50, len(model.get_feature_names_out()))
    model.save(tmp_path / "m")
    again = latentry.load(tmp_path / "m")
    np.testing.assert_array_equal(again.sample(3, condition=2), model.sample(3, condition=2))
    assert again.reconstruct(IMAGES[:5], condition=LABELS[:5]).shape == (5, 8, 8)
    assert np.isfinite(again.score_samples(IMAGES[:5], condition=LABELS[:5], draws=2)).all()
    if cls is VQVAE:  # one codebook for all positions
        vectors = {tuple(v) for v in codes.reshape(-1, 4).round(4)}
        assert len(vectors) <= 12


@pytest.mark.parametrize("cls", [VQVAE, ConcreteVAE])
def test_a_run_that_is_taken_up_ends_as_the_whole_one(cls, tmp_path, monkeypatch) -> None:
    whole = small(cls, epochs=4).fit(X[:300], folder=tmp_path / "whole")

    class Stop(Exception):
        pass

    class Stopping:
        def start(self, *_): ...
        def step(self, *_): ...
        def note(self, *_): ...
        def stop(self): ...
        def epoch(self, row):
            if row["epoch"] == 3:
                raise Stop

    model = small(cls, epochs=4)
    monkeypatch.setattr("latentry.training.loop.SAVE_SECONDS", 0.0)
    with pytest.raises(Stop):
        model.fit(X[:300], folder=tmp_path / "parts", progress=Stopping())
    model.fit(X[:300], folder=tmp_path / "parts")
    np.testing.assert_array_equal(model.transform(X[:20]), whole.transform(X[:20]))
    np.testing.assert_array_equal(model.score_samples(X[:20]), whole.score_samples(X[:20]))
    np.testing.assert_array_equal(model.sample(3), whole.sample(3))


def test_a_codebook_that_learns_by_a_loss() -> None:
    model = small(VQVAE, codebook="loss", epochs=10).fit(X[:500])
    rows = model.history_.rows
    assert rows[-1]["distortion"] < rows[0]["distortion"]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (VQVAE(latent=10, groups=3), "groups=3: 10 dimensions cannot be divided"),
        (VQVAE(codebook="mean"), "codebook='mean' is unknown; there are ema, loss"),
        (VQVAE(size=1), "size=1: give a number 2 or more"),
        (ResidualVQVAE(depth=0), "depth=0: give a number 1 or more"),
        (FSQVAE(levels=1), "levels=1: give a number 2 or more"),
        (ConcreteVAE(latent=20, groups=20), "groups=20: .* one class"),
        (ConcreteVAE(coolest=0.0), "coolest=0.0: give a number above 0"),
    ],
)
def test_mistakes_are_explained(model, message: str) -> None:
    with pytest.raises(LatentryError, match=message):
        model.fit(X[:50])
