"""`latentry fit` and `latentry resume`, as a person sees them."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import latentry
from latentry.errors import Interrupted

from .conftest import TINY, Cli


def test_a_finished_run_has_its_files(cli: Cli, files: Path, tmp_path: Path) -> None:
    args = [each for each in TINY if each != "--no-report"]
    said = cli("fit", files / "images.npz", *args, "--out", "run")
    assert (said.code, said.out) == (0, "")
    run = tmp_path / "run"
    for name in ("model.json", "model.safetensors", "history.csv", "report.html"):
        assert (run / name).stat().st_size > 0
    assert list((run / "figures").glob("*.png"))
    assert not list(run.rglob("*.pkl"))
    assert json.loads((run / "model.json").read_text())["status"] == "finished"


def test_it_says_what_was_chosen_and_what_to_do_next(cli: Cli, files: Path) -> None:
    args = [each for each in TINY if each != "--quiet"]
    said = cli("fit", files / "images.npz", *args, "--out", "run")
    assert said.code == 0
    assert "Chosen: likelihood gaussian-shared" in said.out
    assert "30 rows that were held out" in said.out
    assert "nats for each row" in said.out
    assert "The run is in run" in said.out
    assert "latentry sample run -n 100 -o samples.png" in said.out


def test_json_is_one_object_and_nothing_else(cli: Cli, files: Path) -> None:
    args = [each for each in TINY if each != "--quiet"]
    said = cli("fit", files / "images.npz", *args, "--out", "run", "--json")
    assert said.out.count("\n") == 1
    assert said.json["run"] == "run"
    assert said.json["model"] == "VAE"
    assert said.json["evaluation"]["elbo"] < 0
    assert said.json["seed"] == 0


def test_a_run_without_a_name_gets_a_free_one(cli: Cli, files: Path, tmp_path: Path) -> None:
    for name in ("images-vae", "images-vae-2"):
        assert cli("fit", files / "images.npz", *TINY, "--json").json["run"] == f"runs/{name}"
        assert (tmp_path / "runs" / name / "model.json").exists()


def test_the_options_reach_the_model(cli: Cli, files: Path) -> None:
    own = ("--model", "beta-vae", "--beta", "2.5", "--hidden", "24,12", "--hidden", "6")
    args = (*TINY[:4], "--no-report", "--quiet", "--out", "run", *own)
    assert cli("fit", files / "rows.npy", *args).code == 0
    est = latentry.load("run")
    assert isinstance(est, latentry.BetaVAE)
    assert (est.beta, est.hidden, est.latent) == (2.5, (24, 12, 6), 2)


def test_a_seed_makes_the_same_weights(cli: Cli, files: Path) -> None:
    for name in ("a", "b"):
        assert cli("fit", files / "images.npz", *TINY, "--out", name).code == 0
    a, b = (load_file(f"{name}/model.safetensors") for name in ("a", "b"))
    assert all(np.array_equal(a[key], b[key]) for key in a)


def test_rows_become_images_with_a_shape(cli: Cli, files: Path) -> None:
    assert cli("fit", files / "rows.npy", "--shape", "8x8", *TINY, "--out", "run").code == 0
    assert latentry.load("run").schema_.shape == (1, 8, 8)
    said = cli("reconstruct", "run", files / "rows.npy", "-o", "out.npy")
    assert said.code == 0
    assert np.load("out.npy").shape == (300, 8, 8)


def test_a_column_becomes_the_condition(cli: Cli, files: Path) -> None:
    args = ("--model", "conditional-vae", "--condition", "kind")
    assert cli("fit", files / "table.csv", *args, *TINY, "--out", "run").code == 0
    assert latentry.load("run").condition_.classes == ("elm", "oak")
    assert cli("encode", "run", files / "table.csv", "-o", "codes.csv").code == 0


def test_an_existing_run_is_not_touched_unless_forced(cli: Cli, files: Path) -> None:
    fit = ("fit", files / "images.npz", *TINY, "--out", "run")
    assert cli(*fit).code == 0
    before = Path("run/model.safetensors").read_bytes()
    said = cli(*fit, "--epochs", 3)
    assert said.code == 2
    assert "run holds a run already" in said.err
    assert "--force" in said.err
    assert Path("run/model.safetensors").read_bytes() == before
    assert cli(*fit, "--epochs", 3, "--force").code == 0
    assert Path("run/model.safetensors").read_bytes() != before
    assert [p.name for p in Path().iterdir()] == ["run"]


def test_a_failed_fit_leaves_the_old_run_as_it_was(cli: Cli, files: Path, tmp_path: Path) -> None:
    assert cli("fit", files / "images.npz", *TINY, "--out", "run").code == 0
    before = Path("run/model.safetensors").read_bytes()
    args = ("--likelihood", "poisson", "--force", "--out", "run")
    said = cli("fit", files / "table.csv", "--label", "kind", *TINY, *args)
    assert said.code == 2
    assert Path("run/model.safetensors").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_a_folder_that_is_no_run_is_never_replaced(cli: Cli, files: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("five years")
    said = cli("fit", files / "images.npz", *TINY, "--out", "mine", "--force")
    assert said.code == 2
    assert said.err == "Error: mine exists and is no run; name a new folder with --out.\n"
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "five years"


def test_ctrl_c_saves_and_says_how_to_go_on(
    cli: Cli, command: list[str], files: Path, tmp_path: Path
) -> None:
    args = ["--epochs", "100000", "--compile", "false", "--hidden", "16", "--out", "run"]
    fit = [*command, "fit", str(files / "images.npz"), *args]
    process = subprocess.Popen(fit, cwd=tmp_path, stdout=-1, stderr=-1, text=True)
    assert process.stderr is not None
    line = process.stderr.readline()
    while line and not line.startswith("epoch"):
        line = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, ""), err
    assert "latentry resume run" in err
    assert "Traceback" not in err
    assert cli("info", "run", "--json").json["status"] == "interrupted"
    said = cli("encode", "run", files / "images.npz", "-o", "codes.npy")
    assert said.code == 2
    assert "latentry resume run" in said.err


def test_a_resumed_run_ends_like_one_that_was_left_alone(
    cli: Cli, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("fit", files / "images.npz", *TINY, "--out", "whole").code == 0

    def stop(*args: object, **kwargs: object) -> None:
        raise Interrupted("Stopped; continue with: latentry resume run")

    with monkeypatch.context() as patch:
        patch.setattr("latentry.fitting.train", stop)
        said = cli("fit", files / "images.npz", *TINY, "--out", "run")
    assert (said.code, said.out) == (130, "")
    assert cli("resume", "run", "--no-report", "--quiet").code == 0
    a, b = (load_file(f"{name}/model.safetensors") for name in ("whole", "run"))
    assert all(np.array_equal(a[key], b[key]) for key in a)


def test_a_finished_run_needs_no_resuming(cli: Cli, vae_run: Path) -> None:
    said = cli("resume", vae_run)
    assert said.code == 2
    assert "is finished" in said.err


def test_a_run_remembers_its_data_wherever_it_is_called_from(
    cli: Cli, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(files / "table.csv", tmp_path / "mine.csv")
    args = ("--label", "kind", "--drop", "depth", *TINY, "--out", tmp_path / "run")
    assert cli("fit", "mine.csv", *args).code == 0
    data = json.loads((tmp_path / "run" / "model.json").read_text())["data"]
    assert data["data"] == str(tmp_path / "mine.csv")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert cli("report", tmp_path / "run", "--quiet").code == 0
