"""Estimators on tables of mixed columns, as a person gives and gets them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

import latentry
from latentry import VAE, LatentryError
from latentry.core.columns import Columns
from latentry.core.holes import impute
from latentry.data import arrays, load
from latentry.data.datasets import Dataset
from latentry.persistence import read_info

SMALL = {"latent": 2, "hidden": (16,), "epochs": 2, "random_state": 0}


def table(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    town = rng.choice(["Ulm", "Bonn", "Kiel"], n)
    frame = pd.DataFrame(
        {
            "id": np.arange(n),
            "town": pd.Categorical(town),
            "income": np.round(rng.lognormal(3 + (town == "Ulm"), 0.5), 2),
            "member": rng.random(n) < 0.5,
            "country": "DE",
        }
    )
    frame.loc[::7, "town"] = np.nan
    return frame


def test_names_and_numbers_of_features_are_those_of_the_table() -> None:
    model = VAE(**SMALL).fit(table())
    assert model.n_features_in_ == 5
    assert list(model.feature_names_in_) == list(table())
    assert model.schema_.columns == ("town", "income", "member")
    assert (model.likelihood_, model.net_) == ("columns", "mlp")
    assert list(model.get_feature_names_out()) == ["vae0", "vae1"]


def test_columns_may_come_in_another_order_and_without_those_not_learned() -> None:
    frame = table()
    model = VAE(**SMALL).fit(frame)
    codes = model.transform(frame)
    np.testing.assert_array_equal(model.transform(frame[list(frame)[::-1]]), codes)
    np.testing.assert_array_equal(model.transform(frame.drop(columns=["id", "country"])), codes)
    with pytest.raises(LatentryError, match="lacks the column 'town'"):
        model.transform(frame.drop(columns="town"))
    with pytest.raises(LatentryError, match="was given a list"):
        model.transform([[1.0, 2.0, 3.0]])


def test_scores_do_not_depend_on_the_batch() -> None:
    frame = table()
    model = VAE(**SMALL).fit(frame)
    scores = model.score_samples(frame)
    np.testing.assert_allclose(model.score_samples(frame[50:60]), scores[50:60], rtol=1e-5)
    gaps = frame.assign(income=np.nan)
    assert np.isfinite(model.score_samples(gaps)).all()


def test_samples_have_gaps_as_the_data_have_and_reconstructions_none() -> None:
    frame = table(700)
    model = VAE(**(SMALL | {"epochs": 5})).fit(frame)
    made = model.sample(2000, seed=0)
    assert made["town"].isna().mean() == pytest.approx(1 / 7, abs=0.05)
    assert made[["income", "member"]].notna().all(axis=None)
    assert model.reconstruct(frame)["town"].notna().all()
    assert model.sample(3, how="mean", seed=0)["town"].notna().all()


def test_tables_of_numbers_stay_arrays_unless_the_schema_says_otherwise() -> None:
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(100, 3)), columns=list("abc"))
    frame["n"] = np.arange(100) % 30
    assert VAE(**SMALL).fit(frame).schema_.kind == "vector"
    model = VAE(**SMALL).fit(frame, schema={"n": "count"})
    assert model.schema_.kind == "table"
    assert {c.name: c.kind for c in model.schema_.table}["n"] == "count"
    pd.testing.assert_series_equal(model.sample(4, seed=0).dtypes, frame.dtypes)
    loaded = Dataset("d", frame.to_numpy(), columns=tuple(frame))
    assert VAE(**SMALL).fit(loaded, schema={"n": "ordinal"}).schema_.kind == "table"
    with pytest.raises(LatentryError, match="Did you mean 'n'"):
        VAE(**SMALL).fit(frame, schema={"nn": "count"})
    with pytest.raises(LatentryError, match="A table with named columns is needed"):
        VAE(**SMALL).fit(frame.to_numpy(), schema={"n": "count"})


def test_polars_in_and_out() -> None:
    frame = pl.DataFrame({"x": np.arange(60) / 7, "s": ["a", "b", None] * 20, "n": [1, 2, 7] * 20})
    model = VAE(**SMALL).fit(frame)
    made = model.sample(5, seed=0)
    assert isinstance(made, pl.DataFrame) and made.schema == frame.schema
    assert model.reconstruct(frame).schema == frame.schema


def test_conditions_stand_beside_the_columns() -> None:
    frame = table()
    model = latentry.ConditionalVAE(**SMALL).fit(
        frame.drop(columns="member"), condition=frame["member"]
    )
    assert len(model.sample(4, condition=[True, False, True, True], seed=0)) == 4


def test_a_likelihood_for_all_numbers_is_refused() -> None:
    with pytest.raises(LatentryError, match="use the likelihood columns"):
        VAE(**SMALL, likelihood="bernoulli").fit(table())
    with pytest.raises(LatentryError, match="for tables of mixed columns"):
        VAE(**SMALL, likelihood="columns").fit(np.random.default_rng(0).normal(size=(50, 3)))
    with pytest.raises(LatentryError, match="needs images|use the net mlp"):
        VAE(**SMALL, net="conv").fit(table())
    assert VAE(**SMALL, likelihood="columns:components=1").fit(table()).model_.likelihood


def test_the_user_s_own_nets_see_what_an_mlp_sees() -> None:
    model = VAE(**SMALL, encoder=torch.nn.LazyLinear(8), decoder=torch.nn.LazyLinear(8))
    assert len(model.fit(table()).sample(3, seed=0)) == 3


def test_an_unfinished_run_goes_on_and_keeps_its_schema(tmp_path) -> None:
    frame = table()
    whole = VAE(**SMALL).fit(frame, folder=tmp_path / "run", schema={"income": "real"})
    info = read_info(tmp_path / "run")
    kinds = {c["name"]: c["kind"] for c in info["schema"]["table"]}
    assert kinds["income"] == "real" and json.dumps(info)
    again = latentry.load(tmp_path / "run")
    assert again.schema_ == whole.schema_
    np.testing.assert_array_equal(again.transform(frame), whole.transform(frame))


def test_evaluation_interpolation_and_missing_cells() -> None:
    frame = table()
    model = VAE(**SMALL).fit(frame)
    found = model.evaluate(frame, draws=5)
    assert found["nll"] is not None and found["bits_per_dim"] is None
    assert 0 <= found["mse"] < 3
    assert any("densities per unit" in note for note in found["notes"])
    path = model.interpolate(frame.head(1), frame.tail(1), steps=4)
    assert list(path) == list(frame) and len(path) == 4
    (x, c), *_ = model._batches(frame.assign(income=np.nan))
    full = impute(model.model_, x, c, 20, seed=0, how="draw")
    assert full.isfinite().all()
    px = model.model_.decode(model.model_.encode(x).mean)
    assert isinstance(px, Columns) and px.log_probs(x).shape == x.shape


def test_gaps_are_imputed_in_the_table() -> None:
    frame = table()
    model = latentry.MissingIWAE(**SMALL, draws=3).fit(frame)
    for how in ("mean", "draw"):
        full = model.impute(frame, how, draws=10)
        pd.testing.assert_series_equal(full.dtypes, frame.dtypes)
        assert full.notna().all(axis=None)
        seen = frame["town"].notna()
        pd.testing.assert_frame_equal(full[seen], frame[seen])


def test_no_column_drowns_another() -> None:
    """A column of tiny variance, one of 1,000 levels and a binary one: all of them are learned."""
    rng = np.random.default_rng(0)
    n = 3000
    side = rng.random(n) < 0.5
    code = rng.integers(0, 500, n) + 500 * side
    frame = pd.DataFrame(
        {
            "side": side,
            "tiny": 1e-7 * (side + 0.2 * rng.normal(size=n)),
            "huge": 1e6 * (side + 0.2 * rng.normal(size=n)),
            "code": code.astype(str),
        }
    )
    model = VAE(latent=2, hidden=(64,), epochs=25, random_state=0).fit(frame)
    for gap in ("side", "tiny", "huge", "code"):
        shown = frame.assign(
            **{
                gap: pd.Series([None] * n, dtype=frame[gap].dtype)
                if gap != "side"
                else pd.array([None] * n, dtype="boolean")
            }
        )
        again = model.reconstruct(shown.head(500))
        truth = side[:500]
        found = {
            "side": again["side"] == truth,
            "tiny": (again["tiny"] > 0.5e-7) == truth,
            "huge": (again["huge"] > 0.5e6) == truth,
            "code": (again["code"].astype(int) >= 500) == truth,
        }[gap]
        assert found.mean() > 0.93, gap


def test_rows_that_stand_in_a_file_train_as_rows_in_memory_do(tmp_path, monkeypatch) -> None:
    path = tmp_path / "t.parquet"
    table().to_parquet(path)
    fitted = []
    for most in (arrays.IN_MEMORY, 100):
        monkeypatch.setattr(arrays, "IN_MEMORY", most)
        rows = load(path)
        assert isinstance(rows.x, np.memmap) == (most == 100)
        fitted.append(VAE(**SMALL).fit(rows).transform(rows))
    np.testing.assert_array_equal(*fitted)
