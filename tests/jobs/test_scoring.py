from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from known import estimator
from oracle import SIGMA, Oracle

from latentry import LatentryError
from latentry.evaluation.detection import anomaly_scores
from latentry.jobs.scoring import SCORES, Reference, Space, check_score

X = np.random.default_rng(0).normal(size=(60, 3)) * [1.0, 10.0, 0.1]


def brute(points: np.ndarray, queries: np.ndarray, out: int | None = None) -> np.ndarray:
    """Sorted distances in units of each column's deviation and range, leaving one point out."""
    mean, spread = points.mean(0), np.sqrt(points.std(0) * (points.max(0) - points.min(0)))
    a, b = (points - mean) / spread, (queries - mean) / spread
    if out is not None:
        a = np.delete(a, out, axis=0)
    return np.sort(np.linalg.norm(b[:, None] - a[None], axis=2), axis=1)


def test_distances_by_brute_force() -> None:
    space, new = Space(X, near=4, share=0.25, seed=0), 2 * X[:7] + 0.3
    found = brute(X, new)
    np.testing.assert_allclose(space.nearest(new), found[:, :4].mean(1))
    np.testing.assert_allclose(space.farther(new), found[:, 14])  # the 15th of 60


def test_a_row_of_the_reference_is_not_its_own_neighbour() -> None:
    space = Space(X, near=3, share=0.1, seed=0)
    left_out = [brute(X, X[i : i + 1], i)[0, :3].mean() for i in range(len(X))]
    np.testing.assert_allclose(space.nearest(X), left_out)


def test_a_cluster_of_anomalies_is_far_from_most() -> None:
    cluster = np.full((5, 3), 8.0) + np.random.default_rng(1).normal(size=(5, 3)) * 1e-2
    rows = np.concatenate([X / [1.0, 10.0, 0.1], cluster])
    space = Space(rows, near=3, share=0.1, seed=0)
    assert space.nearest(rows)[60:].max() < np.median(space.nearest(rows)[:60])
    assert space.farther(rows)[60:].min() > space.farther(rows)[:60].max()
    assert space.nearest_core(rows)[60:].min() > space.nearest_core(rows)[:60].max()


def test_the_core_is_what_has_the_nearest_far_neighbours() -> None:
    space = Space(X, near=4, share=0.25, seed=0)
    far = space.farther(X)
    core = X[np.argsort(far, kind="stable")[:42]]  # 70% of 60
    spread = np.sqrt(X.std(0) * (X.max(0) - X.min(0)))
    new = 2 * X[:7] + 0.3
    away = np.linalg.norm((new[:, None] - core[None]) / spread, axis=2)
    np.testing.assert_allclose(space.nearest_core(new), np.sort(away, axis=1)[:, :4].mean(1))


def test_mahalanobis_has_the_moments_of_its_law() -> None:
    rows = np.random.default_rng(0).normal(size=(4000, 3)) @ np.triu(np.ones((3, 3)))
    squares = Space(rows, 5, 0.1, 0).mahalanobis(rows) ** 2
    assert squares.mean() == pytest.approx(3, abs=0.05)  # chi-squared with 3 degrees of freedom
    assert squares.var() == pytest.approx(6, rel=0.1)


def test_few_and_constant_points() -> None:
    two = Space(np.array([[0.0, 1.0], [2.0, 1.0]]), near=5, share=0.1, seed=0)
    # A deviation of 1 and a range of 2.
    np.testing.assert_allclose(two.nearest(np.array([[4.0, 1.0]])), [2 / math.sqrt(2)])
    assert np.isfinite(Space(np.ones((1, 2)), 5, 0.1, 0).nearest(np.ones((2, 2)))).all()


@pytest.fixture(scope="module")
def oracle() -> tuple[Oracle, Reference, np.ndarray, torch.Tensor]:
    made = Oracle()
    x = made.draw(80)
    data = 2 * x.numpy()
    est = estimator(made.model, x, 2.0)
    return made, Reference(est, data, SCORES, near=3, share=0.1, seed=0), data, x


def test_scores_of_an_exact_model(oracle) -> None:
    made, reference, data, x = oracle
    est = reference.est
    for how, name in (("elbo", "reconstruction+kl"), ("kl", "kl"), ("likelihood", "likelihood")):
        np.testing.assert_array_equal(reference.scores(data, how), anomaly_scores(est, data, name))
    q = made.model.encode(x)
    # E[(x - W z - b)^2] in closed form, from the mean and the variances of z.
    decoder = made.model.likelihood.body
    error = (x - decoder(q.mean)[:, 0]) ** 2 + (q.variance @ (decoder.w.T**2))
    expected = (error / (2 * SIGMA**2)).sum(1) + 5 * math.log(2 * SIGMA * math.sqrt(2 * math.pi))
    got = reference.scores(data, "reconstruction-probability")
    assert np.abs(got - expected.detach().numpy()).mean() < 0.5  # 16 draws
    assert abs((got - expected.detach().numpy()).mean()) < 0.1


def test_contributions_sum_to_the_reconstruction(oracle) -> None:
    _, reference, data, _ = oracle
    each = reference.contributions(data)
    assert each.shape == data.shape
    np.testing.assert_allclose(each.sum(1), reference.scores(data, "reconstruction"), rtol=1e-5)


@pytest.mark.parametrize("how", SCORES)
def test_a_score_is_its_rows_own(oracle, how: str) -> None:
    _, reference, data, _ = oracle
    scores = reference.scores(data, how)
    assert scores.shape == (80,) and np.isfinite(scores).all()
    order = np.random.default_rng(0).permutation(80)
    np.testing.assert_allclose(reference.scores(data[order], how), scores[order], rtol=1e-4)
    np.testing.assert_allclose(reference.scores(data[:1], how), scores[:1], rtol=1e-4)


def test_unknown_score() -> None:
    with pytest.raises(LatentryError, match="Did you mean 'neighbours'"):
        check_score("neighbors", ("auto",))
