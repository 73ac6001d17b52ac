"""The page of a comparison."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from latentry import LatentryError, compare
from latentry.comparing.parts import divide, whole
from latentry.report.compare import compare_page
from latentry.report.compare_pictures import interpolations, plane, reconstructions, samples

QUICK = {
    "seeds": 2, "epochs": 2, "latent": 3, "hidden": 16, "compile": False, "precision": "float32",
}  # fmt: skip
MODELS = ["ae", "beta-vae:beta=2", "conditional-vae"]


@pytest.fixture(scope="module")
def page(digits, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("page") / "compared"
    x, y = digits
    table = compare(MODELS, x, y=y, folder=folder, **QUICK)
    return table, compare_page(table, x, folder, y=y)


class _Balanced(HTMLParser):
    VOID = ("meta", "br", "img", "link", "input")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_from_elsewhere(page) -> None:
    text = page[1].read_text("utf-8")
    parser = _Balanced()
    parser.feed(text)
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    assert "<script" not in text and "<link" not in text
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)


def test_the_page_shows_every_job_and_model_with_its_figures(page) -> None:
    table, path = page
    text = path.read_text("utf-8")
    for each in table.attrs["recommendation"]:
        assert each["purpose"].capitalize() in text
        assert each["sentence"].split(" (")[0] in text
    jobs = text[text.index('id="jobs"') : text.index('id="verdicts"')]
    assert jobs.count('data-model="beta-vae:beta=2"') == len(table.attrs["recommendation"])
    assert jobs.count('class="best"') == sum(
        len(each["best"]) for each in table.attrs["recommendation"]
    )
    assert table.attrs["feature_space"] in jobs
    for heading in ("Reconstructions", "Interpolation", "Samples", "Latent maps", "All figures"):
        assert f"<h2>{heading}</h2>" in text
    assert "conditional-vae is told the condition" in text.lower()


def test_the_same_samples_stand_under_each_other(page, digits) -> None:
    from latentry import load

    table, path = page
    x, y = digits
    models = {
        name: load(path.parent / folder / "seed-0")
        for name, folder in zip(MODELS, ("ae", "beta-vae-beta-2", "conditional-vae"), strict=True)
    }
    rows = whole(x, y, y)
    test = divide(rows, 0.2)[1]
    again = reconstructions(models, test)
    labels = [t.get_text() for t in again.texts]
    assert labels == ["data", *MODELS] * 2
    paths = interpolations(models, test)
    assert [t.get_text() for t in paths.texts] == MODELS * 2
    assert "condition of the first sample" in paths.caption
    asked = samples(models["conditional-vae"], test)
    assert "conditions" in asked.caption
    drawn = plane(models, table.attrs["values"])
    assert drawn is not None
    dots = [c for c in drawn.axes[0].collections if len(np.asarray(c.get_offsets()))]
    assert len(dots) == 2 and all(len(np.asarray(c.get_offsets())) == 2 for c in dots)
    assert "dashed line" in drawn.caption


def test_models_without_a_rate_have_no_plane(page) -> None:
    from latentry import load

    table, path = page
    only = {"ae": load(path.parent / "ae" / "seed-0")}
    assert plane(only, table.attrs["values"]) is None


def test_a_page_of_vectors(tmp_path: Path, wine) -> None:
    how = {**QUICK, "seeds": 1, "jobs": "reconstruct"}
    table = compare(["ae", "vae"], wine, folder=tmp_path / "wine", **how)
    text = compare_page(table, wine, tmp_path / "wine").read_text("utf-8")
    for heading in ("Reconstructions", "Samples beside data", "Interpolation", "Latent maps"):
        assert f"<h2>{heading}</h2>" in text
    parser = _Balanced()
    parser.feed(text)
    assert len(parser.ids) == len(set(parser.ids))
    assert "with one seed, chance is not measured" in text


def test_a_folder_without_a_comparison_is_refused(page, digits, tmp_path: Path) -> None:
    with pytest.raises(LatentryError, match=r"it has no compare\.json"):
        compare_page(page[0], digits[0], tmp_path, y=digits[1])
