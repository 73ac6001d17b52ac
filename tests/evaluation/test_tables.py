"""Figures of synthetic tables against tables of which they are known."""

import numpy as np
import pandas as pd
import pytest

from latentry.errors import LatentryError
from latentry.evaluation.tables import (
    closeness,
    compare_tables,
    copies,
    detection,
    pair_trends,
    rare_levels,
    tails,
    utility,
)


def table(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=n)
    kind = np.where(a + 0.3 * rng.normal(size=n) > 0, "up", "down")
    kind[rng.random(n) < 0.02] = "odd"
    made = pd.DataFrame({"a": a, "b": 2 * a + rng.normal(size=n), "kind": kind})
    made["wide"] = rng.exponential(size=n) ** 3
    made["when"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 99, n), unit="D")
    made.loc[rng.random(n) < 0.1, "kind"] = None
    return made


def test_rows_of_the_same_source_are_as_good_as_can_be():
    real, made, held = (table(700, seed) for seed in (0, 1, 2))
    found = compare_tables(real, made, held, target="kind")
    assert found["shapes"] > 0.93
    assert found["pairs"] > 0.87
    assert found["quality"] == pytest.approx((found["shapes"] + found["pairs"]) / 2)
    assert abs(found["detection"] - 0.5) < 0.08
    assert found["distance"] == pytest.approx(1, abs=0.1)
    assert found["utility"] == pytest.approx(found["utility_real"], abs=0.1)
    assert found["utility_of"] == "accuracy"
    assert found["rare"] == 1.0
    assert found["copies"] == 0.0
    assert found["tails"] == pytest.approx(1, abs=0.6)


def test_shapes_are_one_minus_the_known_distances():
    real = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "k": ["a", "a", "b", "b"]})
    made = pd.DataFrame({"x": [3.0, 4.0, 5.0, 6.0], "k": ["a", "a", "a", "b"]})
    found = compare_tables(
        pd.concat([real] * 10, ignore_index=True), pd.concat([made] * 10, ignore_index=True)
    )
    assert found["columns"] == {"x": pytest.approx(0.5), "k": pytest.approx(0.75)}


def test_pairs_see_what_columns_alone_do_not():
    rng = np.random.default_rng(0)
    a = rng.uniform(-1, 1, size=2000)
    level = np.where(a > 0, "p", "n")
    real = pd.DataFrame({"a": a, "b": a, "k": level})
    made = pd.DataFrame({"a": a, "b": rng.permutation(a), "k": rng.permutation(level)})
    found = pair_trends(real, made, ["a", "b"])
    assert found["a x b"] == pytest.approx(0.5, abs=0.03)
    assert found["a x k"] == pytest.approx(0.5, abs=0.06)
    assert pair_trends(real, real, ["a", "b"]) == {"a x b": 1, "a x k": 1, "b x k": 1}


def test_rare_levels_and_tails():
    real = pd.DataFrame({"k": ["a"] * 97 + ["b", "c", "d"], "w": np.arange(100.0) ** 8})
    made = real.assign(k=["a"] * 99 + ["c"], w=real.w / 2)
    assert rare_levels(real, made, ["w"]) == pytest.approx(1 / 3)
    assert tails(real, made, ["w"]) == pytest.approx(0.5)
    assert rare_levels(real[["w"]], made[["w"]], ["w"]) is None
    assert tails(real[["k"]], made[["k"]], []) is None


def test_copies_and_rows_that_are_too_close_are_told():
    real, held = table(400, 0), table(400, 1)
    assert copies(real, real) == 1.0
    assert copies(real, held) == 0.0
    assert closeness(real, real, held) == 0.0
    near = real.assign(a=real.a + 1e-4)
    assert closeness(real, near, held) < 0.1


def test_a_classifier_tells_what_differs():
    real = table(600, 0)
    assert detection(real, table(600, 1).assign(b=0.0)) > 0.95


def test_utility_of_classes_and_of_numbers():
    train, test = table(800, 0), table(800, 1)
    two = [f[f.kind.isin(["up", "down"])] for f in (train, test)]
    score, what = utility(*two, "kind")
    assert what == "AUROC"
    assert score > 0.9
    score, what = utility(train, test, "b")
    assert what == "R squared"
    assert score > 0.6
    assert utility(two[0].assign(kind="up"), two[1], "kind") == (0.5, "AUROC")


def test_mistakes_are_told():
    real = table(50, 0)
    with pytest.raises(LatentryError, match="different columns"):
        compare_tables(real, real.drop(columns="a"))
    with pytest.raises(LatentryError, match="target='kinds' .* Did you mean 'kind'"):
        compare_tables(real, real, target="kinds")
