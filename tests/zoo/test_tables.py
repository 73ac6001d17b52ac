"""Every named model on a table of mixed columns with missing cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import latentry
from latentry import LatentryError
from latentry.zoo import models

# What a model is that a row of mixed columns cannot be given to, and what it says.
REFUSED = {
    "not-miwae": "columns of several kinds: use the likelihood columns",
    "sigma-vae": "columns of several kinds: use the likelihood columns",
}
MODELS = sorted(set(models()) - set(REFUSED))
SMALL = {"latent": 2, "hidden": (8,), "epochs": 1, "random_state": 0}

pytestmark = pytest.mark.filterwarnings("ignore:ConditionalVAE was fitted without")


def table(n: int = 130) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    town = rng.choice(["Ulm", "Bonn", "Kiel"], n)
    frame = pd.DataFrame(
        {
            "id": [f"r{i:03d}" for i in range(n)],
            "town": pd.Categorical(town),
            "income": np.round(rng.lognormal(3 + (town == "Ulm"), 0.5), 2),
            "grade": rng.integers(1, 5, n),
            "member": rng.random(n) < 0.2 + 0.6 * (town == "Kiel"),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
        }
    )
    frame.loc[::7, "town"] = np.nan
    frame.loc[::11, "income"] = np.nan
    return frame


@pytest.mark.parametrize("name", MODELS)
def test_it_learns_a_mixed_table(name: str, tmp_path) -> None:
    frame = table()
    model = models()[name](**SMALL).fit(frame)
    rows = frame.head(9)
    assert np.isfinite(model.transform(rows)).all()
    assert np.isfinite(model.score_samples(rows)).all()
    for made in (model.sample(9, seed=0), model.reconstruct(rows)):
        pd.testing.assert_series_equal(made.dtypes, frame.dtypes)
        assert made[["income", "grade", "member", "since"]].notna().any().all()
    model.save(tmp_path / "m")
    again = latentry.load(tmp_path / "m")
    np.testing.assert_array_equal(again.score_samples(rows), model.score_samples(rows))
    pd.testing.assert_frame_equal(again.sample(5, seed=1), model.sample(5, seed=1))


@pytest.mark.parametrize("name", ["vae", "ae", "rae", "vamp-prior-vae", "vae-gan", "hvae", "geco"])
def test_it_learns_a_table_of_levels_alone(name: str) -> None:
    frame = table()[["town", "member"]]
    model = models()[name](**SMALL).fit(frame)
    pd.testing.assert_series_equal(model.sample(4, seed=0).dtypes, frame.dtypes)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_cannot_learn_one_says_so(name: str) -> None:
    with pytest.raises(LatentryError, match=REFUSED[name]):
        models()[name](**SMALL).fit(table())
