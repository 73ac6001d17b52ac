"""What the contract cannot know of models whose codes lie in a space that is not flat."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

import latentry
from latentry import HypersphericalVAE, LatentryError
from latentry.zoo.papers import papers

DIGITS, _ = load_digits(return_X_y=True)


def test_a_power_spherical_posterior_learns_and_is_kept(tmp_path) -> None:
    model = HypersphericalVAE(
        latent=4, posterior="power-spherical", hidden=(32,), epochs=6, random_state=0
    ).fit(DIGITS[:400])
    losses = [row["loss"] for row in model.history_.rows]
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(np.linalg.norm(model.transform(DIGITS[:9]), axis=1), 1, atol=1e-5)
    model.save(tmp_path / "m")
    again = latentry.load(tmp_path / "m")
    np.testing.assert_array_equal(again.score_samples(DIGITS[:9]), model.score_samples(DIGITS[:9]))
    assert model.evaluate(DIGITS[:50])["rate"] > 0.1


def test_the_posterior_is_one_of_two() -> None:
    with pytest.raises(LatentryError, match="posterior='power-sphere' is unknown.*Did you mean"):
        HypersphericalVAE(posterior="power-sphere").fit(DIGITS[:50])


def test_both_posteriors_are_cited() -> None:
    titles = [paper.title for paper in papers(HypersphericalVAE)]
    assert titles == [
        "Hyperspherical Variational Auto-Encoders",
        "The Power Spherical Distribution",
    ]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the compiler's own
@pytest.mark.parametrize("posterior", ["vmf", "power-spherical"])
def test_the_step_is_one_graph(posterior: str) -> None:
    fields: dict[str, Any] = {"latent": 3, "hidden": (8,), "epochs": 1, "random_state": 0}
    model = HypersphericalVAE(**fields, posterior=posterior, compile=True).fit(DIGITS[:100])
    assert [n for n in model.history_.notes if "compile" in n] == []
