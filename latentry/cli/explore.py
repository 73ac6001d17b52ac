"""The verb that serves the explorer: explore."""

from __future__ import annotations

import contextlib
import socket
import threading
import webbrowser
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import LatentryError
from .app import app
from .given import DataDir
from .output import note, say
from .view import LOOK


@app.command(rich_help_panel=LOOK, epilog="Example: latentry explore runs/digits")
def explore(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="folders of runs made by fit")
    ],
    port: Annotated[int, typer.Option(help="Port to listen at; 0 takes a free one.")] = 8765,
    host: Annotated[
        str, typer.Option(help="Address to listen at; others than this machine's can then look.")
    ] = "127.0.0.1",
    data: Annotated[
        str | None, typer.Option("--data", metavar="DATA", help="Other data than it was made from.")
    ] = None,
    data_dir: DataDir = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")
    ] = True,
) -> None:
    """Explore runs in the browser: their latent maps, walks between samples, what is unusual.

    Runs until Ctrl-C. The page and its API are served to this machine alone, unless --host says
    otherwise.
    """
    try:
        import uvicorn

        from ..explorer.app import create
        from ..explorer.runs import warm_up
        from ..explorer.security import EVERYWHERE, bracketed, is_loopback
    except ImportError as error:
        raise LatentryError(
            f"explore needs {error.name}; install it with `pip install 'latentry[explore]'`."
        ) from error
    with _listening(host, port) as listener:
        port = listener.getsockname()[1]
        note(f"Opening {', '.join(map(str, runs))} ...")
        server = create(runs, data=data, data_dir=data_dir, host=host, port=port)
        shown = "127.0.0.1" if host in EVERYWHERE else bracketed(host)
        url = f"http://{shown}:{port}/"
        if not is_loopback(host):
            note("Whoever can reach this machine over the network can use this page.")
        say(f"{url} shows {_count(len(runs))}; Ctrl-C stops it.")
        if browser:
            # From a thread, as a browser in a terminal would hold the server up; the socket
            # listens already, so the page waits until it is answered.
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
        threading.Thread(target=warm_up, daemon=True).start()
        _serve(uvicorn, server, listener)


def _serve(uvicorn: Any, server: Any, listener: socket.socket) -> None:
    """Answer requests until Ctrl-C, which is how this ends and no failure."""
    config = uvicorn.Config(
        server,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        limit_concurrency=64,
        timeout_graceful_shutdown=2,
        ws="none",
        lifespan="off",
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise LatentryError(f"--port {port} is no port; they go from 1 to 65535, 0 takes any.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
        # Answers go out at once: else each waits some 40 ms for the browser to confirm its head.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        raise LatentryError(
            f"Cannot listen at {host} port {port} ({error.strerror or error}); choose another"
            " --port (0 takes a free one) or --host."
        ) from error


def _count(n: int) -> str:
    return f"{n} run" + ("" if n == 1 else "s")
