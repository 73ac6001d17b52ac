"""The verb that fills gaps: a table with holes in, the whole table out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import LatentryError
from .app import app
from .given import Data, DataDir, Drop, Force, Json, SchemaFile, Seed, listed
from .jobs import (
    Keep,
    TableOut,
    Use,
    check_places,
    learns_nothing,
    model_named,
    need_columns,
    write_table,
)
from .output import emit, note, say

if TYPE_CHECKING:
    import pandas as pd

    from ..jobs import Imputer

NAMED = 8
"""Columns named in the summary."""

Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="MODEL",
        help="A model with a bound, such as not-miwae where values are missing for what they"
        " are; else networks that suit.",
    ),
]
Draws = Annotated[
    int | None, typer.Option(help="Codes drawn for each row and network.", show_default="500")
]
Members = Annotated[
    int | None, typer.Option(help="Networks whose fills are averaged.", show_default="3")
]
Samples = Annotated[
    int | None,
    typer.Option(
        help="Write so many imputations, each a draw, one below the other; a first column,"
        " imputation, counts them."
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="HTML",
        help="Page that says how good the fills are; a tenth of the cells that are there is then"
        " hidden from learning for it.",
    ),
]


@app.command(
    rich_help_panel="Do a job", epilog="Example: latentry impute holes.csv -o full.csv --samples 5"
)
def impute(
    data: Data,
    out: TableOut,
    model: Model = None,
    draws: Draws = None,
    members: Members = None,
    samples: Samples = None,
    keep: Keep = None,
    use: Use = None,
    report: Report = None,
    schema: SchemaFile = None,
    drop: Drop = None,
    data_dir: DataDir = None,
    seed: Seed = 0,
    force: Force = False,
    json_: Json = False,
) -> None:
    """Fill the missing cells of DATA by what its other cells say; what is there stays as it is.

    Empty cells, "?", "NA" and "NaN" are missing. Numbers get the mean of what is plausible, levels
    the most probable one; with --samples, each imputation is a draw.
    """
    from ..data import load_frame
    from ..evaluation.hidden import hide
    from ..jobs import Imputer

    check_places(data, out, keep, report, force=force)
    learns_nothing(use, model=model, draws=draws, members=members, schema=schema, keep=keep)
    if samples is not None and samples < 1:
        raise LatentryError(f"--samples {samples}: it is a whole number of at least 1.")
    holey = load_frame(data, data_dir=data_dir, drop=listed(drop))
    gaps = {str(name): int(n) for name, n in holey.isna().sum().items() if n}
    if not gaps:
        raise LatentryError(f"{data} has no missing cell; there is nothing to fill.")
    imputer = None if use is None else Imputer.load(use)
    if imputer is not None:
        holey = _ordered(imputer, data, holey)
    known, hidden = (holey, None) if report is None else hide(holey, seed)
    if imputer is None:
        given = {"model": model_named(model), "draws": draws, "members": members}
        if not json_:
            note(f"Learning from the {int(known.notna().sum().sum()):,} cells that are there ...")
        imputer = _fitted(known, schema, seed, given)
    if keep is not None:
        imputer.save(keep)
    write_table(out, _full(imputer, holey, samples, seed))
    found = _report(report, imputer, holey, known, hidden, use is None, seed) if report else []
    if json_:
        about = {"rows": len(holey), "filled": gaps, "imputations": samples or 1}
        emit({"out": str(out), "report": report and str(report), **about, "hidden": found})
        return
    say(f"{out}: {_told(gaps)}" + (f", {samples} times." if samples else "."))
    if report is not None:
        say(f"{report}: a page on them.")


def _report(
    path: Path,
    imputer: Imputer,
    holey: pd.DataFrame,
    known: pd.DataFrame,
    hidden: Any,
    learned: bool,
    seed: int,
) -> list[dict[str, Any]]:
    """Write the page, and give its figures by column."""
    from ..evaluation.hidden import by_column
    from ..report.imputation import write

    found = by_column(imputer, holey, known, hidden, seed)
    write(path, holey, imputer.transform(holey), found, learned)
    return found


def _fitted(holey: pd.DataFrame, schema: str | None, seed: int, given: dict[str, Any]) -> Imputer:
    from ..jobs import Imputer

    options = {name: value for name, value in given.items() if value is not None}
    return Imputer(**options, random_state=seed).fit(holey, schema=schema)


def _ordered(imputer: Imputer, data: str, holey: pd.DataFrame) -> pd.DataFrame:
    """The columns of DATA in the order in which they were learned."""
    wanted = [str(name) for name in getattr(imputer, "feature_names_in_", ())]
    need_columns(data, wanted, holey.columns)
    others = [name for name in holey.columns if name not in wanted]
    if others:
        raise LatentryError(
            f"{data} has the column {others[0]!r}, which was not learned; leave it out with --drop"
            f" {others[0]!r}."
        )
    return holey.reindex(columns=wanted)


def _full(imputer: Imputer, holey: pd.DataFrame, samples: int | None, seed: int) -> pd.DataFrame:
    """The filled table; several of them, one below the other, where they are asked for."""
    import pandas as pd

    if samples is None:
        return imputer.transform(holey)
    each = imputer.sample(holey, samples, seed)
    for i, table in enumerate(each):
        table.insert(0, "imputation", i + 1)
    return pd.concat(each, ignore_index=True)


def _told(gaps: dict[str, int]) -> str:
    """How many cells of which columns were filled."""
    most = sorted(gaps.items(), key=lambda pair: -pair[1])
    named = ", ".join(f"{n:,} of {name}" for name, n in most[:NAMED])
    more = f" and {sum(n for _, n in most[NAMED:]):,} of other columns" if most[NAMED:] else ""
    total = sum(gaps.values())
    return f"{total:,} {'cell' if total == 1 else 'cells'} filled: {named}{more}"
