"""Endpoints that walk between codes: along a path, and along a direction."""

from __future__ import annotations

from typing import Any

import numpy as np
from fastapi import APIRouter
from fastapi.responses import Response

from . import schemas
from .reading import BINARY, This, decoded, point_of
from .runs import Shown

WALK = 7
"""Samples along a direction."""

api = APIRouter(tags=["walks"])


@api.post("/interpolate")
def interpolate(run: This, body: schemas.Walk) -> schemas.Decoded:
    """What lies on a path between two codes; the condition is that of the first throughout."""
    return decoded(run, *_walk(run, body))


@api.post(
    "/interpolate.gif",
    response_class=Response,
    responses={200: {"content": {"image/gif": BINARY}}},
)
def film(run: This, body: schemas.Walk) -> Response:
    """The path as an animation, there and back."""
    codes, given = _walk(run, body)
    return Response(run.screen.film(run.decode(codes, given)), media_type="image/gif")


@api.post(
    "/interpolate.png",
    response_class=Response,
    responses={200: {"content": {"image/png": BINARY}}},
)
def strip(run: This, body: schemas.Walk) -> Response:
    """The path as a row of images."""
    codes, given = _walk(run, body)
    return Response(run.screen.strip(run.decode(codes, given)), media_type="image/png")


@api.post("/arithmetic")
def arithmetic(run: This, body: schemas.Arithmetic) -> schemas.Direction:
    """From a point, along the mean code of some rows minus that of others."""
    plus, minus = run.rows(body.plus), run.rows(body.minus)
    direction = run.codes[plus].mean(0) - run.codes[minus].mean(0)
    start, own = run.codes[minus].mean(0), run.given(body.condition, 1)
    if body.at is not None:
        start, own = point_of(run, body.at, body.condition)
    shares = np.linspace(-body.strength, body.strength, WALK)
    codes = start + shares[:, None] * direction
    given = None if own is None else np.repeat(own, WALK, axis=0)
    found = decoded(run, codes, given)
    return schemas.Direction(**dict(found), direction=direction.tolist())


def _walk(run: Shown, body: schemas.Walk) -> tuple[np.ndarray, Any]:
    """The codes (T, D) of a path, and the condition of each."""
    start, own = point_of(run, body.start, body.condition)
    end, _ = point_of(run, body.to, body.condition)
    codes = run.path(body.path, start, end, body.steps, own)
    return codes, None if own is None else np.repeat(own, body.steps, axis=0)
