"""The verb that makes rows like those of a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from ..errors import LatentryError
from .app import app
from .given import (
    DATA_HELP,
    TABLES,
    DataDir,
    Drop,
    Force,
    Json,
    OneThatSuits,
    Quiet,
    SchemaFile,
    Seed,
    listed,
)
from .output import emit, note, say

if TYPE_CHECKING:
    from ..data.columns import Column
    from ..jobs import Synthesizer

HELD_OUT = 0.2
"""The share of the rows that a report keeps from training."""
FEWEST = 50
"""Rows of which a report can be made."""


@app.command(
    rich_help_panel="Do a job",
    epilog="Example: latentry synthesize adult.csv -n 10000 -o fake.parquet --where 'income=>50K'",
)
def synthesize(
    data: Annotated[
        str, typer.Argument(metavar="DATA", help=f"{DATA_HELP}; or a run that --keep made")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="OUT", help="File to write: .csv, .parquet")
    ],
    n: Annotated[
        int | None, typer.Option("-n", help="Rows to make; else as many as DATA has.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="COLUMN=VALUE",
            help="Fix a column in all rows (repeat); nothing behind = fixes a missing cell.",
        ),
    ] = None,
    balance: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Make each level of a column equally often."),
    ] = None,
    model: OneThatSuits = None,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the rows; else as many as suit.")
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="RUN", help="Folder to keep the model in, to draw again."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="HTML",
            help="Page that says how good the rows are; a fifth of DATA is then held out for it.",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="What the report predicts from the other columns."),
    ] = None,
    schema: SchemaFile = None,
    drop: Drop = None,
    data_dir: DataDir = None,
    seed: Seed = 0,
    force: Force = False,
    quiet: Quiet = False,
    json_: Json = False,
) -> None:
    """Learn the table DATA, and write new rows like its own to OUT."""
    from ..data.writers import save_frame

    _check(out, report, keep, force)
    run = Path(data).expanduser()
    found: dict[str, Any] = {}
    if (run / "model.json").is_file():
        _only_of_tables(model=model, epochs=epochs, keep=keep, report=report, schema=schema)
        made, size = _opened(run), 1000
    else:
        table, told = _table(data, data_dir, drop, schema)
        learn, held = _split(table, report is not None, seed)
        _check_conditions(where or (), n, learn, told)
        made = _fitted(learn, told, model, epochs, seed, quiet or json_)
        size = len(table)
        if keep is not None:
            made.save(keep)
        if report is not None:
            found = _report(made, learn, held, target, report, seed)
    fixed = _conditions(where or (), made.columns_)
    rows = made.sample(size if n is None else n, fixed or None, balance=balance, seed=seed)
    save_frame(out, rows)
    if json_:
        figures = {k: v for k, v in found.items() if not isinstance(v, dict)}
        where_to = {"out": str(out), "report": None if report is None else str(report)}
        emit({**where_to, "rows": len(rows), "columns": list(rows.columns), "quality": figures})
        return
    say(f"{out}: {len(rows):,} rows of {rows.shape[1]} columns.")
    if report is not None:
        say(f"{report}: quality {found['quality']:.1%} (shapes {found['shapes']:.1%}, pairs"
            f" {found['pairs']:.1%}).")  # fmt: skip


def _check(out: Path, report: Path | None, keep: Path | None, force: bool) -> None:
    """Raise for what cannot be written, before anything is learned."""
    from ..data import check_output

    if check_output(out, force=force).suffix.lower() not in TABLES:
        raise LatentryError(f"Cannot write {out}: rows are a table; use one of .csv, .parquet.")
    if report is not None and report.suffix.lower() != ".html":
        raise LatentryError(f"Cannot write {report}: a report is a page; name it .html.")
    if report is not None and report.exists() and not force:
        raise LatentryError(
            f"Cannot write {report}: it exists already; choose another path or pass --force."
        )
    if keep is not None and keep.exists():
        raise LatentryError(f"{keep} exists; name a new folder with --keep, or remove it first.")


def _only_of_tables(**given: Any) -> None:
    for name, value in given.items():
        if value is not None:
            raise LatentryError(
                f"--{name} takes a table to learn from, and DATA is a run; leave it out, or give"
                " the table."
            )


def _opened(run: Path) -> Synthesizer:
    from ..jobs import Synthesizer

    return Synthesizer.load(run)


def _table(
    data: str, data_dir: Path | None, drop: list[str] | None, schema: str | None
) -> tuple[Any, dict[str, Any]]:
    """The rows as a DataFrame, and what is said of their columns."""
    from ..data import load
    from ..data.mixed import read_told

    told = dict(read_told(schema))
    dataset = load(data, data_dir=data_dir, drop=listed(drop), schema=told or None)
    if dataset.schema is None and dataset.columns is None:
        raise LatentryError(
            f"{data} is no table with named columns; give a .csv or .parquet file with a header."
        )
    return dataset.frame(), {name: said for name, said in told.items() if name in dataset.frame()}


def _split(table: Any, held_out: bool, seed: int) -> tuple[Any, Any]:
    """Rows to learn from, and those that are held out."""
    if not held_out:
        return table, None
    if len(table) < FEWEST:
        raise LatentryError(
            f"A report takes {FEWEST} rows or more, and DATA has {len(table)}; leave --report out."
        )
    order = np.random.default_rng(seed).permutation(len(table))
    held = round(HELD_OUT * len(table))
    parts = (np.sort(order[held:]), np.sort(order[:held]))
    learn, test = (table.iloc[rows].reset_index(drop=True) for rows in parts)
    return learn, test


def _fitted(
    table: Any, told: Any, model: str | None, epochs: int | None, seed: int, quiet: bool
) -> Synthesizer:
    from ..jobs import Synthesizer
    from ..training import RichReporter
    from ..zoo import named

    made = Synthesizer(None if model is None else named(model)(), random_state=seed)
    if not quiet:
        note(f"Learning from {len(table):,} rows ...")
    progress = None if quiet else RichReporter()
    return made.fit(table, schema=told, epochs=epochs, progress=progress)


def _check_conditions(where: Sequence[str], n: int | None, table: Any, told: Any) -> None:
    """Raise for cells or a number of rows that cannot be, before anything is learned."""
    from ..data import infer_columns
    from ..jobs import given

    columns = infer_columns(table, told)
    given.encode(given.read(_conditions(where, columns), n, columns), columns)


def _conditions(where: Sequence[str], columns: Sequence[Column]) -> dict[str, Any]:
    """The cells that --where fixes, by column."""
    from ..jobs.given import parse

    return dict(parse(text, columns) for text in where)


def _report(
    made: Synthesizer, learn: Any, held: Any, target: str | None, path: Path, seed: int
) -> dict[str, Any]:
    """Write the page, and give its figures."""
    from ..evaluation.tables import compare_tables
    from ..report.synthesis import write

    rows = made.sample(len(learn), seed=seed)
    found = compare_tables(learn, rows, held, target=target, seed=seed)
    write(path, learn, rows, found, target)
    return found
