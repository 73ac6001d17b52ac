"""The verb that trains several models alike and says which is for what."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .app import app
from .given import (
    ConditionColumn,
    Data,
    DataDir,
    Drop,
    Json,
    Label,
    Opening,
    Quiet,
    Shape,
    listed,
    shape_of,
)
from .options import GIVEN, WithModelOptions, field_options
from .output import emit, note, say, table
from .output import out as out_

if TYPE_CHECKING:
    from pandas import DataFrame

PANEL = "Train"


@app.command(
    cls=WithModelOptions,
    rich_help_panel=PANEL,
    epilog="Example: latentry compare digits --models ae,vae,beta-vae:beta=4 --budget 2m",
)
def compare(
    ctx: typer.Context,
    data: Data,
    models: Annotated[
        str,
        typer.Option(
            "--models",
            "-m",
            metavar="MODEL,...",
            help="Models, each with fields of its own if wanted: ae,vae,beta-vae:beta=4.",
        ),
    ] = "ae,vae,beta-vae",
    seeds: Annotated[int, typer.Option(help="Fits of each model.")] = 3,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Time for all of it, such as 90s, 10m or 1h: it settles the number of epochs.",
        ),
    ] = None,
    jobs: Annotated[
        str | None,
        typer.Option(metavar="JOB,...", help="Only these jobs, such as reconstruct,generate."),
    ] = None,
    test: Annotated[float, typer.Option(help="Share of the rows to measure on.")] = 0.2,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FOLDER",
            help="Folder for the comparison; one that was stopped goes on. Else one in runs/.",
        ),
    ] = None,
    condition: ConditionColumn = None,
    label: Label = None,
    drop: Drop = None,
    shape: Shape = None,
    data_dir: DataDir = None,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Draw compare.html at the end.")
    ] = True,
    quiet: Quiet = False,
    json_: Json = False,
) -> None:
    """Train several models alike on DATA, measure them alike, and say which is best for which job.

    The options of every model, such as --latent, hold for all of them. With --budget, a short trial
    measures the speed of each, then all get the same number of epochs.
    """  # fmt: skip
    from ..comparing import compare as run
    from ..comparing import split_names

    fields = _fields(ctx)
    first = fields.pop("random_state", 0)
    epochs = fields.pop("epochs", None)
    folder = out or _new_folder(data)
    opening = Opening(label, listed(drop), condition, shape_of(shape))
    dataset, c = opening.open(data, data_dir)
    found = run(
        split_names(models),
        dataset,
        seeds=seeds,
        budget=budget,
        epochs=epochs,
        test=test,
        folder=folder,
        condition=c,
        jobs=jobs,
        random_state=first,
        verbose=not quiet,
        **fields,
    )
    page = None
    if report:
        from ..report.compare import compare_page

        if not quiet:
            note("Drawing the pictures and the page ...")
        page = compare_page(found, dataset, folder, condition=c)
    if json_:
        emit(_summary(found, folder, page))
    else:
        _tell(found, folder, page, data)


def _fields(ctx: typer.Context) -> dict[str, Any]:
    """The fields given on the command line; `compare` checks them against the models."""
    options = field_options()
    return {name: options[name].parse(value) for name, value in ctx.meta.get(GIVEN, {}).items()}


def _new_folder(data: str) -> Path:
    stem = f"{Path(data).stem.replace(':', '-') or 'data'}-compare"
    names = itertools.chain([stem], (f"{stem}-{i}" for i in itertools.count(2)))
    return next(Path("runs") / each for each in names if not (Path("runs") / each).exists())


def _summary(found: DataFrame, folder: Path, page: Path | None) -> dict[str, Any]:
    about = found.attrs
    models = {
        name: {column: None if value != value else value for column, value in row.items()}
        for name, row in found.astype(object).where(found.notna(), None).to_dict("index").items()
    }
    return {
        "folder": str(folder),
        "report": None if page is None else str(page),
        "models": models,
        **{
            name: about[name]
            for name in (
                "summary", "recommendation", "units", "feature_space", "epochs", "seeds", "rows",
                "values", "notes",
            )
        },
    }  # fmt: skip


def _tell(found: DataFrame, folder: Path, page: Path | None, data: str) -> None:
    from ..comparing.verdict import figure_text, mean_and_error

    about = found.attrs
    cells = {
        (each["job"], model): figure_text(
            *mean_and_error(about["values"][model].get(each["figure"], ()))
        ).replace(" ", "")  # so that it stays on one line
        for each in about["recommendation"]
        for model in each["ranks"]
    }
    jobs = about["recommendation"]
    seeds, epochs = len(about["seeds"]), about["epochs"]
    trained = f", {epochs} epoch{'s' if epochs > 1 else ''} each" if epochs else ""
    fits = f"{seeds} seed{'s' if seeds > 1 else ''}{trained}"
    measured = f"measured on {about['rows']['test']:,} rows that none of them learned from"
    say(f"{len(found)} models on {data}, {fits}; {measured}.\n")
    if _FIRST + sum(max(len(name), _CELL) + 2 for name in found.index) <= out_().width:
        table(("to ..., by", *found.index), [_wide(each, found.index, cells) for each in jobs])
    else:
        table(("to ..., by", "rank", "model", "figure"), _long(jobs, cells))
    say("\nThe rank, and mean ± standard error over the seeds; a shared rank is no clear"
        " difference.\n")  # fmt: skip
    if about["summary"]:
        say(about["summary"] + "\n")
    for sentence in about["notes"]:
        say(f"Note: {sentence.rstrip('.')}.")
    where = f"; open {page} in a browser" if page else ""
    say(f"\nThe comparison is in {folder}{where}. Each fit is a run of its own.")


_FIRST, _CELL = 26, 14
"""Columns that the names of the jobs take, and a figure with its rank."""


def _wide(job: dict[str, Any], models: Iterable[str], cells: dict[Any, str]) -> tuple[str, ...]:
    """One line for a job, a column for each model."""
    ranks = job["ranks"]
    told = [f"{ranks[m]} {cells[job['job'], m]}" if m in ranks else "-" for m in models]
    return (f"{job['purpose']}\n  {job['label']}", *told)


def _long(jobs: list[dict[str, Any]], cells: dict[Any, str]) -> list[tuple[str, ...]]:
    """A line for each job and model, the best model first: for more models than fit in a row."""
    rows = []
    for job in jobs:
        order = sorted(job["ranks"].items(), key=lambda item: item[1])
        for k, (model, rank) in enumerate(order):
            first = (job["purpose"], f"  {job['label']}", "")[min(k, 2)]
            rows.append((first, str(rank), model, cells[job["job"], model]))
        if len(order) == 1:
            rows.append((f"  {job['label']}", "", "", ""))
    return rows
