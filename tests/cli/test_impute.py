"""Filling the gaps of a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from latentry.jobs import fillers

from .conftest import Cli

TINY = ("--members", 1, "--draws", 5)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fillers, "STEPS", 10)


@pytest.fixture
def holes(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    kind = rng.choice(["oak", "elm"], 80)
    frame = pd.DataFrame(
        {
            "kind": kind,
            "rings": pd.array(rng.poisson(30, 80), dtype="Int64"),
            "height": rng.normal(np.where(kind == "oak", 20, 10), 2),
        }
    )
    frame.loc[::9, "height"] = np.nan
    frame.loc[3:5, "rings"] = pd.NA
    frame.loc[7, "kind"] = None
    frame.to_csv(tmp_path / "holes.csv", index=False)
    return tmp_path / "holes.csv"


def test_a_file_comes_back_whole(cli: Cli, holes: Path) -> None:
    said = cli("impute", holes, "-o", "full.csv", *TINY)
    assert said.code == 0, said.err
    assert "full.csv: 13 cells filled: 9 of height, 3 of rings, 1 of kind." in said.out
    before, after = holes.read_text().splitlines(), Path("full.csv").read_text().splitlines()
    assert len(before) == len(after)
    for a, b in zip(before, after, strict=True):
        pairs = list(zip(a.split(","), b.split(","), strict=True))
        assert all(y == x or (x == "" and y != "") for x, y in pairs)
    assert cli("impute", holes, "-o", "full.csv", *TINY).code == 2  # it stands there already


def test_numbers_parquet_and_several_imputations(cli: Cli, holes: Path) -> None:
    table = pd.read_csv(holes).drop(columns="kind").astype({"rings": "Int64"})
    table.to_parquet("holes.parquet")
    args = ("impute", "holes.parquet", "-o", "full.parquet", "--samples", 3, "--json", *TINY)
    said = json.loads(cli(*args).out)
    assert said["filled"] == {"rings": 3, "height": 9} and said["imputations"] == 3
    full = pd.read_parquet("full.parquet")
    assert list(full) == ["imputation", "rings", "height"] and not full.isna().any(axis=None)
    pd.testing.assert_series_equal(full.dtypes[1:], table.dtypes)
    first, last = (full[full["imputation"] == i].reset_index(drop=True) for i in (1, 3))
    assert (first["height"] != last["height"]).sum() == 9


def test_mistakes_are_told(cli: Cli, holes: Path) -> None:
    def said(*args: object) -> str:
        done = cli("impute", *args, *TINY)
        assert done.code == 2
        return done.err

    assert "check the path" in said("hole.csv", "-o", "f.csv")
    assert "written as .csv or .parquet" in said(holes, "-o", "f.npy")
    assert "--samples 0" in said(holes, "-o", "f.csv", "--samples", 0)
    assert "Did you mean" in said(holes, "-o", "f.csv", "--model", "not-miwaee")
    table = pd.read_csv(holes)
    table.dropna().to_csv("whole.csv", index=False)
    assert "whole.csv has no missing cell" in said("whole.csv", "-o", "f.csv")
    Path("none.csv").write_text("a,b\n,\n,\n")
    assert "none.csv has no cell that is filled" in said("none.csv", "-o", "f.csv")
    assert not Path("f.csv").exists()


def test_any_table_comes_back_in_its_kinds(cli: Cli, holes: Path) -> None:
    table = pd.read_csv(holes)
    day = pd.Timestamp("2021-03-01") + pd.to_timedelta(np.arange(80) % 17, unit="D")
    whole = table.assign(
        age=np.arange(80) % 40, day=day.strftime("%Y-%m-%d"), never=np.nan, name=[*range(80)]
    )
    whole.loc[10:12, "day"] = None
    whole.to_csv("wild.csv", index=False)
    said = cli("impute", "wild.csv", "-o", "full.csv", *TINY)
    assert said.code == 0, said.err
    assert "16 cells filled" in said.out
    assert "Left empty, since no cell says what belongs there: never." in said.out
    assert "known cells that were hidden from learning, numbers are off by" in said.out
    assert "% of levels are false (PFC)" in said.out
    full = pd.read_csv("full.csv", dtype=str)
    assert list(full) == list(whole) and full["never"].isna().all()
    assert not full.drop(columns="never").isna().any(axis=None)
    assert full["age"].tolist() == [str(i % 40) for i in range(80)]
    assert full["day"].str.fullmatch(r"2021-03-\d\d").all()
    assert not full["rings"].str.contains(".", regex=False)[3:6].any()
    said = cli("impute", "wild.csv", "-o", "b.csv", "--no-check", *TINY)
    assert said.code == 0 and "hidden" not in said.out


def test_an_imputer_is_kept_and_used_on_other_rows(cli: Cli, holes: Path) -> None:
    said = cli("impute", holes, "-o", "a.csv", "--keep", "filler", *TINY)
    assert said.code == 0, said.err
    table = pd.read_csv(holes)
    table.iloc[:, ::-1].to_csv("turned.csv", index=False)
    said = cli("impute", "turned.csv", "-o", "b.csv", "--use", "filler")
    assert said.code == 0 and "Learning" not in said.err, said.err
    pd.testing.assert_frame_equal(pd.read_csv("a.csv"), pd.read_csv("b.csv"))
    table.assign(more=1).to_csv("more.csv", index=False)
    table.drop(columns="rings").to_csv("less.csv", index=False)
    for given, words in [
        (["turned.csv", "--use", "filler", "--members", 2], "--members goes with learning"),
        (["more.csv", "--use", "filler"], "'more', which was not learned; leave it out with"),
        (["less.csv", "--use", "filler"], "less.csv has no column 'rings'"),
        (["filler"], "name it by --use filler"),
    ]:
        found = cli("impute", *given, "-o", "c.csv")
        assert (found.code, words in found.err) == (2, True), found.err
        assert not Path("c.csv").exists()


def test_a_page_tells_how_good_the_fills_are(cli: Cli, holes: Path) -> None:
    said = cli("impute", holes, "-o", "a.csv", "--report", "page.html", "--json", *TINY)
    assert said.code == 0, said.err
    hidden = {each.pop("column"): each for each in said.json["hidden"]}
    assert hidden["kind"]["cells"] == 8 and 0 <= hidden["kind"]["pfc"] <= 1
    assert hidden["height"]["rmse"] > 0 and 0 <= hidden["height"]["coverage"] <= 1
    assert "13 missing cells in" in Path("page.html").read_text("utf-8")
    assert not pd.read_csv("a.csv").isna().any(axis=None)
