"""Fill docs/ae-vs-vae.md and its Chinese edition from what the study measured.

    python examples/study_pages.py runs/study

RUNS holds the folders mnist and fashion-mnist, each with the results.json of a full run of
study.py. What stands between "<!-- NAME: begin -->" and "<!-- NAME: end -->" in the pages is
written anew, in both languages, and the pictures go to docs/pictures: no figure is copied by hand.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from collect import ROOT, circumstances, copy_picture, filled, table
from study_claims import CLAIMS
from study_rules import Tables, digits, of, verdict
from study_words import SAID, say

SETS = {"mnist": "MNIST", "fashion-mnist": "Fashion-MNIST"}
PAGES = {"en": "ae-vs-vae.md", "zh": "ae-vs-vae.zh.md"}

SHOWN = {
    "reconstruction": ("reconstructions",),
    "sampling": ("samples",),
    "interpolation": ("interpolation",),
    "anomalies": ("anomalies",),
    "conditional": ("classes",),
    "style": (),
    "features": (),
    "continuity": (),
    "wide": ("copied",),
    "denoising": ("denoised",),
    "compression": ("compression",),
}
"""The tables, each with the pictures that stand below it."""

Results = dict[str, dict[str, Any]]


def read(runs: Path, quick: bool) -> Results:
    """The results of each data set that was studied, by its name."""
    found = {}
    for name in SETS:
        path = runs / name / "results.json"
        if not path.exists():
            raise SystemExit(f"{path} is missing: run study.py --data {name} first.")
        found[name] = json.loads(path.read_text("utf-8"))
        if found[name]["quick"] and not quick:
            raise SystemExit(f"{path} is of a --quick run, whose figures say nothing.")
    return found


def tables_of(results: dict[str, Any]) -> Tables:
    """Every figure by table, row and column."""
    return {
        t["title"]: {row[0]: dict(zip(t["columns"][1:], row[1:], strict=True)) for row in t["rows"]}
        for t in results["tables"]
    }


def section(runs: Path, found: Results, name: str, language: str, docs: Path) -> str:
    """The tables and the pictures of one part, of both data sets."""
    parts = []
    for data, results in found.items():
        (given,) = (t for t in results["tables"] if t["title"] == name)
        columns = [say(column, language) for column in given["columns"]]
        # A dash says that there is no such figure, not that it was forgotten.
        rows = [
            [say(row[0], language), *("–" if cell is None else digits(cell) for cell in row[1:])]
            for row in given["rows"]
        ]
        parts += [f"**{SETS[data]}**", table(columns, rows)]
        for picture in results["pictures"]:
            stem = Path(picture["file"]).stem
            if stem in SHOWN[name]:
                file = f"study-{data}-{stem}.png"
                copy_picture(runs / data / picture["file"], docs / "pictures" / file)
                caption = f"{SETS[data]}: {say(picture['caption'], language)}"
                parts.append(f"![{SETS[data]}: {stem}](pictures/{file})\n\n*{caption}*")
    return "\n\n".join(parts)


def claims(found: Results, language: str) -> str:
    """What is said, what was measured, and whether it holds."""
    tables = {name: tables_of(results) for name, results in found.items()}
    rows = []
    for claim in CLAIMS:
        measured = [claim.numbers(tables[name], language) for name in found]
        judged = [claim.holds(tables[name]) for name in found]
        rows.append([of(claim.said, language), *measured, verdict(claim, judged, language)])
    head = [SAID[language][word] for word in ("claim", "measured", "verdict")]
    return table([head[0], *SETS.values(), head[2]], rows)


def about(found: Results, language: str) -> str:
    """How long it took, with what, and the settings."""
    parts = []
    for data, results in found.items():
        minutes = sum(results["seconds"].values()) / 60
        sentence = SAID[language]["took"].format(set=SETS[data], minutes=minutes)
        figures = ", ".join(
            f"{say(f['name'], language)} {f['value']:.3f}" for f in results["figures"]
        )
        gap = SAID[language]["gap"]
        parts.append(f"{sentence}{gap}{figures}{SAID[language]['stop']}")
    first = next(iter(found.values()))
    return "\n\n".join([*parts, without_times(circumstances(first), language)])


def without_times(text: str, language: str) -> str:
    """The circumstances but for the times, which differ between the data sets."""
    lines = [line for line in text.splitlines() if not line.startswith("Times")]
    for english, other in SAID[language]["circumstances"]:
        lines = [line.replace(english, other) for line in lines]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Fill both pages; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("runs", type=Path, help="folder of the study's --out folders")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="folder of the pages")
    parser.add_argument("--quick", action="store_true", help="take --quick runs too, to look at")
    given = parser.parse_args(argv)
    found = read(given.runs, given.quick)
    for language, name in PAGES.items():
        page = given.docs / name
        text = page.read_text("utf-8")
        text = filled(text, "claims", claims(found, language))
        for part in SHOWN:
            text = filled(text, part, section(given.runs, found, part, language, given.docs))
        text = filled(text, "about", about(found, language))
        page.write_text(text, "utf-8")
        print(f"{page.name}: filled")
    return 0


if __name__ == "__main__":
    sys.exit(main())
