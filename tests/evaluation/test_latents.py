from __future__ import annotations

import numpy as np
import pytest
import torch
from oracle import Oracle
from sklearn.datasets import load_digits

from latentry import AE, VAE, ConditionalVAE
from latentry.core.priors import StandardNormal
from latentry.data.schema import Schema
from latentry.data.transforms import Transform
from latentry.evaluation.latents import (
    active_units,
    aggregate_gap,
    class_index,
    cluster_agreement,
    continuity,
    holes,
    knn_accuracy,
    latents,
    linear_probe,
    trustworthiness,
)
from latentry.evaluation.points import filled, nearest

KEYS = {
    "active_units", "aggregate_gap", "holes", "probe_100", "probe_1000", "probe_all", "knn_100",
    "knn_1000", "knn_all", "trustworthiness", "continuity", "nmi", "ari",
}  # fmt: skip


def exact(oracle: Oracle, x: np.ndarray) -> VAE:
    """An estimator that holds the exact model of its data."""
    est = VAE(latent=2)
    est.model_ = oracle.model.eval()
    est.schema_ = Schema.infer(x)
    est.scaler_ = Transform(est.schema_)
    est.condition_ = est.sampler_ = None
    est.n_features_in_ = x.shape[1]
    return est


@pytest.fixture
def oracle() -> Oracle:
    return Oracle()


@pytest.fixture
def rows(oracle: Oracle) -> np.ndarray:
    return oracle.draw(1200).numpy()


def prior_scale(oracle: Oracle, scale: torch.Tensor) -> None:
    prior = oracle.model.prior
    assert isinstance(prior, StandardNormal)
    prior.scale.copy_(scale)


def test_a_dimension_is_active_when_its_mean_moves() -> None:
    z = np.random.default_rng(0).normal(size=(500, 3))
    z = (z - z.mean(0)) / z.std(0)
    assert active_units(z * [1, 0.2, 0.05]) == 2  # variances 1, 0.04, 0.0025
    assert active_units(np.ones((5, 4))) == 0


def test_the_gap_by_its_definition() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(4, 2)), rng.normal(size=(3, 2))
    scale = 2 * b.var(0).sum()

    def k(x: np.ndarray, y: np.ndarray) -> float:
        sizes = np.array([0.1, 0.2, 0.5, 1, 2, 5, 10]) * scale
        return float((sizes / (sizes + ((x - y) ** 2).sum())).mean())

    own_a = np.mean([k(a[i], a[j]) for i in range(4) for j in range(4) if i != j])
    own_b = np.mean([k(b[i], b[j]) for i in range(3) for j in range(3) if i != j])
    cross = np.mean([k(x, y) for x in a for y in b])
    assert aggregate_gap(a, b) == pytest.approx(own_a + own_b - 2 * cross)


def test_the_gap_is_zero_for_one_law_and_grows_with_the_distance() -> None:
    rng = np.random.default_rng(0)
    draws, same, other = rng.normal(size=(3, 1000, 2))
    assert abs(aggregate_gap(same, draws)) < 2e-3
    gaps = [aggregate_gap(other + shift, draws) for shift in (0.5, 1, 3, 100)]
    assert gaps == sorted(gaps)
    assert 0.01 < gaps[0] < gaps[-1] < 2
    with pytest.raises(ValueError, match="mmd or frechet"):
        aggregate_gap(same, draws, "kl")


def test_the_gap_between_gaussians_in_closed_form() -> None:
    z = np.random.default_rng(0).normal(size=(300, 3))
    z -= z.mean(0)
    white = z @ np.linalg.inv(np.linalg.cholesky(np.cov(z.T))).T
    moved = 2 * white + [3.0, 0, 4]
    assert aggregate_gap(moved, white, "frechet") == pytest.approx(25 + 3)
    assert aggregate_gap(white, white, "frechet") == pytest.approx(0, abs=1e-6)
    assert aggregate_gap(white[:, :1], white[:, 1:2] + 1, "frechet") == pytest.approx(1)


def test_codes_that_fill_the_prior_leave_no_holes(oracle: Oracle, rows: np.ndarray) -> None:
    """Draws from the exact posterior over the data have the law of the prior."""
    assert holes(exact(oracle, rows), rows, n=4000) == pytest.approx(0.01, abs=0.012)


def test_a_prior_that_is_too_wide_has_holes(oracle: Oracle, rows: np.ndarray) -> None:
    est = exact(oracle, rows)
    prior_scale(oracle, torch.full((2,), 1000.0))
    share = holes(est, rows)
    assert share is not None
    assert share > 0.99
    assert holes(est, rows, seed=3) == holes(est, rows, seed=3)
    assert holes(est, rows[:7]) is None


def test_a_decoder_that_says_one_thing_has_no_holes(oracle: Oracle, rows: np.ndarray) -> None:
    est = exact(oracle, rows)
    with torch.no_grad():
        oracle.model.likelihood.body.w.zero_()
    assert holes(est, rows) == 0


def test_the_nearest_row_and_the_mean_where_nothing_was_observed() -> None:
    data = np.array([[0.0, 0], [3, 4]])
    np.testing.assert_allclose(nearest(np.array([[0.0, 1], [3, 2], [3, 4]]), data), [1, 2, 0])
    gaps = torch.tensor([[1.0, torch.nan], [3.0, torch.nan], [torch.nan, torch.nan]])
    assert torch.equal(filled(gaps), torch.tensor([[1.0, 0], [3, 0], [2, 0]]))


