"""Verbs that train: fit and resume."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from ..errors import Interrupted, LatentryError
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
    Shape,
    listed,
    open_own,
    rank,
    shape_of,
)
from .options import WithModelOptions, given_fields
from .output import emit, note, say
from .pages import figures_table, report_rows, write_report

if TYPE_CHECKING:
    from ..data.datasets import Dataset
    from ..estimator import Estimator

PANEL = "Train"

Report = Annotated[
    bool, typer.Option("--report/--no-report", help="Draw report.html and the pictures at the end.")
]


@app.command(
    cls=WithModelOptions,
    rich_help_panel=PANEL,
    epilog="Example: latentry fit digits --model beta-vae --beta 4 --latent 2 --out runs/digits",
)
def fit(
    ctx: typer.Context,
    data: Data,
    model: Annotated[
        str, typer.Option("--model", "-m", metavar="MODEL", help="`latentry models` lists them.")
    ] = "vae",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="RUN", help="Folder for the run; else one in runs/ is made."
        ),
    ] = None,
    condition: ConditionColumn = None,
    label: Label = None,
    drop: Drop = None,
    shape: Shape = None,
    schema: SchemaFile = None,
    data_dir: DataDir = None,
    report: Report = True,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Replace the run that stands at RUN.")
    ] = False,
    quiet: Quiet = False,
    json_: Json = False,
) -> None:
    """Train a model on DATA and keep the run: the model, its history, pictures and a report."""
    from .. import zoo

    cls = zoo.named(model)
    name = zoo.name_of(cls)
    est = cls(**given_fields(ctx, name))
    est.verbose = not quiet and rank() == 0
    run = _run_folder(out, data, name, force)
    opening = Opening(label, listed(drop), condition, shape_of(shape), schema)
    dataset, c = opening.open(data, data_dir)
    with _in_place_of(run, force):
        est.fit(dataset, condition=c, folder=run)
    _finish(est, dataset, c, run, report=report, quiet=quiet, json_=json_)


@app.command(rich_help_panel=PANEL, epilog="Example: latentry resume runs/digits")
def resume(
    run: Run,
    data_dir: DataDir = None,
    report: Report = True,
    quiet: Quiet = False,
    json_: Json = False,
) -> None:
    """Continue a run that was interrupted or killed, to the weights it would have ended with."""
    from ..persistence import read_info, restore
    from ..zoo import named

    info = read_info(run)
    if info["status"] == "finished":
        raise LatentryError(f"{run} is finished: there is nothing to resume; see latentry info.")
    est = restore(info, None, named(info["model"]), {})
    est.verbose = not quiet and rank() == 0
    dataset, c = open_own(run, info, data_dir)
    est.fit(dataset, condition=c, folder=run)
    _finish(est, dataset, c, run, report=report, quiet=quiet, json_=json_)


def _run_folder(out: Path | None, data: str, model: str, force: bool) -> Path:
    """Where the run goes; raises where something else stands there."""
    from ..persistence import is_run, read_info

    if out is None:
        stem = f"{Path(data).stem.replace(':', '-') or 'data'}-{model}"
        names = itertools.chain([stem], (f"{stem}-{i}" for i in itertools.count(2)))
        return next(Path("runs") / each for each in names if not (Path("runs") / each).exists())
    if rank() or not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return out
    if not is_run(out):
        raise LatentryError(f"{out} exists and is no run; name a new folder with --out.")
    if not force:
        unfinished = read_info(out)["status"] != "finished"
        how = f"continue it with latentry resume {out}, " if unfinished else ""
        raise LatentryError(
            f"{out} holds a run already; {how}name a new folder with --out, or give --force."
        )
    return out


@contextmanager
def _in_place_of(run: Path, force: bool) -> Iterator[None]:
    """Train into `run`; a run that is replaced comes back, and a new folder goes, on failure.

    A run that has a checkpoint by then is kept, so that it can be resumed.
    """
    if rank():
        yield
        return
    new = not run.exists()
    aside = run.with_name(f".{run.name}.replaced")
    if force and not new:
        shutil.rmtree(aside, ignore_errors=True)
        run.rename(aside)
    made = [folder for folder in run.parents if not folder.exists()]
    try:
        yield
    except BaseException as error:
        resumable = (run / "checkpoint" / "last.safetensors").is_file()
        if not isinstance(error, Interrupted) and not resumable:
            if new or aside.exists():
                shutil.rmtree(run, ignore_errors=True)
            if aside.exists():
                aside.rename(run)
            for folder in made:
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _finish(
    est: Estimator,
    dataset: Dataset,
    c: np.ndarray | None,
    run: Path,
    *,
    report: bool,
    quiet: bool,
    json_: bool,
) -> None:
    """The report, the final figures, and what to do next."""
    if rank():
        return
    rows, held_out = report_rows(est, len(dataset.x), own=True)
    if report:
        if not quiet:
            note("Drawing the pictures and the report ...")
        found, page = write_report(est, dataset, c, run, own=True)
    else:
        given = None if c is None else c[rows]
        found, page = est.evaluate(np.asarray(dataset.x[rows]), condition=given), None
    if json_:
        emit(_summary(est, found, run, page, held_out))
        return
    if not quiet:
        _tell(est, found, run, page, held_out)


def _summary(
    est: Estimator, found: dict[str, Any], run: Path, page: Path | None, held_out: bool
) -> dict[str, Any]:
    return {
        "run": str(run),
        "report": None if page is None else str(page),
        "model": type(est).__name__,
        "likelihood": est.likelihood_,
        "net": est.net_,
        "seed": est.seed_,
        "choices": est.choices_,
        "warnings": list(est.history_.notes),
        "epochs": len(est.history_.rows),
        "held_out": held_out,
        "evaluation": found,
    }


def _tell(
    est: Estimator, found: dict[str, Any], run: Path, page: Path | None, held_out: bool
) -> None:
    for choice in est.choices_:
        say(f"Chosen: {choice.rstrip('.')}.")
    on = "rows that were held out" if held_out else "training rows (none were held out)"
    say(f"\n{type(est).__name__} on {found['rows']:,} {on}:\n")
    figures_table(found)
    for sentence in est.history_.notes:
        say(f"Warning: {sentence}")
    say(f"\nThe run is in {run}" + (f"; open {page} in a browser." if page else "."))
    kind = {"image": "png", "series": "npy"}.get(est.schema_.kind, "csv")
    say(
        "Next:\n"
        f"  latentry sample {run} -n 100 -o samples.{kind}\n"
        f"  latentry encode {run} DATA -o codes.csv\n"
        f"  latentry evaluate {run} DATA --json"
    )
