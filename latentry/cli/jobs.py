"""What the verbs of the jobs share: what they check first, and what they open and write."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import LatentryError, suggest
from .given import DATA_HELP

if TYPE_CHECKING:
    import pandas as pd

    from ..estimator import Estimator

TABLES = (".csv", ".parquet")
"""What a table is written as."""

Table = Annotated[str, typer.Argument(metavar="DATA", help=DATA_HELP)]
TableOut = Annotated[
    Path, typer.Option("--out", "-o", metavar="OUT", help="File to write: .csv or .parquet.")
]
MaybeTableOut = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="OUT", help="File to write: .csv or .parquet."),
]
OneThatSuits = Annotated[
    str | None,
    typer.Option(
        "--model", "-m", metavar="MODEL", help="`latentry models` lists them; else one that suits."
    ),
]
Keep = Annotated[
    Path | None,
    typer.Option("--keep", metavar="FOLDER", help="New folder to keep what was learned in."),
]
Use = Annotated[
    Path | None,
    typer.Option("--use", metavar="FOLDER", help="Learn nothing; take what --keep kept there."),
]


def check_places(
    data: str | None,
    out: Path | None,
    keep: Path | None = None,
    report: Path | None = None,
    *,
    force: bool,
) -> None:
    """Raise for what cannot be read or written as it was asked for, before anything is learned."""
    from ..data import check_output
    from ..persistence import JOB

    if data is not None and (Path(data).expanduser() / JOB).is_file():
        raise LatentryError(f"{data} is no table but what --keep kept; name it by --use {data}.")
    if out is not None:
        if out.suffix.lower() not in TABLES:
            raise LatentryError(f"Cannot write {out}: a table is written as {' or '.join(TABLES)}.")
        check_output(out, force=force)
    if report is not None:
        _check_report(report, force)
    if keep is not None and keep.exists():
        raise LatentryError(f"{keep} exists; name a new folder with --keep, or remove it first.")
    if keep is not None and any(above.is_file() for above in keep.parents):
        raise LatentryError(
            f"{keep} cannot be a folder, as a part of its path is a file; name another."
        )


def _check_report(report: Path, force: bool) -> None:
    fix = None
    if report.suffix.lower() != ".html":
        fix = "a report is a page; name it .html"
    elif report.is_dir():
        fix = "a folder stands there; choose another path"
    elif report.exists() and not force:
        fix = "it exists already; choose another path or pass --force"
    elif not report.parent.is_dir():
        fix = "its folder does not exist; create it first"
    if fix is not None:
        raise LatentryError(f"Cannot write {report}: {fix}.")


def learns_nothing(use: Path | None, **given: Any) -> None:
    """Raise where --use is given with options that say how to learn."""
    for name, value in given.items():
        if use is not None and value:
            raise LatentryError(
                f"--{name.replace('_', '-')} goes with learning, and --use {use} learns nothing;"
                " leave one of them out."
            )


def model_named(name: str | None) -> Estimator | None:
    """The model that --model names, untrained; None where the job takes its own."""
    from ..zoo import named

    return None if name is None else named(name)()


def need_columns(data: str, wanted: Collection[str], there: Collection[str]) -> None:
    """Raise where DATA lacks a column that was learned from."""
    for name in wanted:
        if name not in there:
            raise LatentryError(
                f"{data} has no column {name!r}, which was learned from; add it (its cells may be"
                f" empty).{suggest(name, there)}"
            )


def write_table(out: Path, table: pd.DataFrame) -> None:
    """The table as a file, whole or not at all."""
    from ..data.writers import save_frame

    save_frame(out, table)
