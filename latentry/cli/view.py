"""Verbs that look at runs, models and data sets: info, evaluate, report, models, data."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import LatentryError
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
    Run,
    SchemaFile,
    Seed,
    data_of,
    listed,
    load_run,
    open_for,
)
from .measured import Asked, measured, measures_table
from .options import field_options
from .output import emit, note, say, table
from .pages import figures_table, write_report

LOOK = "Look at a run"
LISTS = "What there is"


@app.command(rich_help_panel=LOOK, epilog="Example: latentry info runs/digits")
def info(run: Run, json_: Json = False) -> None:
    """What a run is: model, data, options, what was chosen and why, and how far it is."""
    from ..persistence import read_info

    found = read_info(run)
    if json_:
        emit(found)
        return
    from ..data import Schema

    data = found.get("data") or {}
    rows: list[tuple[str, Any]] = [
        ("run", f"{run} ({found['status']})"),
        ("model", found["model"]),
        ("data", data.get("data", "given from Python")),
        ("each sample", Schema.from_dict(found["schema"]).describe()),
        ("likelihood", found["likelihood"]),
        ("network", found["net"]),
        *(("chosen", sentence) for sentence in found["choices"]),
        *(("note", sentence) for sentence in found["notes"]),
        ("seed", str(found["seed"])),
        ("made with", f"latentry {found['latentry']}, torch {found['torch']}"),
    ]
    table(("", ""), rows, header=False)
    given = {k: v for k, v in found["fields"].items() if v is not None and k != "verbose"}
    say("\nOptions: " + ", ".join(f"{k}={v}" for k, v in given.items()))
    if found["status"] != "finished":
        say(f"\nContinue it with: latentry resume {run}")


Measures = Annotated[
    str | None,
    typer.Option(
        "--measures",
        metavar="GROUP,...|all",
        help="More figures: likelihood, reconstruction, samples, latents, paths, robustness,"
        " disentanglement, or all.",
    ),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        "--features",
        metavar="PATH",
        help="TorchScript file of an Inception network to judge samples by; else a classifier"
        " trained on the labels, or principal components.",
    ),
]
Factors = Annotated[
    list[str] | None,
    typer.Option(
        "--factors",
        metavar="COLUMN",
        help="Columns with known factors, for disentanglement (repeat, or a,b).",
    ),
]
Anomalies = Annotated[
    list[str] | None,
    typer.Option(
        "--anomalies",
        metavar="LABEL",
        help="Labels of rows that are anomalies, for robustness (repeat, or a,b).",
    ),
]


@app.command(rich_help_panel=LOOK, epilog="Example: latentry evaluate runs/mnist mnist:test --json")
def evaluate(
    run: Run,
    data: Data,
    draws: Annotated[int, typer.Option(help="Importance samples for each row.")] = 100,
    measures: Measures = None,
    features: Weights = None,
    factors: Factors = None,
    anomalies: Anomalies = None,
    condition: ConditionColumn = None,
    label: Label = None,
    drop: Drop = None,
    data_dir: DataDir = None,
    seed: Seed = 0,
    json_: Json = False,
) -> None:
    """How well the model explains DATA: bound, likelihood, error, use of the code; with units."""
    if draws < 1:
        raise LatentryError(f"--draws {draws} is too few; the likelihood takes at least 1.")
    asked = Opening(label, listed(drop), condition)
    if measures is not None:
        more = _asked(measures, features, listed(factors), listed(anomalies), draws, seed)
        _evaluate_measures(run, data, asked, data_dir, more, json_)
        return
    if features or factors or anomalies:
        raise LatentryError("--features, --factors and --anomalies go with --measures; add it.")
    est, about = load_run(run)
    dataset, c = open_for(est, run, about, data, asked, data_dir)
    found = est.evaluate(dataset, draws=draws, condition=c)
    if json_:
        emit({"run": str(run), "data": data, **found})
        return
    say(f"{type(est).__name__} of {run} on {len(dataset.x):,} rows of {data}:\n")
    figures_table(found)


def _asked(
    measures: str,
    features: Path | None,
    factors: tuple[str, ...],
    anomalies: tuple[str, ...],
    draws: int,
    seed: int,
) -> Asked:
    from ..evaluation.measures import parse_groups

    return Asked(parse_groups(measures), features, factors, anomalies, draws, seed)


def _evaluate_measures(
    run: Path, data: str, opening: Opening, data_dir: Path | None, asked: Asked, json_: bool
) -> None:
    est, about = load_run(run)
    found = measured(est, run, about, data, opening, data_dir, asked)
    if json_:
        emit({"run": str(run), "data": data, **found})
        return
    say(f"{type(est).__name__} of {run} on {found['rows']:,} rows of {data}:\n")
    measures_table(found)


@app.command(rich_help_panel=LOOK, epilog="Example: latentry report runs/digits")
def report(
    run: Run,
    data: Annotated[
        str | None, typer.Option("--data", metavar="DATA", help="Other data than it was made from.")
    ] = None,
    draws: Annotated[int, typer.Option(help="Importance samples for each row.")] = 100,
    data_dir: DataDir = None,
    quiet: Quiet = False,
    json_: Json = False,
) -> None:
    """Make RUN/report.html and the pictures in RUN/figures again."""
    est, about = load_run(run)
    dataset, c = open_for(est, run, about, data, Opening(), data_dir)
    if not quiet:
        note(f"Drawing the pictures from {data or data_of(about, run)[0]} ...")
    found, page = write_report(est, dataset, c, run, own=data is None, draws=draws)
    if json_:
        emit({"report": str(page), "figures": str(page.parent / "figures"), **found})
        return
    say(f"{page}: open it in a browser.")


@app.command(rich_help_panel=LISTS, epilog="Example: latentry models beta-vae")
def models(
    name: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="show one model's options")
    ] = None,
    json_: Json = False,
) -> None:
    """List the models, or show one with its options."""
    from .. import zoo

    known = zoo.models() if name is None else {zoo.name_of(zoo.named(name)): zoo.named(name)}
    if json_:
        emit({"models": [_model_row(each, cls) for each, cls in known.items()]})
        return
    if name is None:
        table(("model", "what it is"), [(k, summary(cls)) for k, cls in known.items()])
        say("\nlatentry models MODEL shows one with its options.")
        return
    ((kebab, cls),) = known.items()
    say(f"{kebab} ({cls.__name__})\n\n{inspect.getdoc(cls)}\n")
    rows = [(o["option"], o["default"], o["help"]) for o in _model_row(kebab, cls)["options"]]
    table(("option", "default", ""), rows)


def summary(cls: type) -> str:
    """The first sentence of a model's docstring, without its name before the colon."""
    return (inspect.getdoc(cls) or "").split("\n\n")[0].replace("\n", " ")


