"""Samplers of whole models: chosen by their score, kept by name, saved and restored."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from sklearn.datasets import load_digits

import latentry
from latentry import AE, VAE, LatentryError
from latentry.data.files import sha256
from latentry.persistence import INFO, SAMPLERS, WEIGHTS, _checksum
from latentry.sampling import MEMBERS, suitable, trained
from latentry.zoo import models

DIGITS, LABELS = load_digits(return_X_y=True)
SMALL = {"latent": 2, "hidden": (16,), "epochs": 2, "random_state": 0}

pytestmark = pytest.mark.filterwarnings("ignore:ConditionalVAE was fitted without")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trained, "STEPS", 20)
    monkeypatch.setattr(trained, "EPOCHS", 5)


@pytest.fixture(scope="module")
def fitted() -> VAE:
    return VAE(**SMALL).fit(DIGITS[:200])


@pytest.fixture(scope="module")
def conditional() -> VAE:
    return VAE(**SMALL).fit(DIGITS[:300], condition=LABELS[:300])


@pytest.fixture
def vae(fitted: VAE, tmp_path) -> VAE:
    """A model that each test may change."""
    fitted.save(tmp_path / "fresh")
    return VAE.load(tmp_path / "fresh")


def test_a_model_without_a_prior_has_a_mixture() -> None:
    model = AE(**SMALL).fit(DIGITS[:200])
    assert list(model.samplers_) == ["mixture"]
    assert np.array_equal(model.sample(3), model.sample(3, sampler="mixture"))
    with pytest.raises(LatentryError, match="AE has no prior; fitted are mixture"):
        model.sample(3, sampler="prior")
    with pytest.raises(LatentryError, match="AE has no prior; use auto, normal, mixture"):
        model.fit_sampler(DIGITS[:200], "prior")


def test_auto_takes_two_clusters_for_no_normal(vae: VAE, monkeypatch) -> None:
    """Codes of a known law in place of the model's own."""
    g = torch.Generator().manual_seed(0)
    side = (2.0 * (torch.arange(400) % 2) - 1)[:, None]
    z = 6 * side + torch.randn(400, 2, generator=g)
    from latentry.core.samplers import Codes
    from latentry.sampling import Space, chosen

    prior = torch.distributions.Normal(0, 1).log_prob(z).sum(1)
    monkeypatch.setattr(chosen, "encoded", lambda *_: (Codes(z), Space("flat", 2), prior))
    vae.fit_sampler(DIGITS[:200])
    scores = vae.sampler_scores_
    assert vae.sampler_auto_ in ("mixture", "kde", "maf", "spline")
    best = scores[vae.sampler_auto_].mean
    assert best == max(score.mean for score in scores.values())
    assert best > scores["normal"].mean + 10
    # The two clusters' own entropy: log 2, and that of a normal distribution in the plane.
    assert best == pytest.approx(-np.log(2) - np.log(2 * np.pi * np.e), abs=0.4)
    assert scores["normal"].mean == pytest.approx(scores["prior"].mean, abs=1e-5)
    assert list(vae.samplers_) == [vae.sampler_auto_]
    said = vae.choices_[-1]
    assert said.startswith(f"sampler {vae.sampler_auto_}, for the highest log density of 80 held-")
    assert np.array_equal(vae.draw_codes(9), vae.draw_codes(9, sampler="auto"))
    far = np.abs(vae.draw_codes(200)).mean(1) > 3
    assert far.mean() > 0.95
    assert (np.abs(vae.draw_codes(200, sampler="prior")).mean(1) < 3).all()


