"""The explorer's server: the API, the page, and a guard before both."""

from __future__ import annotations

import html
import mimetypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse

from .. import __version__
from ..errors import LatentryError
from . import api
from .refusals import Refused
from .runs import Shown, names, open_run
from .security import Guard

STATIC = Path(__file__).parent / "static"
MOST_POINTS = 20_000

ABOUT = """Encode, decode, reconstruct, sample, interpolate and score with trained autoencoders.

Samples are in the units of the data they were trained on; scores are in nats. A request that is
well formed but does not fit the run (a code of another length, an unknown class) is answered with
409, one that is not as the schema says with 422; both say why in `detail`.
"""


def create(
    runs: Sequence[Path],
    *,
    data: str | None = None,
    data_dir: Path | None = None,
    max_points: int = MOST_POINTS,
    host: str = "127.0.0.1",
    port: int = 8765,
) -> FastAPI:
    """The server for some runs, each with its own data (or `data`), at most `max_points` rows.

    host, port: where it will listen, by which it knows requests that are meant for it.
    Raises LatentryError for a folder that is no finished run, and for data that do not fit.
    """
    opened = [
        open_run(folder, name, data, data_dir, max_points)
        for folder, name in zip(runs, names(runs), strict=True)
    ]
    return serve(opened, host=host, port=port)


def serve(runs: Sequence[Shown], *, host: str = "127.0.0.1", port: int = 8765) -> FastAPI:
    """The server for runs that are open already."""
    app = FastAPI(
        title="latentry explore",
        summary="The latent spaces of trained autoencoders",
        description=ABOUT,
        version=__version__,
        docs_url=None,  # it would load its scripts from the internet
        redoc_url=None,
    )
    app.state.runs = {str(i): run for i, run in enumerate(runs)}
    app.include_router(api.api)
    app.add_exception_handler(LatentryError, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    _name_runs(app, [*app.state.runs])
    _static(app)
    app.add_middleware(Guard, host=host, port=port)
    return app


def _name_runs(app: FastAPI, ids: Sequence[str]) -> None:
    """Say in the OpenAPI description which runs there are."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        found = plain()
        for methods in found["paths"].values():
            for about in methods.values():
                for parameter in about.get("parameters", ()):
                    if parameter["name"] == "run":
                        parameter["schema"]["enum"] = [*ids]
        return found

    app.openapi = described


def _refused(_: Request, error: Exception) -> JSONResponse:
    status = error.status if isinstance(error, Refused) else Refused.status
    return JSONResponse({"detail": str(error)}, status)


def _malformed(_: Request, error: Exception) -> JSONResponse:
    """The first thing that is wrong, in a sentence."""
    assert isinstance(error, RequestValidationError)
    found: list[dict[str, Any]] = [dict(each) for each in error.errors()]
    # Where a body can be one of several things, most errors only say that it is none of the others.
    wrong = [each for each in found if each["type"] not in ("missing", "extra_forbidden")]
    first = (wrong or found)[0]
    where = ".".join(str(each) for each in first["loc"])
    return JSONResponse({"detail": f"{where}: {first['msg']}."}, 422)


def _static(app: FastAPI) -> None:
    """The page's files, each under its name; no other path is ever looked up on the disk."""
    for file in sorted(STATIC.iterdir()) if STATIC.is_dir() else ():
        at = "/" if file.name == "index.html" else f"/{file.name}"
        app.add_api_route(at, _served(file), include_in_schema=False)

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(_listing(app))


def _served(file: Path) -> Any:
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"

    def answer() -> FileResponse:
        return FileResponse(file, media_type="text/javascript" if file.suffix == ".js" else kind)

    return answer


def _listing(app: FastAPI) -> str:
    """A plain page of the endpoints, from the same OpenAPI description that machines read."""
    rows = []
    for path, methods in app.openapi()["paths"].items():
        for method, about in methods.items():
            text = html.escape(about.get("description", "")).replace("\n\n", "<br>")
            rows.append(
                f"<dt><code>{method.upper()} {html.escape(path)}</code></dt><dd>{text}</dd>"
            )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>latentry explore: API</title><h1>API</h1><p>{html.escape(ABOUT)}</p>"
        '<p><a href="/openapi.json">openapi.json</a> describes it to programs;'
        f' <a href="/">the page</a> uses it.</p><dl>{"".join(rows)}</dl></html>'
    )
