"""`latentry compare`, as a person sees it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from .conftest import Cli

SMALL = ["--latent", "2", "--epochs", "1", "--hidden", "16", "--seeds", "2"]


def test_compare_prints_a_table_and_writes_page_and_csv(
    cli: Cli, files: Path, tmp_path: Path
) -> None:
    data = files / "images.npz"
    said = cli("compare", data, "--models", "ae,beta-vae:beta=2,latent=3", *SMALL, "--out", "both")
    assert said.code == 0, said.err
    assert "2 models on" in said.out and "1 epochs each" not in said.out
    assert "reconstruct" in said.out and "fill holes" in said.out
    assert "ae, fit 1 of 2" in said.err
    folder = tmp_path / "both"
    assert (folder / "compare.html").is_file()
    table = pd.read_csv(folder / "compare.csv", index_col="model")
    assert list(table.index) == ["ae", "beta-vae:beta=2,latent=3"]
    assert {"psnr", "psnr_se", "rank_reconstruct", "rank_anomalies"} <= set(table.columns)
    info = cli("info", folder / "beta-vae-beta-2-latent-3" / "seed-1", "--json").json
    assert info["fields"]["latent"] == 3 and info["fields"]["beta"] == 2


def test_json_and_jobs(cli: Cli, files: Path) -> None:
    data = files / "table.csv"
    said = cli(
        "compare", data, "--label", "kind", "--models", "ae,vae", *SMALL, "--seed", "5",
        "--jobs", "fill,reconstruct", "--no-report", "--json", "--quiet",
    )  # fmt: skip
    assert said.code == 0 and said.err == ""
    found = said.json
    assert found["folder"] == str(Path("runs/table-compare"))
    assert [each["job"] for each in found["recommendation"]] == ["reconstruct", "fill"]
    assert found["seeds"] == [5, 6] and found["report"] is None
    assert found["models"]["ae"]["nll"] is None
    assert found["models"]["vae"]["mse"] == pytest.approx(sum(found["values"]["vae"]["mse"]) / 2)


def test_the_same_command_again_goes_on_and_another_is_refused(cli: Cli, files: Path) -> None:
    how = [
        "compare", files / "rows.npy", "--models", "vae", "--jobs", "reconstruct", "--no-report",
        "--out", "one", "--json", *SMALL,
    ]  # fmt: skip
    first = cli(*how)
    assert cli(*how).json == first.json
    said = cli(*how, "--beta", "3")
    assert said.code == 2 and "has no field 'beta'" in said.err
    said = cli(*how, "--lr", "0.01")
    assert said.code == 2 and "with lr=0.001 for vae, not 0.01" in said.err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--models", "vaee"], "Did you mean 'vae'?"),
        (["--models", "ae,ae"], "given twice"),
        (["--budget", "soon"], "the budget 'soon' is no time"),
        (["--budget", "1m", "--epochs", "3"], "give one of them"),
        (["--jobs", "paint"], "'paint' is no job"),
        (["--seeds", "0"], "seeds=0"),
        (["--test", "1"], "test=1"),
    ],
)
def test_mistakes(cli: Cli, tmp_path: Path, args: list[str], words: str) -> None:
    said = cli("compare", "digits", *args)
    assert said.code == 2 and said.out == "" and words in said.err
    assert "Traceback" not in said.err
    assert list(tmp_path.iterdir()) == []


def test_more_models_than_fit_in_a_row_stand_below_each_other(
    cli: Cli, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    how = ["--models", "ae,vae,beta-vae", "--jobs", "reconstruct,fill", "--no-report", *SMALL]
    said = cli("compare", files / "rows.npy", *how)
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("to ..., by"))
    assert lines[start].split() == ["to", "...,", "by", "rank", "model", "figure"]
    models = [line[22:].split() for line in lines[start + 1 : start + 4]]
    assert {words[-2] for words in models} == {"ae", "vae", "beta-vae"}
    assert lines[start + 1].startswith("reconstruct") and lines[start + 4].startswith("fill holes")
