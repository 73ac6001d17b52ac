"""Endpoints that look at rows: the map, values, one row, the unusual ones, an export."""

from __future__ import annotations

import csv
import io
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from . import maps, schemas
from .pictures import numbers
from .reading import This, code_names, column_names, columns_of
from .refusals import Missing, Refused
from .runs import Shown

LISTED = 10
"""Columns named for an unusual row."""

api = APIRouter(tags=["rows"])


@api.get("/map")
def latent_map(
    run: This,
    projection: Literal["auto", "pca", "dims"] = "auto",
    first: Annotated[int, Query(ge=0, le=100_000, description="with dims: across")] = 0,
    second: Annotated[int, Query(ge=0, le=100_000, description="with dims: upwards")] = 1,
) -> schemas.Map:
    """Where each row lies in a plane of the latent space, and the way from there to codes."""
    labels = None if run.classes is None else run.classes.tolist()
    found = maps.plane(run.codes, projection, first, second)
    return schemas.Map.model_validate({**found, "labels": labels})


@api.get("/values")
def values(run: This) -> list[str]:
    """The names of what the rows can be coloured by."""
    return [*columns_of(run)]


@api.get("/values/{name:path}")
def value(run: This, name: Annotated[str, Path(max_length=1000)]) -> schemas.Column:
    """One number for each row: its label, a figure, a column of the data or of the code."""
    known = columns_of(run)
    if name not in known:
        raise Missing(f"There is no value {name!r}; GET values lists those that there are.")
    unit, compute, levels = known[name]
    found = numbers(np.asarray(compute(), dtype=np.float64))
    return schemas.Column(name=name, unit=unit, values=found, levels=levels)


@api.get("/rows/{row}")
def row(run: This, row: Annotated[int, Path(ge=0, le=2**31)]) -> schemas.ShownRow:
    """A row beside its reconstruction."""
    at = run.rows([row])
    made = run.decode(run.codes[at], run.given(None, 1, at))
    figures = run.of_row(row)
    score, error = numbers(np.array([figures["score"], figures["reconstruction error"]]))
    sample, reconstruction = run.screen.samples(run.x[at]) + run.screen.samples(made)
    return schemas.ShownRow(
        row=row, label=run.label(row), code=run.codes[row].tolist(), score=score, error=error,
        sample=sample, reconstruction=reconstruction,  # pyright: ignore[reportArgumentType]
    )  # fmt: skip


@api.get("/anomalies")
def anomalies(
    run: This,
    n: Annotated[int, Query(ge=1, le=256)] = 24,
    how: Literal["score", "reconstruction error", "kl"] = "score",
) -> list[schemas.Anomaly]:
    """The most unusual rows, most unusual first, each with where it is unusual.

    By the lowest score, the largest reconstruction error or the largest KL. For an image
    `where` is the image with its error in red; for a vector, the columns of largest error.
    """
    figure = run.known.get(how)
    if figure is None:
        raise Refused("This model has no kl: it has no prior, or its codes are points.")
    order = np.nan_to_num(figure if how == "score" else -figure, nan=np.inf)
    rows = np.argsort(order, kind="stable")[:n]
    where = _where(run, rows)
    shown = zip(
        rows.tolist(),
        numbers(figure[rows]),
        run.screen.samples(run.x[rows]),
        where,
        strict=True,
    )
    return [
        schemas.Anomaly.model_validate(
            {"row": r, "label": run.label(r), "score": s, "sample": x, "where": w}
        )
        for r, s, x, w in shown
    ]


@api.post(
    "/export",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def export(run: This, body: schemas.Export) -> Response:
    """The rows as CSV: row, label, score, z1, z2, ..."""
    rows = run.rows(body.rows)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["row", "label", "score", *code_names(run)])
    for r, score in zip(rows.tolist(), numbers(run.known["score"][rows]), strict=True):
        writer.writerow([r, run.label(r) or "", score, *numbers(run.codes[r])])
    return Response(file.getvalue(), media_type="text/csv")


def _where(run: Shown, rows: np.ndarray) -> list[dict[str, Any]]:
    errors = run.errors(rows)
    if run.screen.images:
        return [run.screen.heat(x, e) for x, e in zip(run.x[rows], errors, strict=True)]
    columns = column_names(run)
    found = []
    for each in errors:
        order = np.argsort(-np.nan_to_num(each, nan=-1.0), kind="stable")[:LISTED]
        parts = zip(order.tolist(), numbers(each[order]), strict=True)
        found.append({"contributions": [{"column": columns[i], "value": v} for i, v in parts]})
    return found
