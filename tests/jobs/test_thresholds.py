from __future__ import annotations

import numpy as np
import pytest

from latentry.jobs.thresholds import Scale, conformal_threshold, p_values


def test_p_values_by_hand() -> None:
    held_out = np.array([3.0, 1.0, 2.0])
    np.testing.assert_allclose(
        p_values(held_out, np.array([0.0, 2.0, 2.5, 9.0])), [1, 0.75, 0.5, 0.25]
    )


def test_p_values_of_exchangeable_rows_are_never_too_small() -> None:
    rng = np.random.default_rng(0)
    found = np.array([p_values(c[:-1], c[-1:])[0] for c in rng.normal(size=(20_000, 20))])
    for rate in (0.05, 0.1, 0.5):
        assert np.mean(found <= rate) == pytest.approx(rate, abs=0.01)  # 1/20 divides them


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.33, 0.9])
def test_the_threshold_agrees_with_the_p_values(rate: float) -> None:
    rng = np.random.default_rng(0)
    held_out, scores = rng.integers(0, 30, 40).astype(float), np.arange(-1.0, 32.0)
    flagged = scores > conformal_threshold(held_out, rate)
    np.testing.assert_array_equal(flagged, p_values(held_out, scores) <= rate)


def test_no_threshold_for_a_rate_that_few_rows_cannot_show() -> None:
    assert conformal_threshold(np.arange(18.0), 0.05) == np.inf
    assert conformal_threshold(np.arange(19.0), 0.05) == 18


def test_scale() -> None:
    scores = np.random.default_rng(0).exponential(size=500)
    scale = Scale.of(scores)
    there = scale(scores)
    assert np.median(there) == pytest.approx(0, abs=1e-12)
    assert np.quantile(there, 0.9) - np.quantile(there, 0.1) == pytest.approx(1)
    np.testing.assert_allclose(Scale.of(7 * scores - 3)(7 * scores - 3), there)  # any unit
    assert (np.diff(scale(np.linspace(-5, 1e6, 100))) > 0).all()
    assert np.isfinite(Scale.of(np.ones(5))(np.arange(3.0))).all()
