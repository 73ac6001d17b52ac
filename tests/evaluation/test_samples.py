from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from scipy.linalg import sqrtm

from latentry.errors import LatentryError
from latentry.evaluation import samples as of
from latentry.evaluation.features import ClassifierFeatures, PCAFeatures, Pixels


def normal(n: int, dim: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, dim))


def exactly(mean: np.ndarray, cov: np.ndarray, n: int = 60, seed: int = 0) -> np.ndarray:
    """Points whose sample mean and covariance are these, to the last digits."""
    x = normal(n, len(mean), seed)
    x -= x.mean(0)
    white = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T
    return white @ np.linalg.cholesky(cov).T + mean


def line(*points: float) -> np.ndarray:
    return np.array(points)[:, None]


# ------------------------------------------------------------------------------------- distances


def test_frechet_between_gaussians_with_axes_in_common() -> None:
    """|m - m'|^2 + sum (s - s')^2 over the axes."""
    a = exactly(np.array([0.0, 1.0, 2.0]), np.diag([1.0, 4.0, 9.0]))
    b = exactly(np.array([1.0, 1.0, 0.0]), np.diag([4.0, 4.0, 0.25]), n=45, seed=1)
    assert of.frechet_distance(a, b) == pytest.approx(1 + 4 + 1 + 0 + 2.5**2)
    assert of.frechet_distance(b, a) == pytest.approx(of.frechet_distance(a, b))


def test_frechet_between_gaussians_with_other_axes() -> None:
    rng = np.random.default_rng(3)
    roots = rng.normal(size=(2, 4, 4))
    first, second = (r @ r.T + 0.1 * np.eye(4) for r in roots)
    expected = np.trace(first + second - 2 * np.real(sqrtm(first @ second)))
    found = of.frechet_distance(exactly(np.ones(4), first), exactly(np.ones(4), second, seed=9))
    assert found == pytest.approx(expected)


def test_frechet_of_a_set_with_itself_is_nothing_even_where_covariances_are_singular() -> None:
    flat = normal(50, 2, 0) @ normal(2, 6, 1)
    wide = normal(5, 40, 2)  # fewer points than features
    for x in (flat, wide):
        assert of.frechet_distance(x, x) == pytest.approx(0, abs=1e-12)
        assert of.frechet_distance(x, x + 2) == pytest.approx(4 * x.shape[1])
        assert of.frechet_distance(x, 3 * x - 2 * x.mean(0)) == pytest.approx(
            4 * x.var(0, ddof=1).sum()
        )


def test_the_kernel_distance_is_the_unbiased_double_sum() -> None:
    a, b = normal(6, 3, 0), normal(5, 3, 1) + 1

    def k(x: np.ndarray, y: np.ndarray) -> float:
        return (float(x @ y) / 3 + 1) ** 3

    def within(x: np.ndarray) -> float:
        return float(np.mean([k(p, q) for i, p in enumerate(x) for q in np.delete(x, i, 0)]))

    expected = within(a) + within(b) - 2 * np.mean([k(p, q) for p in a for q in b])
    assert of.kernel_distance(a, b) == pytest.approx(expected)


def test_the_kernel_distance_of_equal_distributions_is_zero_in_expectation() -> None:
    found = [of.kernel_distance(normal(20, 2, 2 * s), normal(20, 2, 2 * s + 1)) for s in range(500)]
    error = np.std(found) / np.sqrt(500)
    assert abs(np.mean(found)) < 3 * error
    assert min(found) < 0


def test_the_kernel_distance_between_two_normals() -> None:
    """(xy + 1)^3 compares moments: 3 d1^2 + 3 d2^2 + d3^2; N(0, 1) has 0, 1, 0, N(1, 1) 1, 2, 4."""
    a, b = exactly_three_moments(), exactly_three_moments() + 1
    big = of.kernel_distance(a, b, size=10**6)
    assert big == pytest.approx(3 + 3 + 16, rel=0.02)
    subsets = of.kernel_distance(a, b, subsets=40, size=400)
    assert subsets == pytest.approx(22, rel=0.1)
    assert subsets == of.kernel_distance(a, b, subsets=40, size=400)


