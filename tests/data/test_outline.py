import numpy as np
import pytest

from latentry.data.outline import outline, score, steps


def test_few_whole_numbers_are_atoms_of_their_shares() -> None:
    values = np.repeat([1.0, 2.0, 5.0], [10, 30, 60])
    made = outline(values, step=1.0)
    assert made.knots == (1, 1, 2, 2, 5, 5)
    jumps = np.diff(made.heights)[::2]
    np.testing.assert_allclose(jumps, [0.1, 0.3, 0.6], atol=0.02)
    between = np.diff(made.heights)[1::2]
    assert between[0] == pytest.approx(0, abs=1e-12)  # nothing lies between 1 and 2
    assert between[1] > 0  # but 3 and 4 could be seen


def test_a_value_that_occurs_often_is_an_atom_among_the_others() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([np.zeros(700), rng.lognormal(3, 1, 300)])
    made = outline(values, step=0.0, low=0.0)
    assert made.knots[:2] == (0, 0) and made.tails[0] == 0
    assert made.heights[1] - made.heights[0] == pytest.approx(0.7, abs=0.01)
    assert made.knots[-1] == values.max() and made.tails[1] > 0


def test_the_outline_follows_the_distribution_function() -> None:
    values = np.random.default_rng(1).normal(size=20_000)
    made = outline(values, step=0.0)
    assert len(made.knots) < 100
    at = np.linspace(-3, 3, 50)
    exact = (values[:, None] <= at).mean(0)
    assert np.abs(np.interp(at, made.knots, made.heights) - exact).max() < 0.01
    assert (np.diff(made.heights) > 0).all()


def test_the_tails_reach_as_far_as_an_exponential_distribution_does() -> None:
    values = np.random.default_rng(2).exponential(3.0, 50_000)
    assert outline(values, step=0.0, low=0.0).tails[1] == pytest.approx(3.0, rel=0.4)


def test_levels_in_an_order_have_steps_of_their_shares() -> None:
    made = steps(np.array([1, 0, 3]))
    assert made.knots == (0, 0, 1, 1, 2, 2)
    jumps = np.diff(made.heights)[::2]
    np.testing.assert_allclose(jumps, np.array([1, 0.5, 3]) / 4.5, atol=0.12)
    assert made.heights[0] > 0 and made.heights[-1] < 1


def test_scores_have_mean_0_and_variance_1() -> None:
    u = (np.arange(100_000) + 0.5) / 100_000
    s = score(u)
    assert s.mean() == pytest.approx(0, abs=1e-6)
    assert s.var() == pytest.approx(1, abs=1e-3)
