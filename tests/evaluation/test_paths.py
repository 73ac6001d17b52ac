from __future__ import annotations

import numpy as np
import pytest
import torch
from oracle import Oracle

from latentry import VAE, ConditionalVAE
from latentry.data.schema import Schema
from latentry.data.transforms import Transform
from latentry.evaluation.paths import _pairs, length, middle_distance, paths, smoothness

KEYS = [
    f"{kind}_{name}"
    for kind in ("straight", "spherical", "geodesic")
    for name in ("smoothness", "middle_distance", "length")
]


def exact(x: np.ndarray) -> tuple[VAE, Oracle]:
    """An estimator that holds the exact model of its data, whose decoder is linear."""
    oracle, est = Oracle(), VAE(latent=2)
    est.model_ = oracle.model.eval()
    est.schema_ = Schema.infer(x)
    est.scaler_ = Transform(est.schema_)
    est.condition_ = est.sampler_ = None
    est.n_features_in_ = x.shape[1]
    return est, oracle


ROWS = Oracle().draw(60).numpy()


def test_an_even_path_and_one_that_jumps() -> None:
    even = np.linspace(0, 1, 6)[:, None, None] * np.ones((1, 4, 4))
    assert smoothness(even) == pytest.approx(1)
    assert smoothness(1000 * even) == pytest.approx(1)
    jump = np.zeros((6, 3))
    jump[3:] = 1
    assert smoothness(jump) == pytest.approx(5)
    assert smoothness(np.ones((6, 3))) is None


def test_the_length_in_shares_of_the_straight_way() -> None:
    corner = np.array([[0.0, 0], [1, 0], [1, 1]])
    assert length(corner) == pytest.approx(2 / np.sqrt(2))
    assert length(7 * corner) == pytest.approx(2 / np.sqrt(2))
    assert length(np.linspace(0, 1, 5)[:, None]) == pytest.approx(1)
    assert length(corner[[0, 1, 0]]) is None


def test_the_middle_is_as_far_as_rows_are_apart() -> None:
    grid = 3 * np.stack(np.meshgrid(np.arange(5.0), np.arange(4.0)), -1).reshape(-1, 2)
    assert middle_distance(grid[:4], grid) == pytest.approx(0)
    assert middle_distance(grid[:4] + np.array([1.5, 0]), grid) == pytest.approx(0.5)
    assert middle_distance(np.array([[12.0, 21.0], [0, 0]]), grid) == pytest.approx((4 + 0) / 2)
    assert middle_distance(grid, np.ones((3, 2))) is None


def test_pairs_are_of_different_classes() -> None:
    rng = np.random.default_rng(0)
    y = np.array(["a"] * 18 + ["b"] * 2)
    start, end = _pairs(y, 20, 50, rng)
    assert len(start) == len(end) == 20
    assert (y[start] != y[end]).all()
    start, end = _pairs(None, 20, 8, rng)
    assert len(set(start.tolist())) == 8
    assert (start != end).all()
    start, end = _pairs([None, "a", "b", "a", "b"], 5, 50, rng)
    assert sorted(start.tolist()) == [1, 2, 3, 4]


def test_under_a_linear_decoder_straight_is_shortest() -> None:
    est, _ = exact(ROWS)
    found = paths(est, ROWS, pairs=8)
    assert list(found) == KEYS
    for kind in ("straight", "geodesic"):
        assert found[f"{kind}_length"] == pytest.approx(1, abs=1e-3)
        assert found[f"{kind}_smoothness"] == pytest.approx(1, abs=1e-2)
    assert found["spherical_length"] is not None
    assert found["spherical_length"] > 1.01
    assert paths(est, ROWS, pairs=8) == found
    assert paths(est, ROWS, pairs=8, seed=1) != found
    assert list(paths(est, ROWS, pairs=2, kinds=("straight",))) == KEYS[:3]


def test_the_middle_of_a_straight_path_by_hand() -> None:
    est, _ = exact(ROWS)
    two = ROWS[:2]
    found = paths(est, two, pairs=1, kinds=("straight",))
    middle = est.inverse_transform(est.transform(two).mean(0, keepdims=True))
    apart = np.linalg.norm(two[0] - two[1])
    expected = np.linalg.norm(two - middle, axis=1).min() / apart
    assert found["straight_middle_distance"] == pytest.approx(expected, rel=1e-4)


def test_a_decoder_that_says_one_thing_goes_nowhere() -> None:
    est, oracle = exact(ROWS)
    with torch.no_grad():
        oracle.model.likelihood.body.w.zero_()
    found = paths(est, ROWS, pairs=3)
    assert all(found[k] is None for k in KEYS if not k.endswith("distance"))
    assert all(found[k] is not None for k in KEYS if k.endswith("distance"))
    assert paths(est, ROWS[:1]) == dict.fromkeys(KEYS)


def test_a_conditional_model_keeps_the_condition_of_the_start() -> None:
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 30)
    x = rng.normal(size=(60, 3)) + 5 * y[:, None]
    model = ConditionalVAE(latent=1, hidden=(16,), epochs=1, random_state=0).fit(x, condition=y)
    found = paths(model, x, y, condition=y, pairs=4)
    assert list(found) == KEYS
    assert all(value is not None for value in found.values())
