from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from latentry import AE, VAE, Imputer, LatentryError, NotMIWAE
from latentry.jobs import fillers

RNG = np.random.default_rng(0)
HIDDEN = RNG.normal(size=(300, 1))
WHOLE = 5 + HIDDEN * [1.0, -1.0, 2.0, 0.5] + 0.2 * RNG.normal(size=(300, 4))
GAPS = RNG.random(WHOLE.shape) < 0.2
HOLEY = np.where(GAPS, np.nan, WHOLE)
TINY = VAE(latent=2, hidden=(8,), epochs=3)


def rmse(filled: Any) -> float:
    error = (np.asarray(filled) - WHOLE) / WHOLE.std(0)
    return float(np.sqrt((error[GAPS] ** 2).mean()))


def mixed() -> tuple[pd.DataFrame, pd.DataFrame]:
    """A table whose columns all follow from one number, and the same with gaps."""
    rng = np.random.default_rng(1)
    h = rng.normal(size=240)
    whole = pd.DataFrame(
        {
            "size": np.round(10 + 2 * h + 0.2 * rng.normal(size=240), 2),
            "kind": pd.Categorical(np.where(h > 0, "oak", "elm")),
            "rings": np.round(30 + 10 * h + rng.normal(size=240)).astype("int64"),
            "grove": "north",
        },
        index=np.arange(240) + 7,
    )
    holey = whole.astype({"rings": "Int64"})
    for name in ("size", "kind", "rings"):
        holey.loc[rng.random(240) < 0.2, name] = None
    holey.loc[holey.index[:5], "grove"] = None
    return whole, holey


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fillers, "STEPS", 150)
        yield


@pytest.fixture(scope="module")
def imputer(quick: None) -> Imputer:
    return Imputer(members=2, draws=100, random_state=0).fit(HOLEY)


def test_check_estimator_with_no_expected_failure() -> None:
    small = VAE(latent=2, hidden=(4,), epochs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_estimator(Imputer(small, members=1, draws=2, finish=True, random_state=0))


def test_gaps_are_filled_far_better_than_by_the_mean(imputer: Imputer) -> None:
    filled = imputer.transform(HOLEY)
    assert filled.dtype == np.float64
    np.testing.assert_array_equal(filled[~GAPS], WHOLE[~GAPS])
    assert rmse(filled) < 0.5  # the column means have 1
    np.testing.assert_array_equal(imputer.transform(WHOLE), WHOLE)
    assert imputer.transform(HOLEY.astype(np.float32)).dtype == np.float32


def test_the_same_seed_gives_the_same_fills() -> None:
    imputer = Imputer(TINY, members=2, draws=10, random_state=0)
    filled = imputer.fit_transform(HOLEY)
    np.testing.assert_array_equal(clone(imputer).fit_transform(HOLEY), filled)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(imputer)).transform(HOLEY), filled)


def test_multiple_imputations_spread_about_the_truth(imputer: Imputer) -> None:
    made = imputer.sample(HOLEY, 40, seed=1)
    assert made.shape == (40, *WHOLE.shape)
    np.testing.assert_array_equal(made[:, ~GAPS], np.tile(WHOLE[~GAPS], (40, 1)))
    np.testing.assert_array_equal(imputer.sample(HOLEY, 2, seed=1), made[:2])
    low, high = np.quantile(made, [0.05, 0.95], axis=0)
    assert ((low <= WHOLE) & (high >= WHOLE))[GAPS].mean() > 0.8
    assert ((high - low) / WHOLE.std(0))[GAPS].mean() < 2.5  # the column alone: 3.3
    assert rmse(made.mean(0)) == pytest.approx(rmse(imputer.transform(HOLEY)), abs=0.06)
    imputer.how = "draw"
    assert rmse(imputer.transform(HOLEY)) > rmse(made.mean(0))
    imputer.how = "mean"


def test_tables_of_numbers_keep_their_types() -> None:
    table = pd.DataFrame(HOLEY, columns=list("abcd"), index=np.arange(300)[::-1])
    table["n"] = pd.array(np.rint(WHOLE[:, 0]).astype(int), dtype="Int64")
    table.loc[table.index[:9], "n"] = pd.NA
    table["one"] = 3.0
    table.loc[table.index[3], "one"] = np.nan
    made = Imputer(TINY, members=1, draws=10, random_state=0).fit_transform(table)
    pd.testing.assert_series_equal(made.dtypes, table.dtypes)
    pd.testing.assert_frame_equal(made.where(table.notna()), table)
    assert not made.isna().any(axis=None) and (made["one"] == 3.0).all()


