"""The REST API over runs: encode, decode, reconstruct, sample, interpolate, score, and the rest.

Every endpoint is an ordinary function, which FastAPI calls in a thread: a long one does not hold
up the others. What does not fit a run raises LatentryError, which `app` turns into an answer.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from . import asking, rows, schemas, walks
from .runs import Shown

REFUSED: dict[int | str, Any] = {
    400: {"model": schemas.Refusal, "description": "The body is no JSON."},
    403: {"model": schemas.Refusal, "description": "The request comes from elsewhere."},
    404: {"model": schemas.Refusal, "description": "There is no such run, row or value."},
    409: {"model": schemas.Refusal, "description": "It does not fit this run."},
    413: {"model": schemas.Refusal, "description": "The request is too large."},
    422: {"model": schemas.Refusal, "description": "It is not what the schema says."},
}

api = APIRouter(prefix="/api", responses=REFUSED)


@api.get("/runs", tags=["runs"])
def list_runs(request: Request) -> list[schemas.Run]:
    """The runs that were opened, and what can be asked of each."""
    runs: dict[str, Shown] = request.app.state.runs
    return [_about(id, run) for id, run in runs.items()]


for part in (rows.api, asking.api, walks.api):
    api.include_router(part, prefix="/runs/{run}")


def _about(id: str, run: Shown) -> schemas.Run:
    schema, known = run.est.schema_, run.est.condition_
    told = None
    if known is not None:
        classes = list(known.classes) if known.kind == "classes" else None
        told = {"kind": known.kind, "classes": classes, "usual": run.usual}
        told["width"] = known.width if known.kind == "real" else None
    return schemas.Run.model_validate(
        {
            "id": id,
            "name": run.name,
            "model": type(run.est).__name__,
            "latent": run.est.model_.latent,
            "kind": schema.kind,
            "shape": schema.shape if schema.kind == "image" else (schema.features,),
            "columns": None if schema.columns is None else list(schema.columns),
            "rows": len(run),
            "label_names": run.label_names,
            "condition": told,
            "has_prior": run.est.model_.has_prior,
            "dims": run.dims,
        }
    )
