"""Every example runs, on few rows, and leaves what the docs are filled from."""

from __future__ import annotations

import json
import runpy
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("[0-9]*.py"))


def run(script: str, *arguments: object, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit code of a script, run in this process so that imports are paid for once."""
    monkeypatch.syspath_prepend(FOLDER)
    module = SimpleNamespace(**runpy.run_path(str(FOLDER / f"{script}.py")))
    return module.main([str(a) for a in arguments])


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_quick_run_leaves_figures_and_pictures(script, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    assert run(script, "--quick", "--out", out, monkeypatch=monkeypatch) == 0
    results = json.loads((out / "results.json").read_text("utf-8"))
    assert results["example"] == script
    assert results["quick"]
    assert results["figures"]
    assert all(figure["unit"] for figure in results["figures"])
    assert results["settings"]
    assert results["seconds"]
    for picture in results["pictures"]:
        assert (out / picture["file"]).read_bytes().startswith(b"\x89PNG")
        assert picture["caption"]
    printed = capsys.readouterr().out
    assert all(figure["name"] in printed for figure in results["figures"])


@pytest.fixture
def docs(tmp_path):
    """A copy of the page that the examples fill."""
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "examples.md", tmp_path / "docs")
    return tmp_path / "docs"


def test_the_page_has_a_place_for_every_example(docs):
    text = (docs / "examples.md").read_text("utf-8")
    for script in SCRIPTS:
        assert f"<!-- {script}: begin -->" in text
        assert f"<!-- {script}: end -->" in text


def test_collecting_fills_the_page_and_leaves_quick_runs_out(docs, tmp_path, monkeypatch):
    out = tmp_path / "runs" / "04"
    run("04_three_codes", "--quick", "--out", out, monkeypatch=monkeypatch)
    before = (docs / "examples.md").read_text("utf-8")

    run("collect", tmp_path / "runs", "--docs", docs, monkeypatch=monkeypatch)
    assert (docs / "examples.md").read_text("utf-8") == before

    run("collect", tmp_path / "runs", "--docs", docs, "--quick", monkeypatch=monkeypatch)
    once = (docs / "examples.md").read_text("utf-8")
    assert "(100, 20)" in once
    picture = docs / "pictures" / "04-three-codes.png"
    assert 0 < picture.stat().st_size <= 300_000

    run("collect", tmp_path / "runs", "--docs", docs, "--quick", monkeypatch=monkeypatch)
    assert (docs / "examples.md").read_text("utf-8") == once