def test_mixed_tables_come_back_whole() -> None:
    whole, holey = mixed()
    imputer = Imputer(members=1, draws=50, random_state=0).fit(holey)
    made = imputer.transform(holey)
    assert not made.isna().any(axis=None)
    pd.testing.assert_index_equal(made.index, holey.index)
    pd.testing.assert_series_equal(made.dtypes, holey.dtypes)
    for name in holey:
        seen = holey[name].notna()
        pd.testing.assert_series_equal(made.loc[seen, name], holey.loc[seen, name])
    gone = holey["kind"].isna()
    assert (made["kind"] == whole["kind"])[gone].mean() > 0.8
    assert (made["grove"] == "north").all()
    gone = holey["size"].isna()
    assert (made["size"] - whole["size"])[gone].std() < 0.6 * whole["size"].std()
    a, b = imputer.sample(holey, 2)
    assert (a["size"] != b["size"]).any() and list(a) == list(holey)
    with pytest.raises(LatentryError, match="fitted on a table of mixed columns"):
        imputer.transform(HOLEY)


def test_polars_tables_come_back_as_such() -> None:
    pl = pytest.importorskip("polars")
    numbers = pl.DataFrame({"a": HOLEY[:, 0], "b": HOLEY[:, 1], "n": [None, *range(299)]})
    made = Imputer(TINY, members=1, draws=10, random_state=0).fit_transform(numbers)
    assert made.schema == numbers.schema and made.null_count().sum_horizontal().item() == 0
    assert not made["a"].is_nan().any() and made["n"][1:].to_list() == list(range(299))
    text = numbers.with_columns(s=pl.Series(["x", "y", None] * 100))
    made = Imputer(TINY, members=1, draws=10, random_state=0).fit_transform(text)
    assert made.schema == text.schema and set(made["s"]) == {"x", "y"}


def test_indicators_and_names() -> None:
    table = pd.DataFrame(HOLEY, columns=list("abcd"))
    table["d"] = WHOLE[:, 3]
    imputer = Imputer(TINY, members=1, draws=5, add_indicator=True, random_state=0)
    made = imputer.fit_transform(table)
    added = [f"missingindicator_{c}" for c in "abc"]
    assert list(imputer.get_feature_names_out()) == [*"abcd", *added] == list(made)
    np.testing.assert_array_equal(made[added], GAPS[:, :3])
    array = clone(imputer).fit_transform(table.to_numpy())
    assert array.shape == (300, 7)
    made = clone(imputer).set_output(transform="pandas").fit_transform(table.to_numpy())
    assert list(made)[4] == "missingindicator_x0"


def test_values_missing_for_what_they_are() -> None:
    whole = WHOLE[:, :3]
    high = whole[:, 0] > 5.5
    holey = whole.copy()
    holey[high, 0] = np.nan
    aware = NotMIWAE(mechanism="self-masking-known", latent=1, hidden=(16,), epochs=60, lr=5e-3)
    filled = Imputer(aware, members=1, draws=100, random_state=0).fit_transform(holey)
    assert filled[high, 0].mean() > np.nanmean(holey[:, 0]) + 0.5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": "VAE"}, "is no model"),
        ({"model": AE(latent=1, hidden=(4,), epochs=10**6)}, "has no bound"),  # before it learns
        ({"how": "means"}, "Did you mean 'mean'"),
        ({"draws": 0}, "draws=0"),
        ({"members": 1.5}, "members=1.5"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], said: str) -> None:
    with pytest.raises(LatentryError, match=said):
        Imputer(**options).fit(HOLEY)


def test_data_that_cannot_be_filled(imputer: Imputer) -> None:
    empty = HOLEY.copy()
    empty[:, 1] = np.nan
    with pytest.raises(LatentryError, match="column 1 has no value at all"):
        Imputer().fit(empty)
    with pytest.raises(LatentryError, match="column 'b' has no value at all"):
        Imputer().fit(pd.DataFrame(empty, columns=list("abcd")))
    with pytest.raises(LatentryError, match="infinite value in row 0, column 0"):
        Imputer().fit(np.where(np.arange(4) == 0, np.inf, HOLEY))
    with pytest.raises(LatentryError, match="m=0"):
        imputer.sample(HOLEY, 0)
