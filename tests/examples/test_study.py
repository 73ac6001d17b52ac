"""The study runs on few rows, goes on where it was stopped, and fills its pages."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples"


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


def test_a_folder_with_other_settings_is_refused(folder, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    models = SimpleNamespace(**runpy.run_path(str(FOLDER / "study_models.py")))
    common = SimpleNamespace(**runpy.run_path(str(FOLDER / "common.py")))
    from latentry import AE, LatentryError

    train, _ = common.small_digits()
    job = models.Job("AE", AE(latent=3), range(len(train)))
    with pytest.raises(LatentryError, match="trained with latent=10"):
        models.Runs(folder / "models").trained(job, train)