def test_samplers_are_kept_by_name_and_saved(vae: VAE, tmp_path) -> None:
    for name in ("kde", "posterior", "maf", "second-stage", "geometry", "neighbours"):
        vae.fit_sampler(DIGITS[:200], name)
        assert vae.sampler_ is vae.samplers_[name]
    vae.save(tmp_path / "m")
    again = latentry.load(tmp_path / "m")
    assert list(again.samplers_) == list(vae.samplers_)
    assert again.sampler_scores_ == vae.sampler_scores_
    assert again.choices_ == vae.choices_
    assert "neighbours, as asked; it has no density to score" in again.choices_[-1]
    for name in (None, "prior", *vae.samplers_):
        one, two = (m.sample(4, seed=3, sampler=name) for m in (vae, again))
        assert np.array_equal(one, two)
    # The last one stays until another takes its place.
    assert np.array_equal(again.sample(4), again.sample(4, sampler="neighbours"))
    again.fit_sampler(DIGITS[:200], "prior")
    assert np.array_equal(again.sample(4), again.sample(4, sampler="prior"))
    assert sum(each.startswith("sampler ") for each in again.choices_) == 1


def test_a_fit_follows_from_the_seed(vae: VAE) -> None:
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    draws = [vae.fit_sampler(DIGITS[:200], "maf", seed=s).draw_codes(5, seed=0) for s in (0, 0, 1)]
    assert torch.equal(torch.rand(2), expected)
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


def test_a_score_is_the_mean_over_held_out_rows(vae: VAE) -> None:
    vae.fit_sampler(DIGITS[:200], "normal")
    score, prior = vae.sampler_scores_["normal"], vae.sampler_scores_["prior"]
    assert (score.mean, score.error) == pytest.approx((prior.mean, prior.error), rel=1e-5)
    codes = vae.encode(DIGITS[:200], "sample")
    each = -0.5 * (codes**2).sum(1) - np.log(2 * np.pi)
    assert score.mean == pytest.approx(each.mean(), abs=3 * score.error)
    assert score.error == pytest.approx(each.std() / np.sqrt(40), rel=0.5)


def test_a_temperature_scales_any_of_them(vae: VAE) -> None:
    for name in ("mixture", "kde", "maf", "second-stage", "posterior"):
        vae.fit_sampler(DIGITS[:200], name)
        cool, warm = (vae.draw_codes(300, temperature=t).std(0) for t in (0.01, 1.0))
        assert (cool < 0.99 * warm).all()


def test_a_uniform_spread_has_no_temperature(vae: VAE) -> None:
    vae.fit_sampler(DIGITS[:200], "geometry")
    assert np.isfinite(vae.sample(3)).all()
    with pytest.raises(LatentryError, match=r"temperature=0.5: draws from an even spread by the"):
        vae.sample(3, temperature=0.5)


def test_conditional_samplers(conditional: VAE, tmp_path) -> None:
    known = DIGITS[:300], LABELS[:300]
    for name in ("mixture", "kde", "maf", "neighbours", "posterior", "geometry"):
        conditional.fit_sampler(known[0], name, condition=known[1])
        assert conditional.sample(2, condition=[3, 7]).shape == (2, 64)
    with pytest.raises(LatentryError, match="fitted with a condition"):
        conditional.fit_sampler(known[0], "kde")
    conditional.save(tmp_path / "m")
    again = VAE.load(tmp_path / "m")
    assert np.array_equal(again.sample(3, condition=4), conditional.sample(3, condition=4))


