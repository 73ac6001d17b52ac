"""Fill docs/examples.md from what the examples measured, so that nothing is copied by hand.

    python examples/collect.py runs/examples

Every folder in it that holds a results.json (a full run, not a --quick one) rewrites the part of
docs/examples.md between "<!-- NAME: begin -->" and "<!-- NAME: end -->", and its pictures go to
docs/pictures.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common import number

ROOT = Path(__file__).resolve().parent.parent
MOST_BYTES = 300_000


def cells(values: Sequence[Any]) -> str:
    """One row of a Markdown table."""
    return "| " + " | ".join(number(v).replace("|", "\\|") for v in values) + " |"


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table."""
    return "\n".join([cells(columns), "|" + "---|" * len(columns), *map(cells, rows)])


def figures(results: dict[str, Any]) -> str:
    """The measured figures; the column of goals only where there are any."""
    rows = [[f["name"], f["value"], f["unit"], goal(f)] for f in results["figures"]]
    columns = ["figure", "measured", "unit", "goal"]
    if not any(row[-1] for row in rows):
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    return table(columns, rows)


def goal(figure: dict[str, Any]) -> str:
    """A goal, and whether it was met."""
    if not figure["goal"]:
        return ""
    return f"{figure['goal']}: {'met' if figure['met'] else '**missed**'}"


def circumstances(results: dict[str, Any]) -> str:
    """How long it took, on what, with what, and the settings of the models."""
    took = "; ".join(f"{what}: {duration(s)}" for what, s in results["seconds"].items())
    where = results["machine"]
    machine = f"{where['processor']}, {where['cores']} cores, {where['threads']} threads"
    machine += f", {where['gpu']}" if "gpu" in where else ""
    with_ = ", ".join(f"{name} {found}" for name, found in results["versions"].items())
    lines = [f"Times: {took}.", f"Measured on {machine}, with {with_}."]
    for label, given in results["settings"].items():
        own = ", ".join(f"{k}={written(v)}" for k, v in given.items() if k != "model")
        lines.append(f"Settings ({label}): `{given['model']}({own})`.")
    return "  \n".join(lines)


def written(value: Any) -> str:
    """A setting as Python has it; JSON knows no tuples."""
    return repr(tuple(value) if isinstance(value, list) else value)


def duration(seconds: float) -> str:
    """Seconds, or minutes where they are many."""
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def copy_picture(source: Path, target: Path) -> None:
    """A PNG of at most 300 kB: with fewer colours, then smaller, where it takes that."""
    from PIL import Image

    target.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(source) as opened:
        image = opened.convert("RGB")
    image.save(target, optimize=True)
    while target.stat().st_size > MOST_BYTES:
        image.quantize(64).save(target, optimize=True)
        if target.stat().st_size <= MOST_BYTES:
            return
        size = image.width * 3 // 4, image.height * 3 // 4
        image = image.resize(size, Image.Resampling.LANCZOS)


def pictures(folder: Path, results: dict[str, Any], docs: Path) -> list[str]:
    """The pictures as Markdown, each above its caption."""
    shown = []
    for picture in results["pictures"]:
        name = f"{results['example'][:2]}-{picture['file']}"
        copy_picture(folder / picture["file"], docs / "pictures" / name)
        alt = Path(picture["file"]).stem.replace("-", " ")
        shown.append(f"![{alt}](pictures/{name})\n\n*{picture['caption']}*")
    return shown


def section(folder: Path, results: dict[str, Any], docs: Path) -> str:
    """All that was measured of one example."""
    parts = [figures(results)] if results["figures"] else []
    for found in results["tables"]:
        parts += [f"{found['title']}:", table(found["columns"], found["rows"])]
    return "\n\n".join([*parts, circumstances(results), *pictures(folder, results, docs)])


def filled(page: str, name: str, text: str) -> str:
    """The page with the marked part of one example replaced."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    if begin not in page or end not in page:
        raise SystemExit(f"the page has no place for {name}: add {begin} and {end} to it.")
    head, rest = page.split(begin, 1)
    return f"{head}{begin}\n\n{text}\n\n{end}{rest.split(end, 1)[1]}"


def main(argv: Sequence[str] | None = None) -> int:
    """Fill the page; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("runs", type=Path, help="folder of the examples' --out folders")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="folder of examples.md")
    parser.add_argument("--quick", action="store_true", help="take --quick runs too, to look at")
    given = parser.parse_args(argv)
    page = given.docs / "examples.md"
    text = page.read_text("utf-8")
    for path in sorted(given.runs.glob("*/results.json")):
        results = json.loads(path.read_text("utf-8"))
        if results["quick"] and not given.quick:
            print(f"left out: {path.parent} is a --quick run")
            continue
        text = filled(text, results["example"], section(path.parent, results, given.docs))
        print(f"{results['example']}: from {path.parent}")
    page.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
