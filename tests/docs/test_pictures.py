"""The pictures of the families are made by code that runs."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from latentry import Estimator

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("autoencoders", "divergences", "missing")


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    return importlib.import_module("pictures")


def trial(est: Estimator, data: Any, epochs: int, **given: Any) -> Estimator:
    """The model after one epoch, instead of as many as the picture wants."""
    assert epochs > 1
    return est.set_params(epochs=1, valid=0, random_state=0, compile=False).fit(data, **given)


def test_every_family_has_one(pictures: Any) -> None:
    families = {p.stem for p in (ROOT / "docs" / "models").glob("*.md")} - {"index"}
    assert set(pictures.PICTURES) == families


@pytest.mark.parametrize("name", QUICK)
def test_it_is_drawn_and_small(pictures: Any, name: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    pictures.save(pictures.PICTURES[name](trial), path)
    assert 1_000 < path.stat().st_size < 150_000


@pytest.mark.slow
def test_all_are_drawn(pictures: Any, tmp_path: Path) -> None:
    for name, made in pictures.PICTURES.items():
        pictures.save(made(trial), tmp_path / f"{name}.png")


def test_an_unknown_name_is_refused(pictures: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        pictures.main(["priorz"])
    assert "there is no picture of priorz" in capsys.readouterr().err
