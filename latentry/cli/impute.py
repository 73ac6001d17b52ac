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
        " are; else a network that suits, and regressions that finish what it fills.",
    ),
]
Draws = Annotated[
    int | None, typer.Option(help="Codes drawn for each row and network.", show_default="200")
]
Members = Annotated[
    int | None, typer.Option(help="Networks whose fills are averaged.", show_default="1")
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
        help="Page that says how good the fills are.",
    ),
]
Check = Annotated[
    bool,
    typer.Option(
        "--check/--no-check",
        help="Hide up to a tenth of the cells that are there from learning, and say how well they"
        " are filled.",
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
    check: Check = True,
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
    from ..evaluation.hidden import by_column, hide, overall
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
    whole, empty = holey, [] if imputer else list(holey.columns[holey.isna().all()])
    if len(empty) == whole.shape[1]:
        raise LatentryError(
            f"{data} has no cell that is filled, so nothing can be learned from it."
        )
    holey = whole.drop(columns=empty)
    known, hidden = hide(holey, seed) if check or report else (holey, None)
    if imputer is None:
        given = {"model": model_named(model), "draws": draws, "members": members}
        if not json_:
            note(f"Learning from the {int(known.notna().sum().sum()):,} cells that are there ...")
        imputer = _fitted(known, schema, seed, given)
    if keep is not None:
        imputer.save(keep)
    filled = imputer.transform(holey) if samples is None or report is not None else None
    made = [filled] if samples is None else imputer.sample(holey, samples, seed)
    write_table(out, _full(made, holey, whole, numbered=samples is not None))
    found = []
    if hidden is not None and hidden.any():
        some = hidden.any(1)
        found = by_column(imputer, holey[some], known[some], hidden[some], seed)
    if report is not None:
        from ..report.imputation import write

        write(report, holey, filled, found, use is None)
    gaps = {name: n for name, n in gaps.items() if name not in empty}
    if json_:
        about = {"rows": len(holey), "filled": gaps, "empty": empty, "imputations": samples or 1}
        emit({"out": str(out), "report": report and str(report), **about, "hidden": found})
        return
    say(f"{out}: {_told(gaps)}" + (f", {samples} times." if samples else "."))
    if empty:
        say(f"Left empty, since no cell says what belongs there: {', '.join(map(str, empty))}.")
    if found:
        say(_scored(overall(found), use is None))
    if report is not None:
        say(f"{report}: a page on them.")


def _scored(total: dict[str, Any], learned: bool) -> str:
    """How well observed cells are filled that were hidden."""
    said = []
    if "rmse" in total:
        said.append(
            f"numbers are off by {total['rmse']:.2f} standard deviations (RMSE), and"
            f" {total['coverage']:.0%} of them lie in their 90% intervals"
        )
    if "pfc" in total:
        said.append(f"{total['pfc']:.0%} of levels are false (PFC)")
    where = " from learning" if learned else ""
    return f"Of {total['cells']:,} known cells that were hidden{where}, {'; '.join(said)}."


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


def _full(
    made: list[Any], holey: pd.DataFrame, whole: pd.DataFrame, *, numbered: bool
) -> pd.DataFrame:
    """The filled tables, one below the other, `numbered` in a first column.

    In the columns and types of `whole`, whose empty columns `holey` lacks.
    """
    import pandas as pd

    kinds = {n: k for n, k in whole.dtypes.items() if n in holey and k != made[0][n].dtype}
    each = [
        t.astype(kinds).join(whole.drop(columns=holey.columns))[list(whole.columns)] for t in made
    ]
    if numbered:
        for i, table in enumerate(each):
            table.insert(0, "imputation", i + 1)
    return pd.concat(each, ignore_index=True) if numbered else each[0]


def _told(gaps: dict[str, int]) -> str:
    """How many cells of which columns were filled."""
    most = sorted(gaps.items(), key=lambda pair: -pair[1])
    named = ", ".join(f"{n:,} of {name}" for name, n in most[:NAMED])
    more = f" and {sum(n for _, n in most[NAMED:]):,} of other columns" if most[NAMED:] else ""
    total = sum(gaps.values())
    return f"{total:,} {'cell' if total == 1 else 'cells'} filled: {named}{more}"
