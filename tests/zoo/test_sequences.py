"""Series: what is learned of them, gaps and short ones, values of each kind, and both nets."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import latentry
from latentry import VAE, LatentryError, SequenceVAE
from latentry.evaluation.detection import HOW, detection
from latentry.evaluation.measures import measure
from latentry.evaluation.robustness import occlusion

rng = np.random.default_rng(0)


def waves(n: int = 300, steps: int = 21, channels: int = 2) -> np.ndarray:
    """Waves of a random phase and height, a channel a quarter of a turn behind the one before."""
    phase, height = rng.uniform(0, 2 * np.pi, n), rng.uniform(0.5, 1.5, n)
    t = np.linspace(0, 2 * np.pi, steps)[:, None] + np.arange(channels) * np.pi / 2
    x = height[:, None, None] * np.sin(t + phase[:, None, None])
    return 10 + 3 * (x + 0.05 * rng.normal(size=x.shape))


X = waves()


def small(**fields) -> SequenceVAE:
    given = {"latent": 3, "hidden": (8, 8), "epochs": 2, "random_state": 0, "batch_size": 32}
    return SequenceVAE(**(given | fields))


@pytest.mark.parametrize(("net", "epochs"), [("temporal", 30), ("recurrent", 40)])
def test_waves_are_reconstructed_and_drawn(net: str, epochs: int) -> None:
    model = small(net=net, epochs=epochs, lr=5e-3, hidden=(16,), compile=False).fit(X[:250])
    error = ((model.reconstruct(X[250:]) - X[250:]) ** 2).mean()
    assert error < 0.15 * X.var()
    made = model.sample(200, seed=0, how="mean")
    assert made.shape == (200, 21, 2)
    # The second channel is the first, a quarter of a turn later.
    assert np.corrcoef(made[:, 0, 1], made[:, 5, 0])[0, 1] > 0.9
    flipped = X[250:, ::-1]
    scores = [model.score_samples(rows, draws=1).mean() for rows in (X[250:], flipped)]
    assert scores[0] > scores[1]


def test_channels_and_layouts() -> None:
    for x in (X, X[..., :1], X[..., 0], waves(60, 13, 5)):
        model = small().fit(x)
        assert model.net_ == "temporal"
        assert model.schema_.kind == "series"
        assert model.schema_.shape == (x.shape[1], *x.shape[2:], 1)[:2]
        assert model.reconstruct(x[:4]).shape == model.sample(4).shape == (4, *x.shape[1:])
        assert model.interpolate(x[0], x[1], 5).shape == (5, *x.shape[1:])
    one, flat = (small().fit(x) for x in (X[..., :1], X[..., 0]))
    np.testing.assert_allclose(
        one.reconstruct(X[:4, :, :1])[..., 0], flat.reconstruct(X[:4, :, 0]), rtol=1e-5
    )


@pytest.mark.parametrize(
    ("x", "likelihood"),
    [
        ((X > 10).astype(float), "bernoulli"),
        (rng.poisson(np.abs(X)), "negative-binomial"),
        (X, "gaussian-shared"),
    ],
)
@pytest.mark.parametrize("net", ["temporal", "recurrent"])
def test_values_of_every_kind_with_gaps(x: np.ndarray, likelihood: str, net: str) -> None:
    x = np.where(rng.random(x.shape) < 0.1, np.nan, x)
    if likelihood == "negative-binomial":
        x = x.astype(float)
    fields = {"likelihood": likelihood} if likelihood == "negative-binomial" else {}
    model = small(net=net, hidden=(4,), compile=False, **fields).fit(x)
    assert model.likelihood_ == likelihood
    assert model.schema_.missing
    assert np.isfinite(model.score_samples(x[:5], draws=2)).all()
    drawn = model.sample(3, seed=0)
    if likelihood != "gaussian-shared":
        assert (drawn == np.rint(drawn)).all()


def test_short_series_are_scored_by_what_was_observed() -> None:
    lengths = rng.integers(8, 19, len(X))  # none has the last steps
    x = np.where(np.arange(21)[:, None] < lengths[:, None, None], X, np.nan)
    model = small(epochs=4).fit(x)
    assert np.isfinite(model.history_.rows[-1]["loss"])
    z = torch.from_numpy(model.transform(x[:5]))
    rows = model.scaler_(model.schema_.pack(x[:5]))
    with torch.no_grad():
        px = model.model_.decode(z)
        scores = px.log_prob(rows)
        spread = model.model_.likelihood.scale().exp()
        each = torch.distributions.Normal(px.mean, spread).log_prob(rows.nan_to_num())
    for i, length in enumerate(lengths[:5]):
        assert scores[i] == pytest.approx(float(each[i, :length].sum()), rel=1e-4)
    # What stands where nothing was observed has no say: all of it is NaN to the encoder.
    assert model.reconstruct(x[:5]).shape == (5, 21, 2)
    assert np.isfinite(model.reconstruct(x[:5])).all()


def test_any_model_reads_series_with_a_net_of_series(tmp_path) -> None:
    model = VAE(net="temporal", latent=2, hidden=8, epochs=1, random_state=0).fit(X)
    assert model.schema_.describe() == "series of 21 steps x 2 channels of real numbers"
    model.save(tmp_path / "m")
    again = latentry.load(tmp_path / "m")
    np.testing.assert_array_equal(again.score_samples(X[:9]), model.score_samples(X[:9]))
    assert VAE(latent=2, epochs=1).fit(X).schema_.kind == "image"
    mlp = small(net="mlp").fit(X)
    assert (mlp.schema_.kind, mlp.net_) == ("series", "mlp")


def test_saved_resumed_and_conditional(tmp_path) -> None:
    label = (X[:, 0, 0] > 10).astype(int)
    model = small(net="recurrent", hidden=(4,), compile=False)
    model.fit(X, condition=label, folder=tmp_path / "run")
    again = latentry.load(tmp_path / "run")
    np.testing.assert_array_equal(
        again.transform(X[:9], condition=label[:9]), model.transform(X[:9], condition=label[:9])
    )
    assert model.sample(2, condition=[0, 1]).shape == (2, 21, 2)


def test_series_are_measured_and_strange_ones_found() -> None:
    model = small(epochs=20, lr=5e-3, hidden=(16,), compile=False).fit(X)
    strange = rng.permuted(X[:60], axis=1)  # the same values in another order
    both = np.concatenate([X[:60], strange])
    found = detection(model, both, np.arange(120) >= 60)
    assert set(found) == set(HOW)
    assert all(found[how] > 0.95 for how in HOW[:3])
    groups = ("likelihood", "reconstruction", "latents", "paths", "robustness")
    figures = measure(model, X[:60], groups=groups, train=X[:200], draws=5)["figures"]
    assert figures["mse"] == pytest.approx(
        (((model.reconstruct(X[:60]) - X[:60]) / X.std((0, 1))) ** 2).mean(), rel=1e-3
    )
    assert all(np.isfinite(value) for value in occlusion(model, X[:60], share=0.3).values())


def test_errors_say_what_is_wrong() -> None:
    with pytest.raises(LatentryError, match=r"net='tempral' is unknown.*Did you mean 'temporal'"):
        small(net="tempral").fit(X)
    with pytest.raises(LatentryError, match=r"net='conv' is unknown"):
        small(net="conv").fit(X)
    with pytest.raises(LatentryError, match="are no series"):
        small().fit(np.zeros((9, 4, 4, 3)))
    with pytest.raises(LatentryError, match="net='temporal' is unknown; there are mlp, conv"):
        latentry.DeepVAE(net="temporal", epochs=1).fit(X)
    with pytest.raises(LatentryError, match=r"was trained on \(21, 2\)"):
        small().fit(X).transform(X[:, :20])