def sources(cls: type) -> list[str]:
    """The lines of a model's docstring that cite a paper."""
    return [
        line for line in (inspect.getdoc(cls) or "").split("\n") if re.search("https?://", line)
    ]


def _model_row(name: str, cls: type) -> dict[str, Any]:
    defaults = {field.name: field.default for field in dataclasses.fields(cls)}
    options = [
        {"option": o.flag, "default": defaults[o.field], "help": o.help}
        for o in field_options().values()
        if name in o.models
    ]
    about = {"name": name, "class": cls.__name__, "summary": summary(cls)}
    return {**about, "sources": sources(cls), "options": options}


@app.command(rich_help_panel=LISTS, epilog="Example: latentry cite beta-vae")
def cite(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="`latentry models` lists them.")],
    json_: Json = False,
) -> None:
    """Print the papers that a model comes from, as BibTeX."""
    from .. import zoo
    from ..zoo.papers import papers

    model = zoo.named(name)
    found = papers(model)
    if json_:
        emit(
            {"model": zoo.name_of(model), "papers": [{**vars(p), "title": p.title} for p in found]}
        )
        return
    say("\n\n".join(paper.bibtex() for paper in found))


@app.command(rich_help_panel=LISTS, epilog="Example: latentry data mnist")
def data(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME|FILE]", help="fetch this one, or read it, and say what it is"
        ),
    ] = None,
    schema: SchemaFile = None,
    data_dir: DataDir = None,
    json_: Json = False,
) -> None:
    """List the named data sets and where they are, or say what one, or a file, holds."""
    from ..data import datasets

    if name is None:
        listing = datasets(data_dir=data_dir)
        if json_:
            emit({"datasets": listing})
            return
        table(("name", "sample", "rows", "where it is now"), [*map(_data_row, listing)])
        say("\nlatentry data NAME fetches one. Any file or folder of images is data too.")
        return
    _show_data(name, schema, data_dir, json_)


def _data_row(found: dict[str, Any]) -> tuple[str, str, str, str]:
    rows = ", ".join(f"{split} {n:,}" for split, n in found["samples"].items())
    shape = " x ".join(map(str, found["shape"]))
    where = found["where"] or "not fetched yet"
    return found["name"], shape, rows, where


def _show_data(name: str, told: str | None, data_dir: Path | None, json_: bool) -> None:
    from ..data import Schema, fetch, load

    where = None if Path(name).expanduser().exists() else fetch(name, data_dir)
    dataset = load(name, data_dir=data_dir, schema=told)
    schema = dataset.schema or Schema.infer(
        dataset.x, columns=dataset.columns, levels=dataset.levels
    )
    labels = None if dataset.labels is None else sorted({str(each) for each in dataset.labels})
    if json_:
        shape, what = list(dataset.x.shape), schema.describe()
        emit(
            {
                "name": name,
                "shape": shape,
                "sample": what,
                "labels": labels,
                "source": dataset.source,
                "columns": {column.name: column.describe() for column in schema.table},
            }
        )
        return
    say(f"{name}: {len(dataset.x):,} samples, {schema.describe()}.")
    if schema.table:
        table(("column", "what it is"), [(c.name, c.describe()) for c in schema.table])
    if labels:
        more = ", ..." if len(labels) > 12 else ""
        say(f"labels: {', '.join(labels[:12])}{more}")
    if dataset.licence:
        say(f"licence: {dataset.licence}" + (f"\nfiles: {where}" if where else ""))