def exactly_three_moments(n: int = 4000) -> np.ndarray:
    """Quantiles of N(0, 1), scaled to variance 1; their odd moments vanish."""
    x = np.array([NormalDist().inv_cdf((i + 0.5) / n) for i in range(n)])
    return line(*(x / x.std()))


# -------------------------------------------------------------------------------------- manifolds


def test_manifolds_on_a_line() -> None:
    """Balls reach to the next point: 1 on both sides."""
    real, fake = line(0, 1, 2, 3), line(0.5, 1.5, 10, 11)
    assert of.precision_recall(real, fake, k=1) == {"precision": 0.5, "recall": 0.75}
    assert of.density_coverage(real, fake, k=1) == {"density": 1.0, "coverage": 0.75}


def test_a_ball_contains_its_surface() -> None:
    real, fake = line(0, 1, 10, 11), line(-1, 12, 20, 21)
    assert of.precision_recall(real, fake, k=1)["precision"] == 0.5
    shifted = of.precision_recall(real + 1e4, fake + 1e4, k=1)  # where distances round more
    assert shifted["precision"] == 0.5


def test_copies_lie_in_balls_of_no_size() -> None:
    real = line(0, 0, 5, 5)
    assert of.precision_recall(real, line(0, 5, 5.1, 6), k=1) == {"precision": 0.5, "recall": 1.0}


def test_a_set_covers_itself() -> None:
    x = normal(1500, 3, 0)  # more than one block
    assert of.precision_recall(x, x) == {"precision": 1.0, "recall": 1.0}
    assert of.density_coverage(x, x)["coverage"] == 1.0


def test_half_of_the_data_missing_shows_in_recall_and_coverage() -> None:
    near, far = normal(300, 2, 0), normal(300, 2, 1) + 100
    found = of.precision_recall(np.concatenate([near, far]), normal(300, 2, 2))
    assert found["precision"] > 0.95
    assert found["recall"] == pytest.approx(0.5, abs=0.03)
    covered = of.density_coverage(np.concatenate([near, far]), normal(300, 2, 2))
    assert covered["coverage"] == pytest.approx(0.5, abs=0.03)


def test_equal_distributions_have_density_one_and_the_coverage_of_the_paper() -> None:
    """Coverage: 1 - prod_i (N - i) / (N + M - i) for i = 1..k, whatever the distribution."""
    n, m, k = 200, 100, 5
    i = np.arange(1, k + 1)
    expected = 1 - np.prod((n - i) / (n + m - i))
    found = [of.density_coverage(normal(n, 4, s), normal(m, 4, 99 + s), k) for s in range(40)]
    assert np.mean([f["coverage"] for f in found]) == pytest.approx(expected, abs=0.01)
    assert np.mean([f["density"] for f in found]) == pytest.approx(1, abs=0.03)


def test_one_stray_row_spoils_precision_but_not_density() -> None:
    real = np.concatenate([normal(200, 2, 0), [[30.0, 0.0]]])
    fake = normal(200, 2, 1) * 0.1 + [20, 0]  # in the ball of the stray row alone
    assert of.precision_recall(real, fake)["precision"] == 1.0
    assert of.density_coverage(real, fake, k=5)["density"] == pytest.approx(0.2)


# -------------------------------------------------------------------------------- the two-sample


@pytest.mark.parametrize("shift", [0.0, 2.0, 50.0])
def test_the_classifier_reaches_the_best_accuracy_there_is(shift: float) -> None:
    """Two normals at a distance of d are told apart with probability Phi(d / 2) at best."""
    b = normal(1000, 2, 1) + np.array([shift, 0])
    found = of.classifier_two_sample(normal(1000, 2, 0), b)
    best = NormalDist().cdf(shift / 2)
    assert found == pytest.approx(best, abs=4 * np.sqrt(best * (1 - best) / 1000) + 0.01)


def test_the_classifier_sees_more_than_means_and_takes_equal_numbers() -> None:
    ring = normal(600, 2, 0)
    ring *= 3 / np.linalg.norm(ring, axis=1, keepdims=True)
    found = of.classifier_two_sample(ring, normal(300, 2, 1) * 0.5)
    assert found > 0.97
    assert found == of.classifier_two_sample(ring, normal(300, 2, 1) * 0.5)


# ---------------------------------------------------------------------------------------- copying


