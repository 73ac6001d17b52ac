"""Rows that are made: what they are, given what, and that nothing is broken on the way."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from latentry import VAE
from latentry.errors import LatentryError
from latentry.jobs import Combinations, Inequality, Range, Synthesizer, Unique, synthesis
from latentry.jobs.tabular import Tabular, passes

N = 500


def table(n: int = N) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    big = rng.random(n) < 0.3
    made = pd.DataFrame(
        {
            "row": [f"r{i}" for i in range(n)],
            "size": pd.Categorical(np.where(big, "L", "S"), ["S", "M", "L"]),
            "low": rng.integers(0, 50, n),
            "price": rng.normal(np.where(big, 100.0, 10.0), 2.0).round(2).astype("float32"),
            "when": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D"),
            "flag": big ^ (rng.random(n) < 0.02),
            "city": rng.choice(["Rome", "Oslo", "Bonn"], n, p=[0.6, 0.37, 0.03]),
            "unit": "kg",
        }
    )
    made["country"] = made.city.map({"Rome": "IT", "Oslo": "NO", "Bonn": "DE"})
    made["high"] = made.low + rng.integers(0, 9, n)
    made.loc[rng.random(n) < np.where(big, 0.5, 0.05), "city"] = None
    return made


def small(**given):
    return Tabular(latent=4, hidden=(32,), components=4, batch_size=50, epochs=60, lr=0.01, **given)


@pytest.fixture(scope="module")
def plain():
    return Synthesizer(small(), random_state=0).fit(table())


@pytest.fixture(scope="module")
def bound():
    given = table().drop(columns=["row"])
    given.loc[given.city.isna(), "country"] = None
    rules = (
        Inequality("low", "high"),
        Combinations("city", "country"),
        Range("price", 0, 120),
        Unique("price"),
    )
    given = given.drop_duplicates("price")
    return given, Synthesizer(small(), constraints=rules, random_state=0).fit(given)


def test_rows_are_of_the_types_and_columns_that_went_in(plain):
    made, real = plain.sample(400, seed=1), table()
    assert list(made.columns) == list(real.columns)
    assert made.dtypes.equals(real.dtypes)
    assert len(made) == 400
    assert (made.unit == "kg").all()
    assert made.row.is_unique
    assert not set(made.row) & set(real.row)
    assert 0.05 < made.city.isna().mean() < 0.4
    assert set(made.city.dropna()) == {"Rome", "Oslo", "Bonn"}
    assert 0.1 < (made["size"] == "L").mean() < 0.5


def test_a_seed_makes_the_same_rows_and_another_others(plain):
    a, b, other = (plain.sample(50, seed=s) for s in (3, 3, 4))
    pd.testing.assert_frame_equal(a, b)
    assert not a.equals(other)
    pd.testing.assert_frame_equal(plain.sample(5), plain.sample(5))


def test_any_cells_can_be_fixed_and_exactly_so_many_rows_come(plain):
    made = plain.sample(300, {"size": "L", "unit": "kg"}, seed=0)
    assert len(made) == 300
    assert (made["size"] == "L").all()
    assert made.price.median() == pytest.approx(100, abs=10)
    assert made.flag.mean() > 0.8
    fixed = pd.DataFrame({"price": np.float32([9.5, 101.25]), "flag": [False, True]})
    both = plain.sample(conditions=fixed, seed=0)
    assert both.price.tolist() == [9.5, 101.25]
    assert both.flag.tolist() == [False, True]
    assert both.dtypes.equals(table().dtypes)


def test_a_cell_can_be_fixed_as_missing(plain):
    made = plain.sample(300, {"city": None}, seed=0)
    assert made.city.isna().all()
    # Where L is ten times as often without a city, most rows without one are L.
    assert (made["size"] == "L").mean() > 0.6
    seen = plain.sample(300, {"city": "Rome"}, seed=0)
    assert (seen["size"] == "L").mean() < 0.35


def test_a_class_can_be_balanced(plain):
    made = plain.sample(90, balance="city", seed=0)
    assert made.city.value_counts().to_dict() == {"Rome": 30, "Oslo": 30, "Bonn": 30}


def test_dates_are_fixed_by_their_text(plain):
    made = plain.sample(5, {"when": "2020-02-03"}, seed=0)
    assert (made.when == pd.Timestamp("2020-02-03")).all()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"siez": "L"}, "'siez', which the table does not have. Did you mean 'size'"),
        ({"city": "Room"}, "'Room', which is no level of it; .* Did you mean 'Rome'"),
        ({"size": None}, "'size' as missing, which it never was"),
        ({"unit": "lb"}, "'unit' = lb, but it was 'kg' in every row"),
        ({"low": -3}, "'low' = -3, which lies outside of 0 to inf"),
        ({"when": "soon"}, "'soon', which is no date"),
        (3, "The conditions are a int"),
        (pd.DataFrame({"size": ["S"]}), "have 1 rows, but n=2 rows"),
    ],
)
def test_conditions_that_cannot_be_are_told(plain, given, said):
    with pytest.raises(LatentryError, match=said):
        plain.sample(2, given)


def test_other_mistakes_are_told(plain):
    for call, said in [
        (lambda: plain.sample(0), "n=0 rows"),
        (lambda: plain.sample(4, balance="price"), "'price' is no column of levels"),
        (lambda: plain.sample(4, {"city": "Rome"}, balance="city"), "fixed by the conditions"),
        (lambda: plain.sample(4, draws=1), "draws=1 is too few"),
        (lambda: Synthesizer("vae").fit(table()), "is no model"),
        (lambda: Synthesizer().fit([[1.0, 2.0]]), "A table with named columns is needed"),
        (lambda: Synthesizer(constraints=[Range("prize", 0)]).fit(table()), "Did you mean 'price'"),
    ]:
        with pytest.raises(LatentryError, match=said):
            call()


def test_constraints_hold_in_every_row(bound):
    real, synthesizer = bound
    made = synthesizer.sample(1000, seed=0)
    assert list(made.columns) == list(real.columns)
    assert made.dtypes.equals(real.dtypes)
    assert (made.low <= made.high).all()
    assert made.price.is_unique
    assert made.price.between(0, 120).all()
    pairs = {tuple(map(str, p)) for p in real[["city", "country"]].to_numpy()}
    assert {tuple(map(str, p)) for p in made[["city", "country"]].to_numpy()} <= pairs


def test_constraints_hold_given_cells(bound):
    _, synthesizer = bound
    made = synthesizer.sample(200, {"country": "NO", "high": 20}, seed=0)
    assert (made.city == "Oslo").all()
    assert (made.high == 20).all()
    assert (made.low <= 20).all()
    assert made.low.nunique() > 3
    assert (synthesizer.sample(100, {"low": 45}, seed=0).high >= 45).all()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"low": 9, "high": 3}, "fix low = 9 and high = 3, against low <= high"),
        ({"city": "Rome", "country": "NO"}, "city = Rome and country = NO, which no row"),
        ({"price": 1.0}, "one value of price in several rows"),
        ({"price": 500.0}, "lies outside of 0 to 120"),
    ],
)
def test_conditions_against_a_constraint_are_told(bound, given, said):
    with pytest.raises(LatentryError, match=said):
        bound[1].sample(2, given)


def test_a_saved_synthesizer_makes_the_same_rows(bound, tmp_path):
    _, synthesizer = bound
    synthesizer.save(tmp_path / "kept")
    again = Synthesizer.load(tmp_path / "kept")
    for given in (None, {"country": "NO", "low": 4}):
        a, b = (s.sample(40, given, seed=1) for s in (synthesizer, again))
        pd.testing.assert_frame_equal(a, b)
    assert again.constraints == synthesizer.constraints


def test_held_out_rows_are_scored(bound, plain):
    real, synthesizer = bound
    assert np.isfinite(synthesizer.score(real[:50]))
    odd = table().assign(flag=lambda t: ~t.flag)
    assert plain.score(table()) > plain.score(odd)


def test_any_model_of_the_zoo_can_be_given():
    made = Synthesizer(VAE(latent=2, epochs=2), random_state=0).fit(table())
    assert (made.sample(30, {"size": "L"})["size"] == "L").all()


def test_codes_are_drawn_from_what_was_asked_for():
    real = table(200)
    drawn = {}
    for name in ("auto", "prior", "posterior"):
        made = Synthesizer(small(), sampler=name, random_state=0).fit(real, epochs=1)
        drawn[name] = made.sample(20)
    pd.testing.assert_frame_equal(drawn["auto"], drawn["posterior"])
    assert not drawn["auto"].equals(drawn["prior"])
    with pytest.raises(LatentryError, match="sampler='prio' is no density .* 'prior'"):
        Synthesizer(small(), sampler="prio").fit(real, epochs=1)


def test_numbers_alone_are_a_table_too():
    rng = np.random.default_rng(0)
    real = pd.DataFrame(rng.normal(size=(200, 2)), columns=["a", "b"])
    made = Synthesizer(small(), random_state=0).fit(real, epochs=2).sample(20, {"a": 0.5})
    assert (made.a == 0.5).all()


def test_polars_tables_come_back_as_such():
    polars = pytest.importorskip("polars")
    real = polars.DataFrame({"a": ["x", "y"] * 50, "b": list(range(50)) * 2})
    made = Synthesizer(small(), random_state=0).fit(real, epochs=1)
    drawn = made.sample(10, {"a": "x"})
    assert drawn.schema == real.schema
    assert drawn["a"].to_list() == ["x"] * 10


def test_it_is_a_scikit_learn_estimator():
    given = Synthesizer(small(), constraints=(Range("a", 0),), random_state=1)
    assert clone(given).get_params(deep=False)["constraints"] == (Range("a", 0),)


def test_large_tables_take_fewer_passes():
    assert passes(100, 500) == 300
    assert passes(10**7, 500) == 5


def test_nothing_warns_of_what_is_not_the_users(plain):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain.sample(10, {"city": "Oslo"})


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_codes_are_drawn_from_some_rows_of_a_large_table(library, monkeypatch):
    pytest.importorskip(library)
    monkeypatch.setattr(synthesis, "CODES", 60)
    real = pd.DataFrame({"a": ["x", "y"] * 50, "b": list(range(50)) * 2})
    if library != "pandas":
        of = pytest.importorskip("polars").from_pandas(real)
        real = of.to_arrow() if library == "pyarrow" else of
    made = Synthesizer(small(), random_state=0).fit(real, epochs=1)
    assert len(made.estimator_.samplers_["posterior"].centres) == 48  # a fifth is held out
    assert type(made.sample(5)) is type(real)
