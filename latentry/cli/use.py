"""Verbs that use a trained model on data: encode, decode, reconstruct, sample, and so on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from ..errors import LatentryError
from .app import app
from .given import (
    DATA_HELP,
    ConditionColumn,
    Data,
    DataDir,
    Drop,
    Force,
    Json,
    Label,
    MaybeOut,
    Opening,
    Out,
    Run,
    Seed,
    condition_values,
    listed,
    load_run,
    open_for,
)
from .output import emit, say

if TYPE_CHECKING:
    from ..estimator import Estimator

PANEL = "Use a trained model"

MaybeData = Annotated[
    str | None, typer.Argument(metavar="DATA", help=f"{DATA_HELP}; without it, the run's own")
]
ConditionValue = Annotated[
    str | None,
    typer.Option(
        "--condition", metavar="VALUE", help="What to condition on: a class, or numbers a,b,c."
    ),
]


def _check_out(out: Path, force: bool) -> None:
    """Raise for a file that cannot be written, before any work is done."""
    from ..data import check_output

    check_output(out, force=force)


def _write(est: Estimator, out: Path, rows: np.ndarray, force: bool, per_row: int | None) -> None:
    """Write samples, in the units and layout of the data that the model was trained on."""
    from ..data import write

    write(out, rows, schema=est.schema_, per_row=per_row, force=force)


def _write_columns(out: Path, rows: np.ndarray, columns: list[str], force: bool) -> None:
    from ..data import write

    write(out, rows, columns=columns, force=force)


def _done(json_: bool, sentence: str, out: Path, rows: np.ndarray, **more: Any) -> None:
    if json_:
        dtype = str(getattr(rows, "dtype", "mixed"))
        emit({"out": str(out), "shape": list(rows.shape), "dtype": dtype, **more})
    else:
        say(f"{out}: {sentence}")


def _rows(n: int, what: str) -> str:
    return f"{n:,} {what}" + ("" if n == 1 else "s")


@app.command(
    rich_help_panel=PANEL, epilog="Example: latentry encode runs/digits digits -o codes.csv"
)
def encode(
    run: Run,
    data: Data,
    out: Out,
    how: Annotated[
        str, typer.Option(help="mean, one sample, or the average of --draws samples of q(z|x).")
    ] = "mean",
    draws: Annotated[int, typer.Option(help="Draws for --how average.")] = 100,
    condition: ConditionColumn = None,
    label: Label = None,
    drop: Drop = None,
    data_dir: DataDir = None,
    seed: Seed = 0,
    force: Force = False,
    json_: Json = False,
) -> None:
    """Write the latent code of each row of DATA, columns z1, z2, ..."""
    _check_out(out, force)
    est, info = load_run(run)
    asked = Opening(label, listed(drop), condition)
    dataset, c = open_for(est, run, info, data, asked, data_dir)
    codes = est.encode(dataset, how, draws=draws, condition=c, seed=seed)  # type: ignore[arg-type]
    _write_columns(out, codes, [f"z{i + 1}" for i in range(codes.shape[1])], force)
    sentence = f"{_rows(len(codes), 'code')} of {codes.shape[1]} numbers ({how})."
    _done(json_, sentence, out, codes, how=how)


@app.command(
    rich_help_panel=PANEL, epilog="Example: latentry decode runs/digits codes.csv -o decoded.png"
)
def decode(
    run: Run,
    codes: Annotated[str, typer.Argument(metavar="CODES", help="file of codes, one in each row")],
    out: Out,
    condition: ConditionValue = None,
    force: Force = False,
    json_: Json = False,
) -> None:
    """Write what each code of CODES decodes to, in the layout of the training data."""
    from ..data import load

    _check_out(out, force)
    est, _ = load_run(run)
    given = load(codes)
    z = np.array(given.x, dtype=np.float32)  # a copy: a file's array may be read-only
    rows = est.inverse_transform(z, condition=_one_for_all(est, condition, len(z)))
    _write(est, out, rows, force, None)
    _done(json_, f"{_rows(len(rows), 'decoded code')}.", out, rows)


def _one_for_all(est: Estimator, condition: str | None, n: int) -> np.ndarray | None:
    values = condition_values(est, condition)
    if values is None:
        return None
    if len(values) not in (1, n):
        raise LatentryError(
            f"--condition gives {len(values)} values for {n} rows; give one, or one for each row."
        )
    return values if len(values) == n else np.repeat(values, n, axis=0)


@app.command(
    rich_help_panel=PANEL,
    epilog="Example: latentry reconstruct runs/digits digits -o reconstructed.npy",
)
def reconstruct(
    run: Run,
    data: Data,
    out: Out,
    condition: ConditionColumn = None,
    label: Label = None,
    drop: Drop = None,
    data_dir: DataDir = None,
    force: Force = False,
    json_: Json = False,
) -> None:
    """Write each row of DATA after encoding and decoding it."""
    _check_out(out, force)
    est, info = load_run(run)
    asked = Opening(label, listed(drop), condition)
    dataset, c = open_for(est, run, info, data, asked, data_dir)
    rows = est.reconstruct(dataset, condition=c)
    _write(est, out, rows, force, None)
    _done(json_, f"{_rows(len(rows), 'reconstruction')}.", out, rows)


@app.command(
    rich_help_panel=PANEL, epilog="Example: latentry sample runs/digits -n 100 -o samples.png"
)
def sample(
    run: Run,
    out: Out,
    n: Annotated[
        int, typer.Option("-n", help="How many samples (of each class, if --condition lists them).")
    ] = 100,
    condition: ConditionValue = None,
    how: Annotated[
        str, typer.Option(help="mean of p(x|z), one draw from it, or auto: mean for images.")
    ] = "auto",
    temperature: Annotated[
        float, typer.Option(help="Spread of the codes: 1 is the prior, less is more typical.")
    ] = 1.0,
    sampler: Annotated[
        str | None,
        typer.Option(
            help="What codes are drawn from: prior, auto, or one that fit-sampler fitted, by name."
        ),
    ] = None,
    seed: Seed = 0,
    force: Force = False,
    json_: Json = False,
) -> None:
    """Write new samples from the model."""
    if how not in ("auto", "mean", "draw"):
        raise LatentryError(f"--how {how} is no way to sample: auto, mean or draw.")
    _check_out(out, force)
    est, _ = load_run(run)
    drawn = _codes_from(est, run, sampler)
    values, each = condition_values(est, condition), None
    if values is not None:
        each = n if len(values) > 1 else None
        values = np.repeat(values, n, axis=0)
        n = len(values)
    rows = est.sample(
        n,
        condition=values,
        seed=seed,
        how=how,  # type: ignore[arg-type]
        temperature=temperature,
        sampler=sampler,
    )
    _write(est, out, rows, force, each)
    sentence = f"{_rows(n, 'new sample')}, codes drawn from {drawn}."
    _done(json_, sentence, out, rows, codes_from=drawn)


def _codes_from(est: Estimator, run: Path, sampler: str | None) -> str:
    """What codes are drawn from, in words. Raises LatentryError for what was not fitted."""
    from .. import sampling

    missing = sampler == "auto" and est.sampler_auto_ is None
    if missing or (sampler in sampling.MEMBERS and sampler not in est.samplers_):
        raise LatentryError(
            f"--sampler {sampler} has not been fitted to this run; fit it with: latentry"
            f" fit-sampler {run} --sampler {sampler}"
        )
    return sampling.told(est, sampler)


@app.command(
    "fit-sampler",
    rich_help_panel=PANEL,
    epilog="Example: latentry fit-sampler runs/digits --sampler auto",
)
def fit_sampler(
    run: Run,
    data: MaybeData = None,
    sampler: Annotated[
        str,
        typer.Option(
            help="auto, the best by held-out codes; normal, mixture, kde, neighbours, maf, iaf,"
            " spline, second-stage, posterior, sphere, wrapped-normal, geometry or codes; or prior,"
            " the model's own."
        ),
    ] = "auto",
    condition: ConditionColumn = None,
    label: Label = None,
    drop: Drop = None,
    data_dir: DataDir = None,
    seed: Seed = 0,
    json_: Json = False,
) -> None:
    """Fit a density to the codes of DATA and keep it in RUN: sample draws from it from then on.

    Without DATA, the run's own. A fifth of the rows is held out, and the density scored by it.
    """
    from ..persistence import write_samplers

    est, info = load_run(run)
    asked = Opening(label, listed(drop), condition)
    dataset, c = open_for(est, run, info, data, asked, data_dir)
    est.fit_sampler(dataset, sampler, condition=c, seed=seed)
    write_samplers(est, run)
    if json_:
        scores = {n: {"mean": s.mean, "error": s.error} for n, s in est.sampler_scores_.items()}
        chosen = est.sampler_auto_ if sampler == "auto" else sampler
        emit({"run": str(run), "sampler": chosen, "scores": scores, "units": {"mean": "nats"}})
        return
    say(f"{run}: {est.choices_[-1]}.")


@app.command(
    rich_help_panel=PANEL,
    epilog="Example: latentry interpolate runs/digits digits 0 1 --steps 10 -o path.png",
)
def interpolate(
    run: Run,
    data: Data,
    i: Annotated[int, typer.Argument(metavar="I", help="row where the path starts, from 0")],
    j: Annotated[int, typer.Argument(metavar="J", help="row where it ends")],
    out: Out,
    steps: Annotated[int, typer.Option(help="Samples along the path, both ends included.")] = 10,
    path: Annotated[
        str,
        typer.Option(
            help="straight; spherical, around the origin; or geodesic, the shortest by what is"
            " decoded."
        ),
    ] = "straight",
    condition: ConditionColumn = None,
    label: Label = None,
    drop: Drop = None,
    data_dir: DataDir = None,
    force: Force = False,
    json_: Json = False,
) -> None:
    """Write the decoded path between the codes of rows I and J.

    A conditional model is conditioned on row I's value all along.
    """
    _check_out(out, force)
    est, info = load_run(run)
    asked = Opening(label, listed(drop), condition)
    dataset, c = open_for(est, run, info, data, asked, data_dir)
    for row in (i, j):
        if not 0 <= row < len(dataset.x):
            raise LatentryError(
                f"{data} has no row {row}; its {len(dataset.x):,} rows count from 0 to"
                f" {len(dataset.x) - 1}."
            )
    given = None if c is None else c[i]
    ends = dataset.x[i], dataset.x[j]
    rows = est.interpolate(*ends, steps, path=path, condition=given)  # type: ignore[arg-type]
    _write(est, out, rows, force, steps)
    _done(json_, f"{steps} steps from row {i} to row {j}, {path}.", out, rows, path=path)


@app.command(
    rich_help_panel=PANEL, epilog="Example: latentry score runs/digits digits -o scores.csv"
)
def score(
    run: Run,
    data: Data,
    out: MaybeOut = None,
    draws: Annotated[
        int, typer.Option(help="Draws for each row; 1 gives the ELBO, more a tighter bound.")
    ] = 16,
    condition: ConditionColumn = None,
    label: Label = None,
    drop: Drop = None,
    data_dir: DataDir = None,
    seed: Seed = 0,
    force: Force = False,
    json_: Json = False,
) -> None:
    """Score each row of DATA: a lower bound on log p(x), in nats. Low scores are unusual rows."""
    if out is not None:
        _check_out(out, force)
    est, info = load_run(run)
    asked = Opening(label, listed(drop), condition)
    dataset, c = open_for(est, run, info, data, asked, data_dir)
    scores = est.score_samples(dataset, draws=draws, condition=c, seed=seed)
    if out is not None:
        _write_columns(out, scores[:, None], ["score"], force)
    mean, spread = float(scores.mean()), float(scores.std())
    if json_:
        found = {"rows": len(scores), "mean": mean, "std": spread, "draws": draws}
        lowest = int(scores.argmin())
        where = None if out is None else str(out)
        emit({"out": where, **found, "lowest": lowest, "units": {"mean": "nats for each row"}})
        return
    if out is not None:
        say(f"{out}: {_rows(len(scores), 'score')}, in nats.")
    say(f"mean {mean:.4g} nats for each row, standard deviation {spread:.4g} ({draws} draws);")
    say(f"the most unusual row is {int(scores.argmin())}, with {float(scores.min()):.4g}.")