def test_nearest_training_rows() -> None:
    train = np.array([[0.0, 0.0], [3.0, 4.0], [1.0, 1.0]])
    distance, index = of.nearest(np.array([[0.0, 0.0], [3.0, 0.0], [1.0, 1.0]]), train)
    assert index.tolist() == [0, 2, 2]
    np.testing.assert_allclose(distance, [0, np.sqrt(5), 0], atol=0)


def test_a_copy_is_at_no_distance_also_in_many_dimensions() -> None:
    train = normal(400, 300, 0) + 1000
    distance, index = of.nearest(train[::-1], train)
    assert (distance == 0).all()
    assert index.tolist() == list(range(400))[::-1]


def test_copying_counts_pairs() -> None:
    train = line(0)
    assert of.copying(line(1, 3), train, line(2, 4)) == 0.75
    assert of.copying(line(2), train, line(2, -2)) == 0.5  # ties
    assert of.copying(line(9), train, line(2)) == 0.0


def test_copies_are_detected_and_fresh_draws_are_not() -> None:
    train, test, fresh = (normal(500, 3, s) for s in range(3))
    assert of.copying(train[:200], train, test) == 1.0
    assert of.copying(train[:200] + 1e-3, train, test) > 0.95
    # The standard error of the statistic for equal distributions: Mann & Whitney, 1947.
    error = np.sqrt((500 + 500 + 1) / (12 * 500 * 500))
    assert abs(of.copying(fresh, train, test) - 0.5) < 4 * error
    assert of.copying(fresh * 10, train, test) < 0.2


# ----------------------------------------------------------------------------------- all together


def test_every_figure_names_its_space() -> None:
    real, fake, train = (normal(300, 16, s).reshape(-1, 4, 4) for s in range(3))
    space = PCAFeatures(train, n=4)
    found = of.samples(real, fake, features=space, train=train)
    assert found["feature_space"] == space.name
    assert found["frechet"] == of.frechet_distance(space(real), space(fake))
    assert found["copying"] == pytest.approx(0.5, abs=0.1)
    assert found["density"] == pytest.approx(1, abs=0.2)
    assert found["two_sample_accuracy"] == pytest.approx(0.5, abs=0.12)
    assert list(found) == [
        "frechet",
        "kernel",
        "precision",
        "recall",
        "density",
        "coverage",
        "two_sample_accuracy",
        "copying",
        "feature_space",
    ]
    assert of.samples(real, fake, features=Pixels())["copying"] is None


def test_figures_that_move_with_the_number_of_points_take_equally_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(of, "ROWS", 100)
    real, fake = normal(2000, 3, 0), normal(400, 3, 1)
    found = of.samples(real, fake, features=Pixels(), train=normal(50, 3, 2))
    expected = 1 - np.prod([(100 - i) / (200 - i) for i in range(1, 6)])
    assert found["coverage"] == pytest.approx(expected, abs=0.1)  # 0.994 were it all rows
    assert found == of.samples(real, fake, features=Pixels(), train=normal(50, 3, 2))


def test_agreement_is_the_share_of_classes_that_were_asked_for() -> None:
    y = np.arange(100) % 2
    x = normal(100, 2, 0) * 0.1 + 10 * y[:, None]
    classifier = ClassifierFeatures(x, y)
    assert of.agreement(classifier, x, y) == 1.0
    assert of.agreement(classifier, x, 1) == 0.5
    assert of.agreement(classifier, x, 1 - y) == 0.0
    assert of.agreement(classifier, x[:4], ["0", "1", "1", "1"]) == 0.75


def test_what_cannot_be_compared() -> None:
    x = normal(20, 2, 0)
    with pytest.raises(LatentryError, match="2 and 3 features; take both in one space"):
        of.frechet_distance(x, normal(20, 3, 0))
    with pytest.raises(LatentryError, match="20 and 3 points; give at least 4 of each"):
        of.precision_recall(x, x[:3])
    with pytest.raises(LatentryError, match="NaN or infinity"):
        of.kernel_distance(x, np.full((2, 2), np.nan))
    with pytest.raises(LatentryError, match="20 rows and 9 samples are too few.*at least 10"):
        of.samples(x, x[:9], features=Pixels())
