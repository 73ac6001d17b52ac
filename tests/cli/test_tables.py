"""Tables of mixed columns, from file to file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from .conftest import Cli

TINY = ("--latent", 2, "--hidden", 8, "--epochs", 2, "--quiet")


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    kind = rng.choice(["oak", "elm"], 120)
    frame = pd.DataFrame(
        {
            "kind": kind,
            "rings": rng.poisson(30, 120),
            "height": np.round(rng.normal(np.where(kind == "oak", 20, 10), 2), 1),
            "felled": (pd.Timestamp("2020-01-01") + pd.to_timedelta(range(120), "D")).astype(str),
        }
    )
    frame.loc[::9, "height"] = np.nan
    frame.to_csv(tmp_path / "trees.csv", index=False)
    (tmp_path / "schema.json").write_text('{"rings": "real"}')
    return tmp_path / "trees.csv"


def test_what_the_columns_of_a_file_are(cli: Cli, trees: Path) -> None:
    said = cli("data", trees)
    assert said.code == 0
    assert "rows of 4 mixed columns, some missing" in said.out
    assert "binary, 2 levels (" in said.out and "11.7% missing" in said.out
    told = json.loads(cli("data", trees, "--schema", "schema.json", "--json").out)
    assert told["columns"]["rings"].startswith("real, ")
    said = cli("data", trees, "--schema", "none.json")
    assert said.code == 2 and "'none.json' cannot be read" in said.err


@pytest.mark.filterwarnings("default:Cells with a level")
def test_from_a_table_to_a_table(cli: Cli, trees: Path) -> None:
    assert cli("fit", trees, "--schema", "schema.json", "--out", "run", *TINY).code == 0
    schema = json.loads(Path("run/model.json").read_text())["schema"]
    assert [c["kind"] for c in schema["table"]] == ["binary", "real", "real", "datetime"]
    assert Path("run/report.html").is_file()
    assert cli("sample", "run", "-n", 30, "-o", "s.csv").code == 0
    made, real = pd.read_csv("s.csv"), pd.read_csv(trees)
    pd.testing.assert_series_equal(made.dtypes, real.dtypes)
    assert set(made["kind"]) <= {"oak", "elm"} and len(made) == 30
    # One row, with a level and a gap that the training data did not have.
    Path("new.csv").write_text("felled,kind,height,rings\n2020-05-01,ash,12.5,\n")
    said = cli("encode", "run", "new.csv", "-o", "z.csv")
    assert said.code == 0 and "count as missing: 1 in 'kind'" in said.err
    assert np.isfinite(pd.read_csv("z.csv")).all(axis=None)
    assert cli("reconstruct", "run", trees, "-o", "r.parquet", "--json").code == 0
    assert list(pd.read_parquet("r.parquet")) == list(real)
    said = cli("sample", "run", "-o", "s.npy")
    assert said.code == 2 and "is written as .csv or .parquet" in said.err
    assert cli("evaluate", "run", trees).code == 0
    assert cli("report", "run", "--quiet").code == 0
