"""Pages of the families: every model on one of them, with a picture; and commands that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image

from latentry import Estimator, zoo
from latentry.building import parse_likelihood
from latentry.cli import app
from latentry.cli.options import field_options
from latentry.comparing.jobs import JOBS, OWN
from latentry.evaluation.catalogue import GROUPS, MEASURES

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
FAMILIES = [p for p in sorted((DOCS / "models").glob("*.md")) if p.name != "index.md"]
WRITTEN = [p for p in sorted(DOCS.rglob("*.md")) if p.name not in ("cli.md", "reference.md")]


def marked(page: Path) -> list[str]:
    """The modules of the zoo whose models the page shows."""
    found = re.findall(r"<!-- models of ([\w, ]+): begin -->", page.read_text("utf-8"))
    return [word.strip() for names in found for word in names.split(",")]


@pytest.mark.parametrize(("name", "cls"), zoo.models().items(), ids=list(zoo.models()))
def test_every_model_stands_on_exactly_one_page(name: str, cls: type) -> None:
    module = cls.__module__.rpartition(".")[2]
    assert [page.stem for page in FAMILIES for m in marked(page) if m == module], name
    assert sum(marked(page).count(module) for page in FAMILIES) == 1


def test_no_page_shows_a_module_without_models() -> None:
    modules = {cls.__module__.rpartition(".")[2] for cls in zoo.models().values()}
    assert {module for page in FAMILIES for module in marked(page)} <= modules


@pytest.mark.parametrize("page", FAMILIES, ids=lambda page: page.stem)
def test_a_page_has_theory_a_formula_a_picture_and_its_models(page: Path) -> None:
    text = page.read_text("utf-8")
    headings = re.findall(r"^## (.+)$", text, flags=re.M)
    assert headings == ["The theory", "The models"]
    assert "```math" in text
    pictures = re.findall(r"!\[[^\]]+\]\(\.\./pictures/(family-[\w-]+)\.png\)", text)
    assert pictures == [f"family-{page.stem}"]
    path = DOCS / "pictures" / f"{pictures[0]}.png"
    assert path.stat().st_size < 150_000
    with Image.open(path) as image:
        assert 400 < image.width <= 1400


def spans(page: Path) -> list[str]:
    """The code in the lines of a page, and the lines of its shell blocks."""
    text = page.read_text("utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, flags=re.S)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    rest = re.sub(r"```.*?```", "", text, flags=re.S)
    return lines + re.findall(r"(?<!`)`([^`\n]+)`(?!`)", rest)


def verbs() -> dict[str, set[str]]:
    """The options of every verb, as they are typed."""
    group: Any = typer.main.get_command(app)
    context = group.make_context("latentry", [], resilient_parsing=True)
    return {
        name: {o for p in verb.get_params(context) for o in (*p.opts, *p.secondary_opts)}
        for name, verb in group.commands.items()
    }


VERBS = verbs()
FIELDS = {option.flag: option for option in field_options().values()}
LISTS: dict[str, tuple[str, ...]] = {"--measures": (*GROUPS, "all"), "--jobs": (*JOBS, "all")}


def check(line: str) -> None:
    """Assert that a command, or options without one, are what there is."""
    words = shlex.split(line)
    verb = words[1] if words[0] == "latentry" and len(words) > 1 else None
    assert verb is None or verb in VERBS, f"{line}: no verb {verb}"
    known = VERBS[verb] if verb else set().union(*VERBS.values())
    for word in words:
        assert not re.match(r"--?[a-z]", word) or word in known, f"{line}: no option {word}"
    given: dict[str, str] = dict(zip(words, words[1:], strict=False))
    names = [given.get("--model"), *given.get("--models", "").split(",")]
    models = [zoo.named(name.partition(":")[0]) for name in names if name and name.islower()]
    for flag in set(given) & set(FIELDS):
        for model in models:
            assert zoo.name_of(model) in FIELDS[flag].models, f"{line}: {model} has no {flag}"
    if given.get("--likelihood", "auto") != "auto":
        parse_likelihood(given["--likelihood"])
    for flag, allowed in LISTS.items():
        assert set(given.get(flag, allowed[0]).split(",")) <= set(allowed), line


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.stem)
def test_commands_and_options_exist(page: Path) -> None:
    scripts = page.name in ("examples.md", "ae-vs-vae.md", "ae-vs-vae.zh.md")  # their own options
    for line in spans(page):
        if line.startswith("latentry ") or (line.startswith("--") and not scripts):
            check(line)


@pytest.mark.parametrize("page", [DOCS / "choosing.md", *FAMILIES], ids=lambda page: page.stem)
def test_models_and_figures_exist(page: Path) -> None:
    figures, models = {*MEASURES, *OWN}, zoo.models()
    methods = {name for cls in (Estimator, *models.values()) for name in dir(cls)}
    for span in (word for line in spans(page) for word in line.split(", ")):
        if re.fullmatch(r"[a-z0-9-]+-(vae|ae|iwae|aae|wae)|[a-z]+-vae-[a-z]+", span):
            assert span in models, f"{page.name}: no model {span}"
        elif re.fullmatch(r"[a-z]+(_[a-z0-9.]+)+", span):
            assert span in figures | methods, f"{page.name}: no figure or method {span}"


def test_the_chinese_page_lists_every_model_as_the_english_one_does() -> None:
    row = re.compile(r"^\|.*?(`[a-z0-9-]+`) \| (`\w+`) \|", re.MULTILINE)
    pages = ("README.md", "README.zh.md")
    english, chinese = (row.findall((ROOT / page).read_text("utf-8")) for page in pages)
    assert english == chinese and len(english) == len(zoo.models())
