"""The verb that fills gaps: a table with holes in, the whole table out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import LatentryError
from .app import app
from .given import TABLES, Data, DataDir, Drop, Force, Json, SchemaFile, Seed, listed
from .output import emit, note, say

if TYPE_CHECKING:
    import pandas as pd

    from ..jobs import Imputer

NAMED = 8
"""Columns named in the summary."""


@app.command(
    rich_help_panel="Do a job", epilog="Example: latentry impute holes.csv -o full.csv --samples 5"
)
def impute(
    data: Data,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="OUT", help="File to write: .csv or .parquet.")
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="MODEL",
            help="A model with a bound, such as not-miwae where values are missing for what they"
            " are; else networks that suit.",
        ),
    ] = None,
    draws: Annotated[int, typer.Option(help="Codes drawn for each row and network.")] = 500,
    members: Annotated[int, typer.Option(help="Networks whose fills are averaged.")] = 3,
    samples: Annotated[
        int | None,
        typer.Option(
            help="Write so many imputations, each a draw, one below the other; a first column,"
            " imputation, counts them."
        ),
    ] = None,
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
    from ..data import check_output, load_frame
    from ..jobs import Imputer
    from ..zoo import named

    check_output(out, force=force)
    if out.suffix.lower() not in TABLES:
        raise LatentryError(f"Cannot write {out}: a table is written as {' or '.join(TABLES)}.")
    if samples is not None and samples < 1:
        raise LatentryError(f"--samples {samples}: it is a whole number of at least 1.")
    holey = load_frame(data, data_dir=data_dir, drop=listed(drop))
    gaps = {str(name): int(n) for name, n in holey.isna().sum().items() if n}
    if not gaps:
        raise LatentryError(f"{data} has no missing cell; there is nothing to fill.")
    imputer = Imputer(
        None if model is None else named(model)(), draws=draws, members=members, random_state=seed
    )
    if not json_:
        note(f"Learning from the {int(holey.notna().sum().sum()):,} cells that are there ...")
    imputer.fit(holey, schema=schema)
    _write(out, imputer, holey, samples, seed, force)
    if json_:
        emit({"out": str(out), "rows": len(holey), "filled": gaps, "imputations": samples or 1})
        return
    say(f"{out}: {_told(gaps)}" + (f", {samples} times." if samples else "."))


def _write(
    out: Path, imputer: Imputer, holey: pd.DataFrame, samples: int | None, seed: int, force: bool
) -> None:
    import pandas as pd

    from ..data import write

    if samples is None:
        full = imputer.transform(holey)
    else:
        each = imputer.sample(holey, samples, seed)
        for i, table in enumerate(each):
            table.insert(0, "imputation", i + 1)
        full = pd.concat(each, ignore_index=True)
    write(out, full, force=force)


def _told(gaps: dict[str, int]) -> str:
    """How many cells of which columns were filled."""
    most = sorted(gaps.items(), key=lambda pair: -pair[1])
    named = ", ".join(f"{n:,} of {name}" for name, n in most[:NAMED])
    more = f" and {sum(n for _, n in most[NAMED:]):,} of other columns" if most[NAMED:] else ""
    total = sum(gaps.values())
    return f"{total:,} {'cell' if total == 1 else 'cells'} filled: {named}{more}"
