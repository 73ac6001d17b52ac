from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import latentry
from latentry import LatentryError, MissingIWAE, NotMIWAE

FIELDS: dict[str, Any] = {"latent": 1, "hidden": (16,), "epochs": 30, "batch_size": 64}
FIELDS |= {"lr": 5e-3, "draws": 10, "random_state": 0}


def rows(n: int = 500) -> np.ndarray:
    """Four columns that hang together by one hidden number."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(n, 1))
    return 5 + hidden * [1.0, -1.0, 2.0, 0.5] + 0.2 * rng.normal(size=(n, 4))


WHOLE = rows()
HIDDEN = np.random.default_rng(1).random(WHOLE.shape) < 0.2
GAPPY = np.where(HIDDEN, np.nan, WHOLE)


def rmse(filled: np.ndarray, hidden: np.ndarray, whole: np.ndarray = WHOLE) -> float:
    scale = whole.std(0)
    return float(np.sqrt((((filled - whole) / scale)[hidden] ** 2).mean()))


@pytest.fixture(scope="module")
def model() -> MissingIWAE:
    return MissingIWAE(**FIELDS).fit(GAPPY)


def test_gaps_are_filled_far_better_than_by_the_mean(model: MissingIWAE) -> None:
    filled = model.impute(GAPPY, draws=100)
    assert np.isfinite(filled).all()
    np.testing.assert_array_equal(filled[~HIDDEN], GAPPY[~HIDDEN].astype(np.float32))
    assert rmse(filled, HIDDEN) < 0.5  # the column means have 1


def test_draws_vary_with_the_seed_and_are_worse_than_means(model: MissingIWAE) -> None:
    a, b, again = (model.impute(GAPPY, "draw", draws=100, seed=s) for s in (0, 1, 0))
    np.testing.assert_array_equal(a, again)
    assert (a != b)[HIDDEN].mean() > 0.9
    assert rmse(model.impute(GAPPY, draws=100), HIDDEN) < rmse(a, HIDDEN) < 1.0


def test_a_saved_model_fills_the_same(model: MissingIWAE, tmp_path) -> None:
    model.save(tmp_path / "m")
    again = latentry.load(tmp_path / "m")
    assert isinstance(again, MissingIWAE)
    few = GAPPY[:20]
    np.testing.assert_array_equal(again.impute(few, draws=50), model.impute(few, draws=50))


def test_what_goes_missing_by_its_value_is_seen_through() -> None:
    whole = rows(800)
    hidden = np.zeros(whole.shape, dtype=bool)
    # Of two columns, what is above the mean is never seen: the paper's experiment.
    hidden[:, :2] = whole[:, :2] > 5
    gappy = np.where(hidden, np.nan, whole)
    fields: dict[str, Any] = FIELDS | {"epochs": 25}
    blind = MissingIWAE(**fields).fit(gappy).impute(gappy, draws=100)
    seeing = NotMIWAE(**fields, mechanism="self-masking-known").fit(gappy)
    assert rmse(seeing.impute(gappy, draws=100), hidden, whole) < rmse(blind, hidden, whole)


def test_wrong_options_are_refused(model: MissingIWAE) -> None:
    with pytest.raises(LatentryError, match="median"):
        model.impute(GAPPY, "median")  # pyright: ignore[reportArgumentType]
    with pytest.raises(LatentryError, match="draws=0"):
        model.impute(GAPPY, draws=0)
    with pytest.raises(LatentryError, match="mechanism='mask'"):
        NotMIWAE(**FIELDS, mechanism="mask").fit(GAPPY)
    with pytest.raises(LatentryError, match="normal likelihood"):
        NotMIWAE(**FIELDS, likelihood="student-t").fit(GAPPY)