def test_mistakes(vae: VAE) -> None:
    for use in (vae.sample, vae.draw_codes):
        with pytest.raises(LatentryError, match=r"'kdee' is no density .* Did you mean 'kde'\?"):
            use(2, sampler="kdee")
    with pytest.raises(LatentryError, match=r"Did you mean 'spline'\?"):
        vae.fit_sampler(DIGITS[:200], "splne")
    with pytest.raises(LatentryError, match=r"call fit_sampler\(X, 'maf'\) first"):
        vae.sample(2, sampler="maf")
    with pytest.raises(LatentryError, match=r"call fit_sampler\(X\) first"):
        vae.sample(2, sampler="auto")
    with pytest.raises(LatentryError, match="codes of VAE are points of flat space; use auto, pri"):
        vae.fit_sampler(DIGITS[:200], "sphere")
    with pytest.raises(LatentryError, match="15 rows are too few .* give at least 20"):
        vae.fit_sampler(DIGITS[:15])
    with pytest.raises(LatentryError, match="posteriors of AE are no Gaussians; use auto, normal"):
        AE(**SMALL).fit(DIGITS[:100]).fit_sampler(DIGITS[:100], "posterior")


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("hyperspherical-vae", ["neighbours", "posterior", "sphere"]),
        ("fsq-vae", ["codes"]),
        ("semi-supervised-vae", []),
        ("riemannian-hvae", ["geometry"]),
        ("poincare-vae", ["kde", "maf", "wrapped-normal", "posterior"]),
    ],
)
def test_models_with_codes_of_their_own_kind(name: str, own: list[str]) -> None:
    model = models()[name](**(SMALL | {"latent": 4})).fit(DIGITS[:200])
    model.fit_sampler(DIGITS[:200])
    assert model.sampler_space_ is not None
    assert set(own) <= set(suitable(model.sampler_space_))
    for each in own:
        model.fit_sampler(DIGITS[:200], each)
        codes = model.draw_codes(20)
        assert codes.shape == (20, model.model_.latent)
        if name == "hyperspherical-vae":
            np.testing.assert_allclose(np.linalg.norm(codes, axis=1), 1, rtol=1e-5)
        if name == "poincare-vae":
            assert (np.linalg.norm(codes, axis=1) < 1).all()
    other = next(m for m in MEMBERS if m not in suitable(model.sampler_space_))
    with pytest.raises(LatentryError, match=f"sampler='{other}' does not suit this model"):
        model.fit_sampler(DIGITS[:200], other)


def test_folders_from_before_there_were_samplers_still_load(tmp_path) -> None:
    model = AE(**SMALL).fit(DIGITS[:200])
    model.save(tmp_path / "old")
    assert model.sampler_ is not None
    info = json.loads((tmp_path / "old" / INFO).read_text())
    tensors = latentry.persistence.read_tensors(tmp_path / "old", info)
    state = model.sampler_.state_dict()
    tensors |= {f"sampler.{n}": state[n][0].clone() for n in ("weights", "means", "factors")}
    save_file(tensors, tmp_path / "old" / WEIGHTS)
    (tmp_path / "old" / SAMPLERS).unlink()
    del info["checksum"]
    info["sampler"] = {"components": model.sampler_.components}
    info["weights"] = sha256(tmp_path / "old" / WEIGHTS)
    (tmp_path / "old" / INFO).write_text(json.dumps(info | {"checksum": _checksum(info)}))
    old = latentry.load(tmp_path / "old")
    assert np.array_equal(old.sample(5), model.sample(5))
    old.fit_sampler(DIGITS[:200], "kde")
    old.save(tmp_path / "new")
    assert np.array_equal(latentry.load(tmp_path / "new").sample(5), old.sample(5))


def test_a_damaged_file_of_samplers_is_told(vae: VAE, tmp_path) -> None:
    vae.fit_sampler(DIGITS[:200], "kde").save(tmp_path / "m")
    path = tmp_path / "m" / SAMPLERS
    path.write_bytes(path.read_bytes()[:-3] + b"abc")
    with pytest.raises(LatentryError, match=re.escape(f"latentry fit-sampler {tmp_path / 'm'}")):
        latentry.load(tmp_path / "m")


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(models()))
def test_every_model_can_have_the_best(name: str, tmp_path) -> None:
    model = models()[name](**SMALL).fit(DIGITS[:200])
    model.fit_sampler(DIGITS[:200])
    best = model.sampler_auto_
    assert best in model.sampler_scores_
    assert all(np.isfinite([s.mean, s.error]).all() for s in model.sampler_scores_.values())
    assert np.isfinite(model.sample(5, sampler="auto")).all()
    model.save(tmp_path / "m")
    again = latentry.load(tmp_path / "m")
    assert np.array_equal(again.sample(3, sampler="auto"), model.sample(3, sampler="auto"))
