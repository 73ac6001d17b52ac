"""Every named model on a table of mixed columns with missing cells."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from safetensors.torch import load_file

import latentry
from latentry import VAE, LatentryError
from latentry.training.progress import Silent
from latentry.zoo import models

# What a model is that a row of mixed columns cannot be given to, and what it says.
REFUSED = {
    "not-miwae": "columns of several kinds: use the likelihood columns",
    "sigma-vae": "columns of several kinds: use the likelihood columns",
}
MODELS = sorted(set(models()) - set(REFUSED))
SMALL = {"latent": 2, "hidden": (8,), "epochs": 1, "random_state": 0}

pytestmark = pytest.mark.filterwarnings("ignore:ConditionalVAE was fitted without")


def table(n: int = 130) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    town = rng.choice(["Ulm", "Bonn", "Kiel"], n)
    frame = pd.DataFrame(
        {
            "id": [f"r{i:03d}" for i in range(n)],
            "town": pd.Categorical(town),
            "income": np.round(rng.lognormal(3 + (town == "Ulm"), 0.5), 2),
            "grade": rng.integers(1, 5, n),
            "member": rng.random(n) < 0.2 + 0.6 * (town == "Kiel"),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
        }
    )
    frame.loc[::7, "town"] = np.nan
    frame.loc[::11, "income"] = np.nan
    return frame


@pytest.mark.parametrize("name", MODELS)
def test_it_learns_a_mixed_table(name: str, tmp_path) -> None:
    frame = table()
    model = models()[name](**SMALL).fit(frame)
    rows = frame.head(9)
    assert np.isfinite(model.transform(rows)).all()
    assert np.isfinite(model.score_samples(rows)).all()
    for made in (model.sample(9, seed=0), model.reconstruct(rows)):
        pd.testing.assert_series_equal(made.dtypes, frame.dtypes)
        assert made[["income", "grade", "member", "since"]].notna().any().all()
    model.save(tmp_path / "m")
    again = latentry.load(tmp_path / "m")
    np.testing.assert_array_equal(again.score_samples(rows), model.score_samples(rows))
    pd.testing.assert_frame_equal(again.sample(5, seed=1), model.sample(5, seed=1))


@pytest.mark.parametrize("name", ["vae", "ae", "rae", "vamp-prior-vae", "vae-gan", "hvae", "geco"])
def test_it_learns_a_table_of_levels_alone(name: str) -> None:
    frame = table()[["town", "member"]]
    model = models()[name](**SMALL).fit(frame)
    pd.testing.assert_series_equal(model.sample(4, seed=0).dtypes, frame.dtypes)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_cannot_learn_one_says_so(name: str) -> None:
    with pytest.raises(LatentryError, match=REFUSED[name]):
        models()[name](**SMALL).fit(table())


@pytest.fixture(scope="module")
def vae() -> VAE:
    return VAE(**SMALL).fit(table())


def test_unseen_levels_count_as_missing_and_are_told_once(vae: VAE) -> None:
    new = table().head(8).assign(town="Rom")
    with pytest.warns(UserWarning, match="count as missing: 8 in 'town'") as said:
        codes = vae.transform(new)
    assert len(said) == 1
    np.testing.assert_array_equal(codes, vae.transform(new.assign(town=None)))


def test_columns_are_found_by_name_and_may_be_empty(vae: VAE) -> None:
    rows = table().head(8)
    turned = rows[list(rows)[::-1]].drop(columns="id")
    np.testing.assert_array_equal(vae.score_samples(turned), vae.score_samples(rows))
    for name in ("town", "income", "since", "member"):
        assert np.isfinite(vae.score_samples(rows.assign(**{name: None}))).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="grade"), "lacks the column 'grade'"),
        (lambda f: f.rename(columns={"grade": "grades"}), "Did you mean 'grades'"),
        (lambda f: f.assign(other=1), "has the column 'other' that the model was not trained on"),
        (lambda f: f.assign(income=-np.inf), r"an infinite value \(-inf\) in row 0"),
        (lambda f: f.assign(income=1e39), "an infinite value"),
        (lambda f: f.assign(income="much"), "'income' holds text"),
        (lambda f: f.assign(since=["2020-01-01", datetime.date(2020, 1, 1)] * 4), "mixes types"),
        (lambda f: f.assign(since="12020-01-01"), "which is no date, or out of range"),
        (lambda f: pd.concat([f, f[["town"]]], axis=1), "Two columns are named 'town'"),
    ],
)
def test_what_is_wrong_with_new_rows_is_told_in_a_sentence(
    vae: VAE, change: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    for use in (vae.transform, vae.reconstruct, vae.score_samples):
        with pytest.raises(LatentryError, match=message):
            use(change(table().head(8)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.assign(income=np.nan), "'income' holds no value at all"),
        (lambda f: f.assign(income=[1.5, "much"] * 65), "'income' mixes types"),
        (lambda f: f.assign(income=np.inf), "an infinite value"),
        (lambda f: f.assign(grade=[0.0, np.inf] * 65), "an infinite value"),
        (lambda f: pd.concat([f, f[["town"]]], axis=1), "Two columns are named 'town'"),
    ],
)
def test_what_is_wrong_with_training_rows_is_told_in_a_sentence(
    change: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    with pytest.raises(LatentryError, match=message):
        VAE(**SMALL).fit(change(table()))


def test_a_path_between_rows_of_a_table(vae: VAE) -> None:
    frame = table()
    ends = vae.reconstruct(frame.iloc[[0, 5]])
    for path in ("straight", "spherical", "geodesic"):
        made = vae.interpolate(frame.iloc[0], frame.iloc[[5]], 4, path=path)
        learned = list(frame)[1:]
        expected = pd.DataFrame(ends)[learned]
        got = pd.DataFrame(made)[learned].iloc[[0, 3]].reset_index(drop=True)
        pd.testing.assert_frame_equal(got, expected, rtol=1e-4)


@pytest.mark.parametrize("library", ["pandas", "polars", "arrow"])
def test_rows_come_back_as_the_table_that_they_were(library: str) -> None:
    frame = table().drop(columns="since")
    give: dict[str, Callable[[], object]] = {
        "pandas": lambda: frame,
        "polars": lambda: pl.from_pandas(frame),
        "arrow": lambda: pa.Table.from_pandas(frame, preserve_index=False),
    }
    x = give[library]()
    est = VAE(**SMALL).fit(x)
    for made in (
        est.sample(9, seed=0),
        est.reconstruct(x),
        est.inverse_transform(np.zeros((3, 2))),
    ):
        assert type(made) is type(x)
        own = x.schema.names if isinstance(x, pa.Table) else list(x.columns)  # type: ignore[attr-defined]
        assert (made.schema.names if isinstance(made, pa.Table) else list(made.columns)) == own
    if isinstance(x, pa.Table):
        assert made.schema.equals(x.schema.remove_metadata())


class Stopping(Silent):
    """Stops a training after its second epoch."""

    def epoch(self, row) -> None:
        if row["epoch"] == 2:
            raise KeyboardInterrupt


def test_a_fit_that_was_stopped_ends_like_one_that_was_not(tmp_path) -> None:
    how = {**SMALL, "epochs": 4}
    VAE(**how).fit(table(), folder=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        VAE(**how).fit(table(), folder=tmp_path / "half", progress=Stopping())
    VAE(**how).fit(table(), folder=tmp_path / "half")
    a, b = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "half"))
    assert all(torch.equal(a[key], b[key]) for key in a)