def test_probes_of_what_is_known() -> None:
    rng = np.random.default_rng(0)
    z = rng.uniform(-1, 1, size=(800, 2))
    z += 0.2 * np.sign(z)
    half = (z[:, 0] > 0).astype(int)
    crossed = half ^ (z[:, 1] > 0)
    chance = rng.integers(0, 2, 800)
    for y, linear, near in ((half, 1, 1), (crossed, 0.5, 1), (chance, 0.5, 0.5)):
        split = z[:500], y[:500], z[500:], y[500:]
        for measure, expected in ((linear_probe, linear), (knn_accuracy, near)):
            found = measure(*split, sizes=(100, 1000, None))
            assert set(found) == {100, 1000, None}
            assert found[1000] is None
            assert found[100] == pytest.approx(expected, abs=0.12)
            assert found[None] == pytest.approx(expected, abs=0.12)
            if expected == 1:
                assert found[None] == 1


def test_no_class_is_missing_from_the_few_labels() -> None:
    y = np.array([0] * 900 + [1] * 99 + [2])
    z = np.eye(3)[y]
    found = knn_accuracy(z, y, z, y, sizes=(100,))
    assert found[100] == pytest.approx(0.999)  # one row is outvoted
    assert linear_probe(z, y, np.eye(3), np.arange(3), sizes=(10,))[10] == 1
    assert linear_probe(z[:900], y[:900], z, y) == {100: None, 1000: None, None: None}


def test_trustworthiness_by_its_definition() -> None:
    rng = np.random.default_rng(0)
    x, z, k, n = rng.normal(size=(30, 4)), rng.normal(size=(30, 2)), 3, 30

    def ranks(a: np.ndarray) -> np.ndarray:
        distance = np.linalg.norm(a[:, None] - a[None], axis=-1)
        return distance.argsort(1).argsort(1)  # 0 is the row itself

    def trust(data: np.ndarray, codes: np.ndarray) -> float:
        far, near = ranks(data), ranks(codes)
        intruders = (near >= 1) & (near <= k) & (far > k)
        return 1 - 2 / (n * k * (2 * n - 3 * k - 1)) * float((far - k)[intruders].sum())

    assert trustworthiness(x, z, k) == pytest.approx(trust(x, z))
    assert continuity(x, z, k) == pytest.approx(trust(z, x))
    assert trustworthiness(x, 5 * x, k) == continuity(x, 5 * x, k) == 1
    assert trustworthiness(x[:6], z[:6], k) is None


def test_a_fold_keeps_neighbours_and_a_tear_does_not() -> None:
    line = np.linspace(0, 1, 200)
    ring = np.stack([np.cos(2 * np.pi * line), np.sin(2 * np.pi * line)], 1)
    # Cut open, the ring's codes are trusted, but its two ends have come apart.
    trusted, kept = trustworthiness(ring, line), continuity(ring, line)
    assert trusted is not None
    assert kept is not None
    assert trusted > 0.999
    assert kept < 0.99


def test_clusters_that_are_the_classes() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat([3, 5, 9], 40)
    z = rng.normal(size=(120, 2)) * 0.1 + y[:, None]
    assert cluster_agreement(z, y) == {"nmi": pytest.approx(1), "ari": pytest.approx(1)}
    assert cluster_agreement(z, rng.permutation(y))["ari"] == pytest.approx(0, abs=0.05)
    assert cluster_agreement(np.zeros((120, 2)), y) == {"nmi": 0, "ari": 0}


def test_what_labels_are_classes() -> None:
    assert class_index(None) is None
    assert class_index(np.linspace(0, 1, 9)) is None
    assert class_index(np.ones(9, int)) is None
    assert class_index([f"name {i}" for i in range(9)]) is None
    for labels in (["b", "a", "b", None], [2.0, 1.0, 2.0, np.nan], np.array([True, False, True])):
        found = class_index(labels)
        assert found is not None
        rows, index = found
        assert rows.tolist() == [0, 1, 2]
        assert index.tolist() == [1, 0, 1]


def test_all_figures_of_the_exact_model(oracle: Oracle, rows: np.ndarray) -> None:
    est = exact(oracle, rows)
    labels = np.where(est.transform(rows)[:, 1] > 0, "up", "down")
    found = latents(est, rows, labels)
    assert set(found) == KEYS
    assert found["active_units"] == 2
    # Draws from the exact posterior over the data are draws from the prior.
    assert found["aggregate_gap"] == pytest.approx(0, abs=2e-3)
    assert found["probe_all"] == pytest.approx(1, abs=0.01)
    assert found["knn_all"] == pytest.approx(1, abs=0.05)
    assert found["probe_100"] == pytest.approx(1, abs=0.1)
    assert found["probe_1000"] is None  # seven tenths of 1,200 rows are 840
    assert all(isinstance(found[k], float) for k in KEYS - {"probe_1000", "knn_1000"})
    assert latents(est, rows, labels) == found


def test_what_the_model_or_the_data_lacks_is_none() -> None:
    images = load_digits().images[:120].astype(np.uint8)  # pyright: ignore
    ae = AE(latent=2, hidden=(16,), epochs=1, random_state=0).fit(images)
    found = latents(ae, images)
    lacks = KEYS - {"active_units", "holes", "trustworthiness", "continuity"}
    assert {k for k, v in found.items() if v is None} == lacks
    assert latents(ae, images[:1])["active_units"] is None


def test_a_conditional_model_with_gaps_in_its_data() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 60)
    x = rng.normal(size=(120, 4)) + y[:, None]
    x[rng.random(x.shape) < 0.1] = np.nan
    model = ConditionalVAE(latent=2, hidden=(16,), epochs=1, random_state=0, prior="learned")
    found = latents(model.fit(x, condition=y), x, y, condition=y)
    assert all(v is not None for k, v in found.items() if not k.endswith(("_100", "_1000")))
