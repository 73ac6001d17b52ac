from __future__ import annotations

import numpy as np
import pytest

from latentry import LatentryError
from latentry.evaluation.imputation import coverage, pfc, rmse


def test_the_error_is_in_units_of_the_columns_spread() -> None:
    whole = np.array([[0.0, 0.0, 5.0], [2.0, 20.0, 5.0]])  # of spread 1, 10 and none
    hidden = np.array([[True, True, True], [False, False, False]])
    filled = whole + np.array([[3.0, 40.0, 0.0], [99.0, 99.0, 99.0]])
    assert rmse(filled, whole, hidden) == pytest.approx(np.sqrt((9 + 16) / 3))
    assert rmse(filled, whole, hidden, scale=[3, 4, 1]) == pytest.approx(np.sqrt((1 + 100) / 3))


def test_the_share_of_false_levels() -> None:
    whole = np.array([["a", "b"], ["a", "c"]], dtype=object)
    filled = np.array([["a", "c"], ["b", "b"]], dtype=object)
    assert pfc(filled, whole, np.array([[True, True], [False, True]])) == pytest.approx(2 / 3)


@pytest.mark.parametrize("m", [19, 100])
def test_intervals_of_draws_from_the_truth_cover_as_stated(m: int) -> None:
    rng = np.random.default_rng(0)
    whole = rng.normal(size=(20_000, 1))
    samples = rng.normal(size=(m, 20_000, 1))
    every = np.ones(whole.shape, dtype=bool)
    assert coverage(samples, whole, every) == pytest.approx(0.9, abs=0.008)
    assert coverage(0.5 * samples, whole, every) < 0.65


def test_what_cannot_be_measured() -> None:
    whole = np.zeros((3, 2))
    with pytest.raises(LatentryError, match=r"shapes \(3, 2\), \(2,\)"):
        rmse(whole, np.zeros(2), whole > 0)
    with pytest.raises(LatentryError, match="nothing to measure"):
        pfc(whole, whole, whole > 0)
    with pytest.raises(LatentryError, match="draw at least 19"):
        coverage(np.zeros((18, 3, 2)), whole, whole == 0)
