from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

import latentry
from latentry import HVAE, DeepVAE, LadderVAE, LatentryError
from latentry.core.hierarchy import Hierarchy, Root
from latentry.zoo.hierarchy import halving, layer_counts

DIGITS, LABELS = load_digits(return_X_y=True)
IMAGES = DIGITS.reshape(-1, 8, 8)
SMALL = {"hidden": 16, "epochs": 2, "random_state": 0}


def test_each_level_has_about_half_of_the_one_below() -> None:
    assert halving(124, 5) == (4, 8, 16, 32, 64)
    assert halving(2, 3) == (1, 1)
    assert halving(7, 1) == (7,)
    for latent in range(1, 40):
        sizes = halving(latent, 4)
        assert sum(sizes) == latent
        assert min(sizes) == sizes[0] >= 1


def test_levels_are_described_from_the_top_down() -> None:
    model = LadderVAE(latent=7, levels=3, hidden=32, epochs=30, lr=3e-3, random_state=0)
    model.fit(DIGITS[:600])
    said = model.describe_levels(DIGITS[:100])
    assert [level["dimensions"] for level in said] == [1, 2, 4]
    assert said[-1]["active_units"] > 0
    rate = model.evaluate(DIGITS[:100], draws=2)["rate"]
    assert sum(level["rate"] for level in said) == pytest.approx(rate, rel=1e-4)


def test_the_upper_prior_is_the_mean_of_the_upper_posteriors() -> None:
    model = HVAE(latent=4, components=9, **SMALL).fit(DIGITS[:200]).model_
    assert isinstance(model, Hierarchy)
    root = model.rungs[0]
    assert isinstance(root, Root)
    z = torch.randn(6, 2)
    with torch.no_grad():
        inputs = root.prior.get_parameter("inputs")
        q = model.body.get_submodule("upper")(inputs, None)
        mean = torch.logsumexp(q.log_prob(z[:, None]), 1) - np.log(9)
        torch.testing.assert_close(root.prior().log_prob(z), mean)


def test_pseudo_inputs_start_at_rows_of_the_data() -> None:
    model = HVAE(latent=4, components=9, **(SMALL | {"epochs": 1, "lr": 1e-9})).fit(DIGITS[:200])
    x = next(iter(model._batches(DIGITS[:200])))[0]
    inputs = model.model_.get_parameter("rungs.0.prior.inputs")
    apart = (inputs.detach()[:, None] - x).abs().amax(2)
    assert float(apart.min(1).values.max()) < 1e-5


@pytest.mark.parametrize(
    "fields", [{"latent": 1}, {"latent": 4, "top": 4}, {"latent": 4, "top": 0}]
)
def test_both_levels_need_a_dimension(fields) -> None:
    with pytest.raises(LatentryError, match="both levels"):
        HVAE(**(SMALL | fields)).fit(DIGITS[:50])


def test_a_deep_vae_of_images_fits_saves_and_draws(tmp_path) -> None:
    model = DeepVAE(latent=2, layers=(1, 2, 1, 0), **SMALL)
    model.fit(IMAGES[:300], condition=LABELS[:300])
    assert model.net_ == "conv"
    assert isinstance(model.model_, Hierarchy)
    assert model.model_.sizes == (2, 8, 8, 32)
    X, c = IMAGES[:5], LABELS[:5]
    codes = model.transform(X, condition=c)
    assert codes.shape == (5, 50)
    drawn = model.sample(4, condition=[0, 1, 2, 3], seed=1, temperature=0.7)
    assert drawn.shape == (4, 8, 8)
    model.save(tmp_path / "m")
    again = latentry.load(tmp_path / "m")
    np.testing.assert_array_equal(again.transform(X, condition=c), codes)
    np.testing.assert_array_equal(
        again.score_samples(X, condition=c), model.score_samples(X, condition=c)
    )
    back = model.inverse_transform(codes, condition=c)
    np.testing.assert_allclose(back, model.reconstruct(X, condition=c), rtol=1e-5, atol=1e-4)


def test_layers_are_a_number_or_one_for_each_size() -> None:
    assert layer_counts(5, 2) == (3, 2)
    assert layer_counts((5,), 2) == (3, 2)
    assert layer_counts((1, 0, 2), 3) == (1, 0, 2)
    for wrong in (0, (1, 2), (0, 1, 1), (1, -1, 2)):
        with pytest.raises(LatentryError, match="layers="):
            layer_counts(wrong, 3)


def test_a_deep_vae_has_one_width_and_its_own_network() -> None:
    with pytest.raises(LatentryError, match="one width"):
        DeepVAE(hidden=(8, 16)).fit(DIGITS[:50])
    with pytest.raises(LatentryError, match="network of its own"):
        DeepVAE(encoder=torch.nn.Flatten()).fit(DIGITS[:50])
    with pytest.raises(LatentryError, match="needs images"):
        DeepVAE(net="conv").fit(DIGITS[:50])


def test_steps_with_a_long_gradient_are_left_out_and_told_of() -> None:
    with pytest.raises(LatentryError, match="longer than skip=1e-06"):
        DeepVAE(latent=2, skip=1e-6, **SMALL).fit(DIGITS[:200])
