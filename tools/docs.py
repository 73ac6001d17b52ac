"""Write the parts of the documentation that follow from the code.

    python tools/docs.py           writes them
    python tools/docs.py --check   fails if they differ from what would be written

README.md gets its table of models, docs/reference.md the public Python surface, docs/cli.md the
help texts of the command line, each page under docs/models/ the tables of its family.
"""

from __future__ import annotations

import os

# The command line's help as plain text of a fixed width, whatever terminal this runs in.
os.environ |= {"TYPER_USE_RICH": "0", "COLUMNS": "100", "NO_COLOR": "1"}

import argparse
import dataclasses
import difflib
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import typer

import latentry
from latentry import zoo
from latentry.cli import app
from latentry.cli.options import field_options
from latentry.cli.view import sources, summary
from latentry.estimator import Estimator

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- models: begin -->", "<!-- models: end -->"
FAMILIES = ROOT / "docs" / "models"
OF_FAMILY = re.compile(r"(<!-- models of ([\w, ]+): begin -->\n).*?(<!-- models: end -->)", re.S)
"""On a family's page, around its tables: it names the modules of the zoo that hold the family."""
OVERVIEW = re.compile(r"(<!-- families: begin -->\n).*?(<!-- families: end -->)", re.S)
GENERATED = "<!-- Written by `make docs` from the code; edit the docstrings instead. -->\n"


def model_table() -> str:
    """The named models as a Markdown table."""
    rows = ["| model | class | what it is | source |", "|---|---|---|---|"]
    for name, cls in zoo.models().items():
        rows.append(f"| `{name}` | `{cls.__name__}` | {_what(cls)} | {_cited(cls)} |")
    return "\n".join(rows)


def _what(cls: type) -> str:
    """What a model is, without its name before it."""
    return summary(cls).partition(": ")[2] or summary(cls)


def _cited(cls: type) -> str:
    return "; ".join(_citation(line) for line in sources(cls))


def _citation(line: str) -> str:
    """A line "Higgins et al., 2017, https://... (aside)" as a Markdown link."""
    who, url, aside = re.fullmatch(r"(.*?),? (https?://\S+)(.*)", line.strip()).groups()  # type: ignore[union-attr]
    return f"[{who}]({url}){aside}"


def readme() -> str:
    """README.md with the table of models as the code has it."""
    text = (ROOT / "README.md").read_text("utf-8")
    if BEGIN not in text or END not in text:
        sys.exit(f"README.md lacks the lines {BEGIN} and {END}, between which the table stands.")
    head, rest = text.split(BEGIN, 1)
    return f"{head}{BEGIN}\n{model_table()}\n{END}{rest.split(END, 1)[1]}"


def families() -> dict[Path, dict[str, type]]:
    """The pages of docs/models that show a family, and its models by name.

    Ends the program where a model is on no page, or on two.
    """
    found: dict[Path, dict[str, type]] = {}
    for page in sorted(FAMILIES.glob("*.md")):
        marks = OF_FAMILY.findall(page.read_text("utf-8"))
        modules = {word.strip() for _, names, _ in marks for word in names.split(",")}
        if modules:
            found[page] = {
                name: cls
                for name, cls in zoo.models().items()
                if cls.__module__.rpartition(".")[2] in modules
            }
    shown = [name for models in found.values() for name in models]
    for name, cls in zoo.models().items():
        if shown.count(name) != 1:
            sys.exit(
                f"{name} stands on {shown.count(name)} pages of docs/models, not on one: name"
                f" {cls.__module__.rpartition('.')[2]} in the line 'models of ...' of one of them."
            )
    order = list(zoo.models())
    return dict(sorted(found.items(), key=lambda item: min(map(order.index, item[1]), default=0)))


def family(page: Path, models: dict[str, type]) -> str:
    """A family's page with the tables of its models as the code has them."""
    rows = ["| model | what it is | paper |", "|---|---|---|"]
    for name, cls in models.items():
        link = f"[`{cls.__name__}`](../reference.md#{cls.__name__.lower()})"
        rows.append(f"| `{name}`<br>{link} | {_what(cls)} | {_cited(cls)} |")
    options = ["| model | option | default | what it is |", "|---|---|---|---|"]
    for name, cls in models.items():
        options += [
            f"| `{name}` | {flag} | `{field.default!r}` | {help} |"
            for field, flag, help in (_options(cls, _own(cls)) if _own(cls) else ())
        ]
    tables = [*rows, "", "### Options", "", *options] if len(options) > 2 else rows
    text = "\n" + "\n".join(tables) + "\n\n"
    return OF_FAMILY.sub(lambda m: m[1] + text + m[3], page.read_text("utf-8"))


def overview(page: Path, found: dict[Path, dict[str, type]]) -> str:
    """The page of all families, with the models of each."""
    rows = ["| family | models |", "|---|---|"]
    for path, models in found.items():
        title = path.read_text("utf-8").split("\n", 1)[0].removeprefix("# ")
        rows.append(f"| [{title}]({path.name}) | {', '.join(f'`{name}`' for name in models)} |")
    text = "\n" + "\n".join(rows) + "\n\n"
    return OVERVIEW.sub(lambda m: m[1] + text + m[2], page.read_text("utf-8"))


