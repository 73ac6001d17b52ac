"""The verbs that use a trained model."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import latentry

from .conftest import Cli


def _size(path: str) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


@pytest.mark.parametrize("how", ["mean", "sample", "average"])
def test_encode_gives_the_estimators_codes(cli: Cli, vae_run: Path, files: Path, how: str) -> None:
    said = cli("encode", vae_run, files / "images.npz", "-o", "codes.csv", "--how", how)
    assert (said.code, said.err) == (0, "")
    assert said.out == f"codes.csv: 300 codes of 2 numbers ({how}).\n"
    table = pd.read_csv("codes.csv")
    assert list(table.columns) == ["z1", "z2"]
    x = np.load(files / "images.npz")["x"]
    expected = latentry.load(vae_run).encode(x, how)  # type: ignore[arg-type]
    np.testing.assert_allclose(table.to_numpy(), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("extension", [".npy", ".npz", ".csv", ".parquet"])
def test_codes_survive_every_format(cli: Cli, vae_run: Path, files: Path, extension: str) -> None:
    codes = f"codes{extension}"
    assert cli("encode", vae_run, files / "images.npz", "-o", codes).code == 0
    assert cli("decode", vae_run, codes, "-o", "decoded.npy").code == 0
    assert cli("reconstruct", vae_run, files / "images.npz", "-o", "again.npy").code == 0
    decoded, again = np.load("decoded.npy"), np.load("again.npy")
    assert decoded.shape == again.shape == (300, 8, 8)
    assert decoded.dtype == np.uint8
    assert np.abs(decoded.astype(int) - again).max() <= 1


def test_samples_are_images_of_the_data(cli: Cli, vae_run: Path) -> None:
    said = cli("sample", vae_run, "-n", 9, "-o", "samples.png", "--json")
    assert said.json["shape"] == [9, 8, 8]
    assert said.json["codes_from"] == "the prior"
    assert _size("samples.png")[0] > 3 * 8
    assert cli("sample", vae_run, "-n", 9, "-o", "samples.gif").code == 0


def test_a_seed_repeats_samples(cli: Cli, vae_run: Path) -> None:
    for out, seed in (("a.npy", 1), ("b.npy", 1), ("c.npy", 2)):
        assert cli("sample", vae_run, "-n", 4, "-o", out, "--seed", seed).code == 0
    a, b, c = (np.load(f"{name}.npy") for name in "abc")
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_an_ae_says_where_its_samples_come_from(cli: Cli, ae_run: Path) -> None:
    said = cli("sample", ae_run, "-n", 4, "-o", "samples.npy")
    assert "Gaussian mixture fitted to the codes" in said.out


def test_samples_from_a_fitted_density(cli: Cli, ae_run: Path, class_run: Path) -> None:
    for run, given in ((ae_run, ()), (class_run, ("--condition", "3"))):
        copied = shutil.copytree(run, run.name + run.parent.name)
        said = cli("sample", copied, "-n", 4, "-o", "no.npy", "--sampler", "kde", *given)
        assert said.code == 2
        assert said.err == (
            "Error: --sampler kde has not been fitted to this run; fit it with: latentry"
            f" fit-sampler {copied} --sampler kde\n"
        )
        said = cli("fit-sampler", copied, "--sampler", "kde")
        assert (said.code, said.err) == (0, "")
        assert said.out.startswith(f"{copied}: sampler kde, as asked; mean log density of 60 held-")
        again = cli("sample", copied, "-n", 4, "-fo", "kde.npy", *given, "--json")
        assert again.json["codes_from"] == "Gaussian kernels about the codes"
        assert (
            cli("sample", copied, "-n", 4, "-fo", "same.npy", "--sampler", "kde", *given).code == 0
        )
        assert np.array_equal(np.load("kde.npy"), np.load("same.npy"))


def test_a_density_that_does_not_suit_is_told(cli: Cli, vae_run: Path, files: Path) -> None:
    run = shutil.copytree(vae_run, "run")
    before = {path.name for path in Path("run").iterdir()}
    said = cli("fit-sampler", run, files / "images.npz", "--sampler", "codes")
    assert said.code == 2
    assert "sampler='codes' does not suit this model: the codes of VAE are points" in said.err
    said = cli("fit-sampler", run, "--sampler", "guassian")
    assert "'guassian' is no density of codes; there are auto, prior, normal" in said.err
    assert {path.name for path in Path("run").iterdir()} == before
    said = cli("fit-sampler", run, "--sampler", "normal", "--json")
    assert said.json["sampler"] == "normal"
    assert said.json["scores"]["normal"]["mean"] < 0
    assert cli("sample", run, "-n", 1, "-o", "one.npy", "--sampler", "auto").code == 2


def test_a_table_keeps_its_columns(cli: Cli, table_run: Path, files: Path) -> None:
    assert cli("sample", table_run, "-n", 5, "-o", "new.csv").code == 0
    assert list(pd.read_csv("new.csv").columns) == ["width", "height", "depth"]
    assert cli("reconstruct", table_run, files / "table.csv", "-o", "again.parquet").code == 0
    assert pd.read_parquet("again.parquet").shape == (120, 3)


def test_samples_of_listed_classes(cli: Cli, class_run: Path) -> None:
    said = cli("sample", class_run, "-n", 2, "--condition", "3,7", "-o", "some.npy", "--json")
    assert said.json["shape"] == [4, 8, 8]
    said = cli("sample", class_run, "-n", 2, "--condition", "33", "-o", "none.npy")
    assert said.code == 2
    assert "33 is no class of this model" in said.err
    said = cli("sample", class_run, "-n", 2, "-o", "none.npy")
    assert said.code == 2
    assert "condition" in said.err


def test_a_conditional_model_reads_its_condition_from_the_data(
    cli: Cli, class_run: Path, files: Path
) -> None:
    assert cli("encode", class_run, files / "images.npz", "-o", "codes.npy").code == 0
    assert cli("interpolate", class_run, files / "images.npz", 0, 1, "-o", "path.npy").code == 0
    assert cli("evaluate", class_run, files / "images.npz").code == 0
    said = cli("encode", class_run, files / "rows.npy", "-o", "other.npy")
    assert said.code == 2
    assert not Path("other.npy").exists()


def test_a_path_between_two_rows(cli: Cli, vae_run: Path, files: Path) -> None:
    args = ("interpolate", vae_run, files / "images.npz", 3, 5, "--steps", 7)
    assert cli(*args, "-o", "path.npy").code == 0
    assert cli(*args, "-o", "path.png").code == 0
    assert cli("reconstruct", vae_run, files / "images.npz", "-o", "again.npy").code == 0
    path, again = np.load("path.npy"), np.load("again.npy")
    assert path.shape == (7, 8, 8)
    assert np.abs(path[[0, -1]].astype(int) - again[[3, 5]]).max() <= 1
    width, height = _size("path.png")
    assert width > 6 * height  # one row
    said = cli(*args, "--path", "geodesic", "-o", "short.npy", "--json")
    assert said.json["path"] == "geodesic"
    assert np.array_equal(np.load("short.npy")[[0, -1]], path[[0, -1]])
    said = cli(*args, "--path", "spherica", "-o", "no.npy")
    assert said.code == 2
    assert said.err.endswith("Did you mean 'spherical'?\n")
    said = cli("interpolate", vae_run, files / "images.npz", 3, 300, "-o", "no.npy")
    assert said.code == 2
    assert said.err.endswith("has no row 300; its 300 rows count from 0 to 299.\n")


def test_scores_are_in_nats(cli: Cli, vae_run: Path, files: Path) -> None:
    said = cli("score", vae_run, files / "images.npz", "-o", "scores.csv")
    assert said.code == 0
    assert "nats for each row" in said.out
    scores = pd.read_csv("scores.csv")["score"].to_numpy()
    said = cli("score", vae_run, files / "images.npz", "--json")
    assert said.json["rows"] == 300
    np.testing.assert_allclose(said.json["mean"], scores.mean(), rtol=1e-4)
    assert said.json["lowest"] == scores.argmin()


def test_what_exists_is_not_overwritten_unless_forced(cli: Cli, vae_run: Path) -> None:
    Path("mine.npy").write_text("mine")
    said = cli("sample", vae_run, "-n", 4, "-o", "mine.npy")
    assert said.code == 2
    assert "exists already" in said.err
    assert Path("mine.npy").read_text() == "mine"
    assert cli("sample", vae_run, "-n", 4, "-o", "mine.npy", "--force").code == 0
    assert np.load("mine.npy").shape == (4, 8, 8)
