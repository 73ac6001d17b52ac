"""The verb that makes rows like those of a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from ..errors import LatentryError, suggest
from .app import app
from .given import DATA_HELP, DataDir, Drop, Force, Json, Quiet, SchemaFile, Seed, listed
from .jobs import (
    Keep,
    OneThatSuits,
    TableOut,
    Use,
    check_places,
    learns_nothing,
    model_named,
    write_table,
)
from .output import emit, note, say

if TYPE_CHECKING:
    from ..data.columns import Column
    from ..jobs import Synthesizer

HELD_OUT = 0.2
"""The share of the rows that a report keeps from training."""
FEWEST = 50
"""Rows of which a report can be made."""
ROWS = 1000
"""Rows that are made where there is no DATA to say how many."""

MaybeData = Annotated[
    str | None, typer.Argument(metavar="DATA", help=f"{DATA_HELP}; none with --use")
]
Count = Annotated[
    int | None, typer.Option("-n", help=f"Rows to make; else as many as DATA has, or {ROWS:,}.")
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="COLUMN=VALUE",
        help="Fix a column in all rows (repeat); nothing behind = fixes a missing cell.",
    ),
]
Rule = Annotated[
    list[str] | None,
    typer.Option(
        "--constraint",
        metavar="RULE",
        help="What holds in every row (repeat): 'age >= 18', 'start <= end', 'unique id', or 'fixed"
        " city, state', which occur together only as they do in DATA.",
    ),
]
Balance = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Make each level of a column equally often.")
]
Epochs = Annotated[int | None, typer.Option(help="Passes over the rows; else as many as suit.")]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="HTML",
        help="Page that says how good the rows are; a fifth of DATA is then held out for it.",
    ),
]
Target = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="What the report predicts from the other columns."),
]


@app.command(
    rich_help_panel="Do a job",
    epilog="Example: latentry synthesize adult.csv -n 10000 -o fake.parquet --where 'income=>50K'",
)
def synthesize(
    out: TableOut,
    data: MaybeData = None,
    n: Count = None,
    where: Where = None,
    constraint: Rule = None,
    balance: Balance = None,
    model: OneThatSuits = None,
    epochs: Epochs = None,
    keep: Keep = None,
    use: Use = None,
    report: Report = None,
    target: Target = None,
    schema: SchemaFile = None,
    drop: Drop = None,
    data_dir: DataDir = None,
    seed: Seed = 0,
    force: Force = False,
    quiet: Quiet = False,
    json_: Json = False,
) -> None:
    """Learn the table DATA, and write new rows like its own to OUT.

    With --use the table was learned before, and there is no DATA.
    """
    check_places(data, out, keep, report, force=force)
    learning = {"model": model, "epochs": epochs, "keep": keep, "report": report, "schema": schema}
    learns_nothing(use, **learning, constraint=constraint, drop=drop)
    found: dict[str, Any] = {}
    if use is not None:
        made, size = _opened(use, data), ROWS
        fixed = _fixed(made, where or (), n, balance, made.columns_beside_)
    else:
        table, told = _table(data, data_dir, drop, schema)
        size = len(table)
        learn, held = _split(table, report is not None, seed)
        _check_target(target, report, table)
        made = _rules(constraint or (), model, learn, seed)
        columns = made.columns_of(learn, schema=told)
        fixed = _fixed(made, where or (), n, balance, columns)
        _fit(made, learn, told, epochs, quiet or json_)
        if keep is not None:
            made.save(keep)
        if report is not None:
            found = _report(made, learn, held, target, report, seed)
    rows = made.sample(size if n is None else n, fixed or None, balance=balance, seed=seed)
    write_table(out, rows)
    _tell(out, report, rows, found, json_)


def _opened(use: Path, data: str | None) -> Synthesizer:
    from ..jobs import Synthesizer

    if data is not None:
        raise LatentryError(f"--use {use} learns nothing, so there is no DATA; leave {data} out.")
    return Synthesizer.load(use)


def _table(
    data: str | None, data_dir: Path | None, drop: list[str] | None, schema: str | None
) -> tuple[Any, dict[str, Any]]:
    """The rows as a DataFrame, and what is said of their columns."""
    from ..data import load
    from ..data.mixed import read_told

    if data is None:
        raise LatentryError("There is no table to learn; name DATA, or what was kept with --use.")
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


def _check_target(target: str | None, report: Path | None, table: Any) -> None:
    if target is not None and report is None:
        raise LatentryError("--target is for a report; add --report PAGE.html, or leave it out.")
    if target is not None and target not in table:
        raise LatentryError(
            f"--target {target} is no column of the table.{suggest(target, list(table))}"
        )


def _rules(constraint: Sequence[str], model: str | None, table: Any, seed: int) -> Synthesizer:
    """The synthesizer that was asked for, before it has learned."""
    from ..jobs import Synthesizer
    from ..jobs.phrases import parse

    rules = [each for text in constraint for each in parse(text, list(table))]
    return Synthesizer(model_named(model), constraints=rules, random_state=seed)


def _fit(made: Synthesizer, table: Any, told: Any, epochs: int | None, quiet: bool) -> None:
    from ..training import RichReporter

    if not quiet:
        note(f"Learning from {len(table):,} rows ...")
    progress = None if quiet else RichReporter()
    made.fit(table, schema=told, epochs=epochs, progress=progress)


def _fixed(
    made: Synthesizer,
    where: Sequence[str],
    n: int | None,
    balance: str | None,
    columns: Sequence[Column],
) -> dict[str, Any]:
    """The cells that --where fixes, by column. Raises for what cannot be made."""
    from ..jobs.given import parse

    pairs = [parse(text, columns) for text in where]
    fixed = dict(pairs)
    for name in fixed:
        if sum(other == name for other, _ in pairs) > 1:
            raise LatentryError(f"--where fixes {name!r} more than once; leave all but one out.")
    made.check_conditions(fixed, n, balance=balance, columns=columns)
    return fixed


def _report(
    made: Synthesizer, learn: Any, held: Any, target: str | None, path: Path, seed: int
) -> dict[str, Any]:
    """Write the page, and give its figures."""
    from ..evaluation.tables import compare_tables
    from ..report.synthesis import write

    rows = made.sample(len(learn), seed=seed)
    learn, rows, held = (_dated(made, each) for each in (learn, rows, held))
    found = compare_tables(learn, rows, held, target=target, seed=seed)
    write(path, learn, rows, found, target)
    return found


def _dated(made: Synthesizer, table: Any) -> Any:
    """The table with dates where it has the text of them, which are then compared as such."""
    from ..jobs.lines import line

    text = {c.name: c.dates.text for c in made.columns_ if c.dates is not None and c.dates.text}
    return table.assign(**{name: line(table[name], how) for name, how in text.items()})


def _tell(out: Path, report: Path | None, rows: Any, found: dict[str, Any], json_: bool) -> None:
    if json_:
        figures = {k: v for k, v in found.items() if not isinstance(v, dict)}
        where_to = {"out": str(out), "report": None if report is None else str(report)}
        emit({**where_to, "rows": len(rows), "columns": list(rows.columns), "quality": figures})
        return
    say(f"{out}: {len(rows):,} {'row' if len(rows) == 1 else 'rows'} of {rows.shape[1]} columns.")
    if report is not None:
        say(f"{report}: quality {found['quality']:.1%} (shapes {found['shapes']:.1%}, pairs"
            f" {found['pairs']:.1%}).")  # fmt: skip
