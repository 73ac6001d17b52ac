"""The study runs on few rows, goes on where it was stopped, and fills its pages."""

from __future__ import annotations

import json
import re
import runpy
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples"
PAGES = ("ae-vs-vae.md", "ae-vs-vae.zh.md")
CELL = r"(?<=\| )-?[\d.,]+(?= \|)"
"""A figure that fills a cell of a table."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished quick study."""
    with pytest.MonkeyPatch.context() as patch:
        out = tmp_path_factory.mktemp("study") / "mnist"
        assert run("study", "--quick", "--out", out, monkeypatch=patch) == 0
        yield out


def run(script: str, *arguments: object, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit code of a script, run in this process so that imports are paid for once."""
    monkeypatch.syspath_prepend(FOLDER)
    module = SimpleNamespace(**runpy.run_path(str(FOLDER / f"{script}.py")))
    return module.main([str(a) for a in arguments])


def tables(page: str) -> str:
    """The lines of the tables."""
    return "\n".join(line for line in page.splitlines() if line.startswith("|"))


def results_of(folder: Path) -> dict:
    return json.loads((folder / "results.json").read_text("utf-8"))


def table_of(results: dict, title: str) -> dict[str, dict]:
    (found,) = (t for t in results["tables"] if t["title"] == title)
    return {row[0]: dict(zip(found["columns"][1:], row[1:], strict=True)) for row in found["rows"]}


def test_every_claim_has_its_table_and_its_models(folder):
    results = results_of(folder)
    assert results["quick"]
    models = {"AE", "DenoisingAE", "VAE", "SigmaVAE", "BetaVAE", "ConditionalVAE", "IWAE"}
    assert models <= table_of(results, "reconstruction").keys()
    assert models <= results["settings"].keys()
    titles = {t["title"] for t in results["tables"]}
    assert titles >= {"sampling", "interpolation", "anomalies", "conditional", "style"}
    assert titles >= {"features", "continuity", "wide", "denoising", "compression"}
    for picture in results["pictures"]:
        assert (folder / picture["file"]).read_bytes().startswith(b"\x89PNG")


def test_figures_lie_where_they_must(folder):
    results = results_of(folder)
    for row in table_of(results, "anomalies").values():
        assert all(0 <= value <= 1 for value in row.values())
    sampled = table_of(results, "sampling")
    assert sampled["test images"]["Fréchet distance"] == 0
    assert (
        sampled["training images"]["Fréchet distance"] < sampled["AE, N(0, I)"]["Fréchet distance"]
    )
    for row in table_of(results, "denoising").values():
        assert all(0 < value < 100 for value in row.values() if value is not None)
    bits = table_of(results, "compression")["PCA, 10"]
    assert bits["10 bits"] < bits["40 bits"] < bits["not rounded"]


def test_a_second_call_trains_and_measures_nothing_anew(folder, monkeypatch):
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*/**/*.*")}
    first = results_of(folder)
    assert run("study", "--quick", "--out", folder, monkeypatch=monkeypatch) == 0
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*/**/*.*")} == before
    assert results_of(folder) == first


def test_both_editions_are_filled_with_the_same_figures(folder, tmp_path, monkeypatch):
    runs, docs = tmp_path / "study", tmp_path / "docs"
    docs.mkdir()
    for name in ("mnist", "fashion-mnist"):
        shutil.copytree(folder, runs / name, ignore=shutil.ignore_patterns("models", "parts"))
    for page in PAGES:
        shutil.copy(ROOT / "docs" / page, docs)
    before = {page: (docs / page).read_text("utf-8") for page in PAGES}

    with pytest.raises(SystemExit, match="--quick run"):
        run("study_pages", runs, "--docs", docs, monkeypatch=monkeypatch)
    assert {page: (docs / page).read_text("utf-8") for page in PAGES} == before

    run("study_pages", runs, "--docs", docs, "--quick", monkeypatch=monkeypatch)
    english, chinese = ((docs / page).read_text("utf-8") for page in PAGES)
    assert re.findall(CELL, tables(english)) == re.findall(CELL, tables(chinese))
    for shown in re.findall(r"\((pictures/study-[^)]+)\)", chinese):
        assert (docs / shown).read_bytes().startswith(b"\x89PNG")
    mse = table_of(results_of(folder), "reconstruction")["VAE"]["squared error"]
    assert f"| VAE | {mse:.3g} |" in english


def test_a_word_without_a_translation_is_refused(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    words = SimpleNamespace(**runpy.run_path(str(FOLDER / "study_words.py")))
    assert words.say("AE, N(0, I)", "zh") == "AE，N(0, I)"
    assert words.say("noise 0.25", "zh") == "噪声 0.25"
    with pytest.raises(KeyError, match="no translation"):
        words.say("VAE, upside down", "zh")


def test_a_folder_with_other_settings_is_refused(folder, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    models = SimpleNamespace(**runpy.run_path(str(FOLDER / "study_models.py")))
    common = SimpleNamespace(**runpy.run_path(str(FOLDER / "common.py")))
    from latentry import AE, LatentryError

    train, _ = common.small_digits()
    job = models.Job("AE", AE(latent=3), range(len(train)))
    with pytest.raises(LatentryError, match="trained with latent=10"):
        models.Runs(folder / "models").trained(job, train)
