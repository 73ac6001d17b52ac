"""Endpoints that ask the model: encode, decode, reconstruct, score, sample, and a user's image."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Depends, Request

from . import schemas
from .pictures import READ, numbers
from .reading import BINARY, This, codes_of, columns_of, decoded, inputs_of
from .refusals import TooLarge

LARGEST_UPLOAD = 4 * 2**20
"""Bytes."""

api = APIRouter(tags=["model"])


@api.post("/decode")
def decode(run: This, body: schemas.Decode) -> schemas.Samples:
    """The mean of p(x | z) for each code."""
    codes = codes_of(run, body.codes)
    made = run.decode(codes, run.given(body.condition, len(codes)))
    return schemas.Samples.model_validate({"samples": run.screen.samples(made)})


@api.post("/encode")
def encode(run: This, body: schemas.Inputs) -> schemas.Codes:
    """The posterior mean of each sample."""
    return schemas.Codes(codes=run.encode(*inputs_of(run, body)).tolist())


@api.post("/reconstruct")
def reconstruct(run: This, body: schemas.Inputs) -> schemas.Samples:
    """Each sample, encoded to its posterior mean and decoded."""
    x, given = inputs_of(run, body)
    made = run.decode(run.encode(x, given), given)
    return schemas.Samples.model_validate({"samples": run.screen.samples(made)})


@api.post("/score")
def score(run: This, body: schemas.Inputs) -> schemas.Scores:
    """How likely each sample is under the model; low is unusual."""
    found = run.figures(*inputs_of(run, body))["score"]
    return schemas.Scores(scores=numbers(found), unit=columns_of(run)["score"][0])


@api.post("/sample")
def sample(run: This, body: schemas.Draw) -> schemas.Decoded:
    """New samples: codes from the prior, and the mean of p(x | z) at each.

    A model without a prior draws its codes from a Gaussian mixture fitted to those of its
    training data. The temperature scales the spread of the codes.
    """
    given = run.given(body.condition, body.n)
    codes = run.draw(body.n, given, body.temperature, body.seed)
    return decoded(run, codes, given)


async def _content(request: Request) -> bytes:
    return await request.body()


KINDS = [f"image/{name.lower()}" for name in READ]


@api.post(
    "/upload",
    openapi_extra={"requestBody": {"required": True, "content": dict.fromkeys(KINDS, BINARY)}},
    responses={415: {"model": schemas.Refusal, "description": "The body is no image."}},
)
def upload(run: This, content: Annotated[bytes, Depends(_content)]) -> schemas.Uploaded:
    """An image file of your own, cut and scaled to the run's size, encoded and decoded."""
    if len(content) > LARGEST_UPLOAD:
        raise TooLarge("The image is larger than 4 MB; make it smaller.")
    x = run.screen.read(content)
    given = run.given(None, 1)
    code = run.encode(x, given)
    sample, made = run.screen.samples(np.concatenate([x, run.decode(code, given)]))
    score = numbers(run.figures(x, given)["score"])[0]
    found = {"code": code[0].tolist(), "sample": sample, "reconstruction": made}
    return schemas.Uploaded.model_validate({**found, "score": score})