def reference() -> str:
    """docs/reference.md: what `latentry` exports, from the docstrings."""
    parts = ["# Python reference\n", GENERATED, "`from latentry import ...`\n"]
    models = set(zoo.models().values())
    public = {name: getattr(latentry, name) for name in latentry.__all__}
    parts += ["## Named models\n", "Each takes the fields of `Estimator` and its own:\n"]
    parts += [_model(cls) for cls in zoo.models().values()]
    parts += ["## What every model can do\n", _class("Estimator", Estimator)]
    parts += ["Fields:\n", _fields(Estimator)]
    parts += ["## The rest\n"]
    for name, thing in public.items():
        if thing in models or thing is Estimator:
            continue
        parts.append(_class(name, thing) if inspect.isclass(thing) else _function(name, thing))
    return "\n".join(parts)


def _doc(thing: Any) -> str:
    """A docstring as Markdown: what is indented in it becomes a block of code."""
    doc = inspect.getdoc(thing) or ""
    blocks = [
        f"```text\n{textwrap.dedent(block)}\n```" if block.startswith("    ") else block
        for block in doc.split("\n\n")
    ]
    return "\n\n".join(_listed(block) for block in blocks) + "\n"


def _listed(block: str) -> str:
    """A paragraph; lines of "name: what it is" and of sources stay lines, doctests become code."""
    if block.startswith("```"):
        return block
    if block.startswith(">>>"):
        return f"```python\n{block}\n```"
    return re.sub(r"\n(?=[\w, ]+: |\S.*https?://)", "  \n", block)


def _signature(thing: Any) -> str:
    # Annotations are text, which `signature` shows in quotes.
    quoted = r"(: |-> )(['\"])(.*?)\2(?=,| =|\)|$)"
    text = re.sub(quoted, r"\1\3", str(inspect.signature(thing)))
    return re.sub(r"\bself(, )?", "", text, count=1)


def _function(name: str, thing: Any) -> str:
    return f"### `{name}`\n\n```python\n{name}{_signature(thing)}\n```\n\n{_doc(thing)}"


def _class(name: str, cls: type) -> str:
    parts = [f"### `{name}`\n", _doc(cls)]
    for method, found in vars(cls).items():
        if method.startswith("_"):
            continue
        if isinstance(found, classmethod | staticmethod):
            found = found.__func__
        if inspect.isfunction(found) and inspect.getdoc(found):
            signature = re.sub(r"\bcls(, )?", "", _signature(found), count=1)
            parts.append(f"#### `{method}`\n\n```python\n{method}{signature}\n```\n\n{_doc(found)}")
        elif isinstance(found, property):
            parts.append(f"#### `{method}`\n\n{_doc(found)}")
    return "\n".join(parts)


def _model(cls: type) -> str:
    table = _fields(cls, _own(cls)) if _own(cls) else ""
    return f"### `{cls.__name__}`\n\n{_doc(cls)}\n{table}"


def _own(cls: Any) -> tuple[str, ...]:
    """The fields that a model has beside those of all, or with another default."""
    shared = {f.name: f.default for f in dataclasses.fields(Estimator)}
    return tuple(f.name for f in dataclasses.fields(cls) if shared.get(f.name, f) != f.default)


def _fields(cls: Any, only: tuple[str, ...] = ()) -> str:
    rows = ["| field | default | option | |", "|---|---|---|---|"]
    rows += [
        f"| `{field.name}` | `{field.default!r}` | {flag} | {help} |"
        for field, flag, help in _options(cls, only)
    ]
    return "\n".join(rows) + "\n"


def _options(cls: Any, only: tuple[str, ...]) -> Iterator[tuple[dataclasses.Field, str, str]]:
    """Fields, all or only some, each with its option in the shell and the sentence about it."""
    options = field_options()
    for field in dataclasses.fields(cls):
        if only and field.name not in only:
            continue
        flag = f"`{options[field.name].flag}`" if field.name in options else ""
        yield field, flag, field.metadata.get("help", "").replace("|", "\\|")


def command_line() -> str:
    """docs/cli.md: every verb's help."""
    group = typer.main.get_command(app)
    context = group.make_context("latentry", [], resilient_parsing=True)
    parts = ["# Command line\n", GENERATED, _help("latentry", group.get_help(context))]
    for name in group.list_commands(context):  # type: ignore[attr-defined]
        command = group.get_command(context, name)  # type: ignore[attr-defined]
        inner = command.make_context(name, [], parent=context, resilient_parsing=True)
        parts.append(_help(f"latentry {name}", command.get_help(inner)))
    return "\n".join(parts)


def _help(title: str, text: str) -> str:
    plain = "\n".join(line.rstrip() for line in text.splitlines()).strip()
    return f"## `{title}`\n\n```text\n{plain}\n```\n"


def pages() -> dict[str, Callable[[], str]]:
    """What is written from the code, and how."""
    found = families()
    made = {
        str(page.relative_to(ROOT)): partial(family, page, models) for page, models in found.items()
    }
    every = FAMILIES / "index.md"
    return {
        "README.md": readme,
        "docs/reference.md": reference,
        "docs/cli.md": command_line,
        str(every.relative_to(ROOT)): partial(overview, every, found),
        **made,
    }


def main() -> int:
    """Write or check; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    check = parser.parse_args().check
    stale = 0
    for name, make in pages().items():
        path, new = ROOT / name, make()
        old = path.read_text("utf-8") if path.exists() else ""
        if old == new:
            continue
        stale += 1
        if check:
            lines = difflib.unified_diff(old.splitlines(), new.splitlines(), name, "code", n=0)
            print("\n".join(list(lines)[:20]))
            print(f"{name} differs from the code: run `make docs` and commit the result.")
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(new, "utf-8")
            print(f"wrote {name}")
    return stale if check else 0


if __name__ == "__main__":
    sys.exit(main())
