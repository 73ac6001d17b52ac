"""What a request means: which run, which samples, which codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np
from fastapi import Depends, Path, Request

from . import schemas
from .refusals import Missing, Refused
from .runs import MOST_LABELS, Shown

MOST_COLUMNS = 100
"""Columns by which one can colour; more are no list that anybody reads."""

BINARY = {"schema": {"type": "string", "format": "binary"}}
"""A file, in OpenAPI."""


def picked(request: Request, run: Annotated[str, Path(description="the id of a run")]) -> Shown:
    """The run that a path names."""
    runs: dict[str, Shown] = request.app.state.runs
    if run not in runs:
        raise Missing(f"There is no run {run!r}; there are {', '.join(runs)}.")
    return runs[run]


This = Annotated[Shown, Depends(picked)]
"""The run that a path names, as an argument of an endpoint."""


def codes_of(run: Shown, codes: Sequence[Sequence[float]]) -> np.ndarray:
    """Codes (N, D); raises Refused where one has another number of dimensions."""
    for i, code in enumerate(codes):
        if len(code) != run.est.model_.latent:
            raise Refused(
                f"A code of this run has {run.est.model_.latent} numbers,"
                f" but code {i} has {len(code)}."
            )
    return np.asarray(codes, dtype=np.float64)


def inputs_of(run: Shown, body: schemas.Inputs) -> tuple[np.ndarray, Any]:
    """The samples of a body, (N, ...) in the data's layout, and the condition of each."""
    if isinstance(body, schemas.TheseRows):
        rows = run.rows(body.rows)
        return run.x[rows], run.given(body.condition, len(rows), rows)
    return samples_of(run, body.samples), run.given(body.condition, len(body.samples))


def samples_of(run: Shown, samples: Sequence[Sequence[Any]]) -> np.ndarray:
    """Samples as they are sent, (N, ...) in the data's layout."""
    schema = run.est.schema_
    for i, sample in enumerate(samples):
        if len(sample) != schema.features:
            raise Refused(
                f"A sample of this run has {schema.features} values, but sample {i} has"
                f" {len(sample)}."
            )
    if schema.kind == "table":
        import pandas as pd

        frame = pd.DataFrame([[*row] for row in samples], columns=column_names(run), dtype=object)
        return schema.pack(frame).numpy()
    if any(isinstance(value, str | bool) for sample in samples for value in sample):
        raise Refused("A sample of this run holds numbers alone; send no text.")
    rows = np.array(samples, dtype=np.float32)
    if schema.kind == "series":  # as they are shown, one channel after another
        rows = rows.reshape(len(samples), *schema.shape[::-1]).swapaxes(1, 2)
    return rows.reshape(len(samples), *schema.given)


def decoded(run: Shown, codes: np.ndarray, given: Any) -> schemas.Decoded:
    made = run.screen.samples(run.decode(codes, given))
    return schemas.Decoded.model_validate({"codes": codes.tolist(), "samples": made})


def point_of(run: Shown, point: schemas.Point, condition: Any) -> tuple[np.ndarray, Any]:
    """A code (D,), and its condition as that of one sample."""
    if isinstance(point, schemas.AtRow):
        rows = run.rows([point.row])
        return run.codes[point.row], run.given(condition, 1, rows)
    given = run.given(condition, 1)
    if isinstance(point, schemas.AtCode):
        return codes_of(run, [point.code])[0], given
    return run.encode(samples_of(run, [point.values]), given)[0], given


def code_names(run: Shown) -> list[str]:
    return [f"z{i + 1}" for i in range(run.est.model_.latent)]


class Value(NamedTuple):
    """What rows can be coloured by.

    unit : of its numbers; compute : gives them, (N,)
    levels : what they count, for a column of levels
    """

    unit: str
    compute: Callable[[], np.ndarray]
    levels: list[str] | None = None


def columns_of(run: Shown) -> dict[str, Value]:
    """What rows can be coloured by, by name."""
    found: dict[str, Value] = {}
    if run.classes is not None:
        found["label"] = Value("class", lambda: _there(run.classes))
    elif run.labels is not None and run.labels.dtype.kind in "iuf":
        found["label"] = Value("", lambda: _there(run.labels))
    nats = "nats (ELBO, one draw)" if run.est.model_.has_bound else "nats (log p(x|z))"
    found["score"] = Value(nats, lambda: run.known["score"])
    error = "mean squared error in the model's scale"
    found["reconstruction error"] = Value(error, lambda: run.known["reconstruction error"])
    if run.est.model_.has_bound:
        found["kl"] = Value("nats", lambda: run.known["kl"])
    for i, name in enumerate(column_names(run)[:MOST_COLUMNS]):
        free = name if name not in found and name not in code_names(run) else f"column {name}"
        found[free] = _column_of(run, i)
    for i, name in enumerate(code_names(run)):
        found[name] = Value("", lambda i=i: run.codes[:, i])
    return found


def _column_of(run: Shown, i: int) -> Value:
    """Column i of the data."""
    if run.est.schema_.kind != "table":
        return Value("units of the data", lambda: run.x.reshape(len(run), -1)[:, i])
    column = run.est.schema_.learned[i]
    unit = "units of the data" if column.dates is None else column.dates.since
    levels = [str(level) for level in column.levels] if column.levels else None
    if levels is not None and len(levels) > MOST_LABELS:
        unit, levels = "the number of the level", None
    return Value(unit, lambda: column.numbers(run.x[:, i]), levels)


def _there(values: np.ndarray | None) -> np.ndarray:
    assert values is not None  # what is computed of nothing is not listed
    return values


def column_names(run: Shown) -> list[str]:
    """The columns of a vector or of a row; an image has none."""
    if run.screen.images:
        return []
    return list(run.est.schema_.columns or (f"x{i + 1}" for i in range(run.est.schema_.features)))
