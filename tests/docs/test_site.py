"""The site builds without a complaint, and asks nothing of any other host."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOADED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=[\"']?(?:https?:)?//"
    r"|<link\b(?=[^>]*rel=[\"']?(?:stylesheet|preload|icon|preconnect))[^>]*href=[\"']?(?:https?:)?//"
    r"|@import\s+[\"']?(?:https?:)?//|url\([\"']?(?:https?:)?//"
)
"""What a browser fetches by itself from somewhere else."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_it_has_a_page_for_each_page_of_the_docs(site: Path) -> None:
    docs = ROOT / "docs"
    for page in docs.rglob("*.md"):
        assert (site / page.relative_to(docs).with_suffix(".html")).is_file()


def test_every_page_can_be_reached_from_the_first(site: Path) -> None:
    first = (site / "index.html").read_text("utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        address = page.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        assert f'href="{address}"' in first or address == "index.html"


def test_it_loads_nothing_from_elsewhere(site: Path) -> None:
    files = [*site.rglob("*.html"), *site.rglob("*.css")]
    assert len(files) > 30
    found = {f.name: LOADED.findall(f.read_text("utf-8")) for f in files}
    assert not {name: loads for name, loads in found.items() if loads}


def test_formulas_are_mathml_in_every_page(site: Path) -> None:
    for name in ("ae-vs-vae", "ae-vs-vae.zh", "models/priors", "models/index"):
        text = (site / f"{name}.html").read_text("utf-8")
        assert text.count("<math") == text.count("</math>") > 3
        assert "\\mathrm" not in text
        outside = re.sub(r"<(pre|code|script)\b.*?</\1>", "", text, flags=re.S)
        assert "$" not in outside


def test_links_to_examples_lead_to_their_code(site: Path) -> None:
    page = (site / "examples.html").read_text("utf-8")
    links = set(re.findall(r'href="(examples/\w+\.html)"', page))
    assert len(links) >= 9
    for link in links:
        shown = re.sub(r"<[^>]+>", "", (site / link).read_text("utf-8"))
        assert "def main(" in shown
