"""Tables of mixed columns, from file to file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from latentry.errors import Interrupted

from .conftest import Cli

TINY = ("--latent", 2, "--hidden", 8, "--epochs", 2, "--seed", 0, "--quiet")


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


@pytest.fixture
def run(cli: Cli, trees: Path) -> str:
    assert cli("fit", trees, "--no-report", "--out", "run", *TINY).code == 0
    return "run"


def test_every_verb_takes_a_table(cli: Cli, trees: Path, run: str) -> None:
    real = pd.read_csv(trees)
    assert cli("encode", run, trees, "-o", "z.csv").code == 0
    assert cli("decode", run, "z.csv", "-o", "d.csv").code == 0
    decoded = pd.read_csv("d.csv")
    pd.testing.assert_series_equal(decoded.dtypes, real.dtypes)
    for path in ("straight", "geodesic"):
        args = (run, trees, 0, 5, "--steps", 4, "--path", path, "-o", f"{path}.csv")
        assert cli("interpolate", *args).code == 0
        made = pd.read_csv(f"{path}.csv")
        assert len(made) == 4 and made["kind"].iloc[0] == decoded["kind"].iloc[0]
    said = cli("interpolate", run, trees, 0, 5, "-o", "path.gif")
    assert said.code == 2 and "is written as .csv or .parquet" in said.err
    assert cli("score", run, trees, "-o", "s.csv").code == 0
    assert np.isfinite(pd.read_csv("s.csv")["score"]).all()
    assert cli("fit-sampler", run, "--sampler", "mixture").code == 0
    assert "mixture" in cli("sample", run, "-n", 3, "-o", "new.csv").out


def test_every_measure_of_a_table_has_a_value_or_a_reason(cli: Cli, trees: Path, run: str) -> None:
    args = ("--measures", "all", "--draws", 2, "--label", "kind", "--factors", "kind,rings")
    said = cli("evaluate", run, trees, *args)
    assert said.code == 0 and "Traceback" not in said.err
    assert "PSNR and SSIM are for values of one kind" in said.out
    assert "Denoising: noise is added to values of one kind" in said.out
    found = cli("evaluate", run, trees, *args, "--json").json["figures"]
    assert all(found[name] is not None for name in ("frechet", "filling_rmse", "mig", "probe_all"))


def test_a_label_may_be_a_column_that_the_model_knows(cli: Cli, trees: Path, run: str) -> None:
    assert cli("encode", run, trees, "-o", "a.csv").code == 0
    assert cli("encode", run, trees, "--label", "kind", "-o", "b.csv").code == 0
    assert Path("a.csv").read_text() == Path("b.csv").read_text()
    said = cli("encode", run, trees, "--drop", "kind", "-o", "c.csv")
    assert said.code == 2 and "lacks the column 'kind'" in said.err


def test_a_table_under_a_condition(cli: Cli, trees: Path) -> None:
    args = ("--model", "conditional-vae", "--condition", "kind", "--no-report", "--out", "told")
    assert cli("fit", trees, *args, *TINY).code == 0
    assert cli("sample", "told", "-n", 4, "--condition", "oak,elm", "-o", "s.csv").code == 0
    made = pd.read_csv("s.csv")
    assert len(made) == 8 and "kind" not in made
    said = cli("sample", "told", "-n", 4, "--condition", "ook", "-o", "t.csv")
    assert said.code == 2 and "oak" in said.err
    assert cli("score", "told", trees, "-o", "scores.csv").code == 0


def test_a_resumed_run_of_a_table_ends_like_one_that_was_left_alone(
    cli: Cli, trees: Path, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*args: object, **kwargs: object) -> None:
        raise Interrupted("Stopped; continue with: latentry resume half")

    with monkeypatch.context() as patch:
        patch.setattr("latentry.fitting.train", stop)
        assert cli("fit", trees, "--no-report", "--out", "half", *TINY).code == 130
    assert cli("resume", "half", "--no-report", "--quiet").code == 0
    a, b = (load_file(f"{name}/model.safetensors") for name in (run, "half"))
    assert all(np.array_equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("rings,height", "height,height"), "two columns named 'height'"),
        (lambda text: text.replace("height,", "hight,"), "lacks the column 'height'"),
        (lambda text: text.replace("2020-01-02", "2020-13-02"), "'2020-13-02', which is no date"),
        (lambda text: text.replace("2020-01-02", "12020-01-02"), "out of range"),
        (lambda text: re.sub(r"oak,\d+", "oak,inf", text, count=1), "an infinite value (inf"),
        (lambda text: text.replace("\noak,", "\noak,many", 1), "where a number belongs"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table_is_told_in_a_sentence(
    cli: Cli, trees: Path, run: str, change: Callable[[str], str], message: str
) -> None:
    Path("bad.csv").write_text(change(trees.read_text()))
    said = cli("encode", run, "bad.csv", "-o", "z.csv")
    assert said.code == 2 and message in said.err and len(said.err.splitlines()) == 1


def test_columns_in_another_order_and_without_values(cli: Cli, trees: Path, run: str) -> None:
    frame = pd.read_csv(trees)
    frame[list(frame)[::-1]].to_csv("turned.csv", index=False)
    for name in (trees, "turned.csv"):
        assert cli("encode", run, name, "-o", f"{Path(name).stem}.z.csv").code == 0
    assert Path("trees.z.csv").read_text() == Path("turned.z.csv").read_text()
    frame.assign(height=None).to_csv("holes.csv", index=False)
    assert cli("encode", run, "holes.csv", "-o", "z.csv").code == 0
    assert np.isfinite(pd.read_csv("z.csv")).all(axis=None)
    said = cli("fit", "holes.csv", "--out", "none", *TINY)
    assert said.code == 2 and "'height' holds no value at all" in said.err


def test_a_comparison_of_a_table(cli: Cli, trees: Path) -> None:
    args = ("--models", "ae,vae", "--seeds", 1, "--epochs", 1, "--latent", 2, "--hidden", 8)
    said = cli("compare", trees, *args, "--out", "c", "--quiet")
    assert said.code == 0 and "fill holes" in said.out
    assert "Samples beside data" in Path("c/compare.html").read_text()
