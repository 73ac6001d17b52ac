"""A server with small runs, and the explorer's page in a real Chromium.

A test that asks for `page` or `opened` is skipped where there is no Chromium: it is looked for as
$CHROMIUM and on the PATH.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from latentry.data import load
from latentry.explorer.runs import Shown
from latentry.zoo import AE, VAE, ConditionalVAE

from .serving import address, classes, client, mixed, sheet, vae  # noqa: F401  (fixtures)

ARGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str | None:
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


def runs() -> list[Shown]:
    """Images, the same images in an AE and under a condition, a table, a series, mixed columns."""
    whole = load("digits")
    x, y = whole.x[:400], np.asarray(whole.labels)[:400]
    digits = dataclasses.replace(whole, x=x, labels=y)
    small: dict[str, Any] = {"hidden": (32,), "lr": 0.01, "compile": False, "device": "cpu"}
    rng = np.random.default_rng(0)
    z = rng.normal(size=(200, 2))
    table = np.column_stack([z[:, 0], 10 * z[:, 1] + 50, z.sum(1)]).astype(np.float32)
    t = np.linspace(0, 6, 30)
    series = np.sin(t + z[:, :1]).astype(np.float32) * np.exp(z[:, 1:] / 4).astype(np.float32)
    told = ConditionalVAE(latent=2, **small).fit(digits, condition=y)
    return [
        Shown("digits", VAE(latent=3, **small).fit(digits), x, y),
        Shown("plain", AE(latent=2, **small).fit(digits), x, y),
        Shown("told", told, x, y, y),
        Shown("table", VAE(latent=2, **small).fit(table), table),
        Shown("series", VAE(latent=2, **small).fit(series), series),
        mixed(),
    ]


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    """Where a server with the runs listens on this machine."""
    uvicorn = pytest.importorskip("uvicorn", reason="the browser tests need uvicorn")
    from latentry.explorer.app import serve

    if chromium() is None:
        pytest.skip("there is no Chromium: install it, or set CHROMIUM")
    shown = runs()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        config = uvicorn.Config(serve(shown, port=port), log_level="error", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{port}/"
        server.should_exit = True
        thread.join(30)


class Explorer:
    """The page, and what a person does with it."""

    def __init__(self, page: Any, url: str) -> None:
        self.page, self.url = page, url
        self.wrong: list[str] = []
        """What went wrong in the page, and requests that left this server."""
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", self._said)
        page.on("request", self._asked)
        page.on("requestfinished", lambda request: self._pending.discard(request))
        page.on("requestfailed", lambda request: self._pending.discard(request))
        self._pending: set[Any] = set()
        self.load()

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"{message.text} ({message.location.get('url')})")

    def _asked(self, request: Any) -> None:
        if "/api/" in request.url:
            self._pending.add(request)
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.wrong.append(f"asked for {request.url}")

    def load(self) -> None:
        self.page.goto(self.url)
        self.page.wait_for_selector("body[data-ready]")
        self.settle()

    def settle(self) -> None:
        """Wait until nothing is being asked of the server, nor about to be."""
        for _ in range(2):
            self.page.wait_for_timeout(15)
            self.until(lambda: not self._pending)

    def js(self, expression: str, arg: Any = None) -> Any:
        return self.page.evaluate(expression, arg)

    def until(self, holds: Callable[[], Any], seconds: float = 20) -> Any:
        """Wait until something holds.

        Playwright's own wait_for_function needs eval, which the page's security policy forbids.
        """
        end = time.monotonic() + seconds
        while not (found := holds()):
            assert time.monotonic() < end, "what was waited for did not come"
            self.page.wait_for_timeout(20)
        return found

    def text(self, selector: str) -> str:
        return self.page.locator(selector).first.inner_text()

    def texts(self, selector: str) -> list[str]:
        return self.page.locator(selector).all_inner_texts()

    def count(self, selector: str) -> int:
        return self.page.locator(selector).count()

    def decoded(self) -> str:
        """The picture, curve or table under the hand, as it stands in the document."""
        return self.js("document.querySelector('#decoded').innerHTML")

    def moved(self, before: str) -> None:
        """Wait until the hand shows something else than before."""
        self.until(lambda: self.decoded() != before)

    def choose(self, run: str) -> None:
        self.page.select_option("#run", label=run)
        self.until(lambda: self.text("#title") == run)
        self.page.wait_for_selector("#decoded > *")

    def code(self) -> list[float]:
        """Where the hand is."""
        return self.js("import('./state.js').then((m) => m.state.code)")

    def drag(self, *path: tuple[float, float]) -> None:
        """Press, move and let go, in shares of the map's width and height."""
        self.page.locator("#map").scroll_into_view_if_needed()
        box = self.page.locator("#map").bounding_box()
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in path]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=4)
        self.page.mouse.up()

    def take(self, *keys: str) -> str:
        """Move the hand by keys, take the row nearest to it, and say what the page says of it."""
        self.page.locator("#map .over").focus()
        for key in keys:
            self.page.keyboard.press(key)
        self.page.keyboard.press("Enter")
        row = self.until(lambda: self.js("import('./state.js').then((m) => m.state.row + 1)")) - 1
        self.until(lambda: self.text("#row-about").startswith(f"Row {row} "))
        self.settle()
        return self.text("#row-about")


@pytest.fixture(scope="session")
def chrome(url: str) -> Iterator[Any]:
    """A running Chromium."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="the browser tests need playwright"
    )
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def opened(chrome: Any, url: str) -> Callable[..., Any]:
    """Opens the page anew, in a window of its own; at the end nothing may have gone wrong in it."""

    @contextlib.contextmanager
    def open_page(width: int = 1280, scheme: str = "light") -> Iterator[Explorer]:
        size: Any = {"width": width, "height": 800}
        context = chrome.new_context(viewport=size, color_scheme=scheme)
        context.set_default_timeout(20_000)
        explorer = Explorer(context.new_page(), url)
        try:
            yield explorer
        finally:
            context.close()
        assert explorer.wrong == []

    return open_page


@pytest.fixture(scope="module")
def _one_page(opened: Callable[..., Any]) -> Iterator[Explorer]:
    with opened() as explorer:
        yield explorer


@pytest.fixture
def page(_one_page: Explorer) -> Explorer:
    """The page as it is when it has just been opened on the first run.

    One window serves all tests of a file, since loading takes longer than most of them.
    """
    assert _one_page.wrong == []
    _one_page.js(
        """async () => {
          const { choose } = await import('./main.js');
          const { state, tell } = await import('./state.js');
          for (const field of document.querySelectorAll('select')) field.selectedIndex = 0;
          for (const field of document.querySelectorAll('#panels input:not([type=file])')) {
            field.value = field.defaultValue;
          }
          document.querySelector('[name=tool]').click();
          document.getElementById('tab-walk').click();
          state.beside = null;
          tell('beside');
          await choose(state.runs[0]);
        }"""
    )
    _one_page.page.mouse.move(0, 0)
    _one_page.settle()
    return _one_page
