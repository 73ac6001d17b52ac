"""The verbs that look: info, evaluate, report, models, data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import latentry
from latentry.cli.options import field_options

from .conftest import Cli

FIGURES = (
    "elbo", "distortion", "rate", "nll", "nll_draws", "bits_per_dim", "mse", "active_units",
    "latent_kl",
)  # fmt: skip


def test_info_tells_what_the_run_is(cli: Cli, vae_run: Path) -> None:
    said = cli("info", vae_run)
    assert said.code == 0
    assert "VAE" in said.out
    assert "images.npz" in said.out
    assert "8 x 8 grey images" in said.out
    assert cli("info", vae_run, "--json").json["fields"]["latent"] == 2


def test_evaluate_has_every_figure_with_its_unit(cli: Cli, vae_run: Path, files: Path) -> None:
    found = cli("evaluate", vae_run, files / "images.npz", "--draws", 8, "--json").json
    for name in FIGURES:
        assert name in found
        assert name in found["units"]
    assert found["nll_draws"] == 8
    assert len(found["latent_kl"]) == 2
    assert found["elbo"] == pytest.approx(-found["distortion"] - found["rate"], rel=1e-4)
    assert -found["nll"] >= found["elbo"] - 1


def test_an_ae_has_no_likelihood(cli: Cli, ae_run: Path, files: Path) -> None:
    found = cli("evaluate", ae_run, files / "images.npz", "--json").json
    assert [found[k] for k in ("elbo", "rate", "nll", "nll_draws", "bits_per_dim")] == [None] * 5
    assert found["mse"] > 0
    assert found["notes"]


def test_evaluate_for_people(cli: Cli, vae_run: Path, files: Path) -> None:
    said = cli("evaluate", vae_run, files / "images.npz", "--draws", 4)
    assert said.code == 0
    assert "VAE of" in said.out
    assert "active_units" in said.out


def test_report_makes_the_page_again(cli: Cli, vae_run: Path) -> None:
    page = vae_run / "report.html"
    page.unlink(missing_ok=True)
    said = cli("report", vae_run, "--draws", 4, "--json")
    assert said.json["report"] == str(page)
    assert page.stat().st_size > 1000


def test_models_lists_them_all(cli: Cli) -> None:
    said = cli("models")
    known = latentry.models()
    assert all(name in said.out for name in known)
    listed = cli("models", "--json").json["models"]
    assert [each["name"] for each in listed] == list(known)
    assert all(each["summary"] and each["sources"] for each in listed)


def test_models_shows_one_with_its_options(cli: Cli) -> None:
    said = cli("models", "beta-vae")
    assert re.search(r"--beta +4 +weight of the rate", said.out)
    assert "openreview.net" in said.out


def test_data_lists_the_named_sets(cli: Cli) -> None:
    listed = {each["name"]: each for each in cli("data", "--json").json["datasets"]}
    assert {"digits", "mnist", "fashion-mnist", "binarized-mnist", "omniglot"} <= set(listed)
    assert listed["digits"]["where"] == "bundled"
    assert "frey-faces" in cli("data").out


def test_data_shows_one(cli: Cli) -> None:
    said = cli("data", "digits")
    assert "1,797 samples, 8 x 8 grey images of 17 levels" in said.out
    assert "labels: 0, 1, 2" in said.out


def test_every_field_has_its_help() -> None:
    for option in field_options().values():
        assert option.help, option.field
        assert option.flag.startswith("--")


def test_every_verb_has_help_with_an_example(cli: Cli) -> None:
    verbs = (
        "fit", "resume", "info", "encode", "decode", "reconstruct", "sample", "interpolate",
        "score", "evaluate", "report", "models", "data", "tune",
    )  # fmt: skip
    overview = cli("--help").out
    for verb in verbs:
        assert verb in overview
        said = cli(verb, "--help")
        assert said.code == 0
        assert f"Example: latentry {verb}" in " ".join(said.out.split())


def test_fit_help_has_the_models_fields(cli: Cli) -> None:
    said = cli("fit", "--help")
    for flag in ("--beta", "--latent", "--batch-size", "--seed", "--likelihood"):
        assert flag in said.out
    assert "beta-vae" in said.out


def test_the_version(cli: Cli) -> None:
    assert cli("--version").out == f"latentry {latentry.__version__}\n"


def test_measures_give_groups_of_figures(cli: Cli, vae_run: Path, files: Path) -> None:
    args = ("evaluate", vae_run, files / "images.npz", "--draws", 2)
    found = cli(*args, "--measures", "reconstruction,samples,likelihood", "--json").json
    assert next(iter(found["figures"])) == "elbo"
    assert {"psnr", "frechet", "marginal_kl"} <= set(found["figures"])
    assert "copying" in found["figures"] and found["figures"]["copying"] is not None
    assert found["units"]["psnr"] == "dB"
    assert "classifier" in found["feature_space"]
    assert any("trained on" in note for note in found["notes"])
    said = cli(*args, "--measures", "reconstruction")
    assert re.search(r"reconstruction +value.*\n *mse +0\.\d+ +lower", said.out)
    assert re.search(r"\npsnr +[\d.]+ +higher +dB", said.out)


def test_measures_of_anomalies_and_of_a_table(
    cli: Cli, vae_run: Path, table_run: Path, files: Path
) -> None:
    args = ("evaluate", vae_run, files / "images.npz", "--measures", "robustness")
    found = cli(*args, "--anomalies", "3,7", "--json").json
    assert 0 <= found["figures"]["auroc_likelihood"] <= 1
    said = cli(*args, "--anomalies", "eleven")
    assert said.code == 2 and "is no label of" in said.err
    table = ("evaluate", table_run, files / "table.csv", "--measures", "disentanglement")
    found = cli(*table, "--factors", "kind", "--json").json
    assert found["figures"]["dci_informativeness"] > 0.9
    assert cli(*table, "--json").json["figures"]["mig"] is None


def test_sprites_know_their_factors(cli: Cli) -> None:
    fit = (
        "fit",
        "sprites",
        "--latent",
        3,
        "--epochs",
        1,
        "--hidden",
        4,
        "--net",
        "mlp",
        "--seed",
        0,
    )
    assert cli(*fit, "--no-report", "-q", "-o", "run").code == 0
    found = cli("evaluate", "run", "sprites", "--measures", "disentanglement", "--json").json
    assert all(0 <= value <= 1 for value in found["figures"].values())
    one = cli(
        "evaluate", "run", "sprites", "--measures", "disentanglement", "--factors", "x", "--json"
    ).json
    assert one["figures"]["mig"] != found["figures"]["mig"]


def test_mistakes_about_measures(cli: Cli, vae_run: Path, files: Path) -> None:
    args = ("evaluate", vae_run, files / "images.npz")
    assert "is no group of measures" in cli(*args, "--measures", "sample").err
    assert "go with --measures" in cli(*args, "--anomalies", "3").err
    missing = cli(*args, "--measures", "samples", "--features", "gone.pt")
    assert missing.code == 2 and "gone.pt" in missing.err


def test_cite(cli: Cli) -> None:
    said = cli("cite", "beta-vae")
    assert said.code == 0
    assert said.out.startswith("@misc{higgins2017beta,")
    found = cli("cite", "iwae", "--json").json
    assert found["papers"][0]["title"] == "Importance Weighted Autoencoders"
    said = cli("cite", "beta-va")
    assert said.code == 2
    assert "Did you mean 'beta-vae'" in said.err
