from __future__ import annotations

import numpy as np
import pytest

from latentry import VAE
from latentry.errors import LatentryError
from latentry.evaluation import measures

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(60, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def vae() -> VAE:
    return VAE(latent=2, epochs=1, hidden=8, random_state=0).fit(ROWS)


def test_every_measure_says_what_it_is():
    for name, measure in measures.MEASURES.items():
        assert measure.name == name
        assert measure.group in measures.GROUPS
        assert measure.better in ("higher", "lower", None)
        assert measure.label and measure.unit and measure.about
        if measure.source:
            assert "arXiv" in measure.source or "https://" in measure.source
    assert len({measure.label for measure in measures.MEASURES.values()}) == len(measures.MEASURES)


def test_every_group_has_figures():
    assert [name for group in measures.GROUPS for name in measures.names_of(group)] == list(
        measures.MEASURES
    )
    assert all(measures.names_of(group) for group in measures.GROUPS)


def test_groups_are_read_from_text():
    assert measures.parse_groups("all") == measures.GROUPS
    assert measures.parse_groups(["paths", "likelihood"]) == ("likelihood", "paths")
    with pytest.raises(LatentryError, match=r"'sample' is no group .* Did you mean 'samples'"):
        measures.parse_groups("sample")
    with pytest.raises(LatentryError, match="No measures were named"):
        measures.parse_groups(" , ")


def test_a_group_that_cannot_apply_gives_none_and_says_why(vae):
    found = measures.measure(vae, ROWS, groups="disentanglement")
    assert found["figures"] == dict.fromkeys(measures.names_of("disentanglement"))
    assert "factors are known" in found["notes"][0]


def test_lengths_are_checked(vae):
    with pytest.raises(LatentryError, match="labels has 3 entries for 60 rows"):
        measures.measure(vae, ROWS, labels=[0, 1, 2])
    with pytest.raises(LatentryError, match="one column for each factor"):
        measures.measure(vae, ROWS, factors=np.zeros(60))
