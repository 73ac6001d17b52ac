"""Small trained runs behind a real server on a port of its own, for the tests of the API."""

from __future__ import annotations

import base64
import contextlib
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
import uvicorn
from PIL import Image
from sklearn.datasets import load_digits

from latentry import AE, VAE, ConditionalVAE
from latentry.explorer.app import serve
from latentry.explorer.runs import Shown, warm_up

SMALL: dict[str, Any] = {"epochs": 3, "hidden": 16, "random_state": 0, "device": "cpu"}
ROWS = 120


def picture(sample: dict[str, Any]) -> np.ndarray:
    """The pixels of a sample in an answer."""
    kind, content = sample["image"].split(",")
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


@dataclass
class Client:
    """Requests to a server; answers come with their status checked."""

    http: httpx.Client

    def get(self, path: str, status: int = 200, **params: Any) -> Any:
        return self._checked(self.http.get(f"/api/runs{path}", params=params), status)

    def post(self, path: str, body: Any, status: int = 200) -> Any:
        return self._checked(self.http.post(f"/api/runs{path}", json=body), status)

    def file(self, path: str, body: Any) -> httpx.Response:
        answer = self.http.post(f"/api/runs{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer

    def upload(self, path: str, content: bytes, status: int = 200) -> Any:
        return self._checked(self.http.post(f"/api/runs{path}", content=content), status)

    @staticmethod
    def _checked(answer: httpx.Response, status: int) -> Any:
        assert answer.status_code == status, answer.text
        found = answer.json()
        if status >= 400:
            assert isinstance(found["detail"], str) and found["detail"].endswith(".")
        return found


@contextlib.contextmanager
def listening(serve_on: Callable[[int], Any]) -> Iterator[str]:
    """The address of a server that `serve_on(port)` makes, while the block runs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        port = listener.getsockname()[1]
        config = uvicorn.Config(
            serve_on(port), log_level="critical", ws="none", lifespan="off", server_header=False
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join()


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Images of 8 x 8 pixels, and their classes."""
    bunch: Any = load_digits()
    return (bunch.images[:ROWS] * 15).astype(np.uint8), bunch.target[:ROWS]


@pytest.fixture(scope="session")
def vae() -> Shown:
    """Images, three latent dimensions."""
    x, y = digits()
    return Shown("vae", VAE(latent=3, **SMALL).fit(x), x, y)


@pytest.fixture(scope="session")
def classes() -> Shown:
    """Images under the condition of their class, two latent dimensions."""
    x, y = digits()
    est = ConditionalVAE(latent=2, **SMALL).fit(x, condition=y)
    return Shown("classes", est, x, y, y)


@pytest.fixture(scope="session")
def sheet() -> Shown:
    """A table with gaps and a real-valued label, without a prior, one latent dimension."""
    random = np.random.default_rng(0)
    x = random.normal(size=(ROWS, 1)) * [1.0, -2.0, 3.0] + random.normal(size=(ROWS, 3))
    x[5, 1] = np.nan
    est = AE(latent=1, **SMALL).fit(pd.DataFrame(x, columns=["wide", "score", "deep"]))
    return Shown("sheet", est, x.astype(np.float32), x[:, 0] / 3)


def mixed() -> Shown:
    """Rows of a table with a level, a date and a number, the last of them missing once."""
    random = np.random.default_rng(0)
    days = pd.to_timedelta(random.integers(0, 900, ROWS), "D")
    frame = pd.DataFrame(
        {
            "town": random.choice(["Ulm", "Bonn", "Kiel"], ROWS),
            "since": pd.Timestamp("2020-01-01") + days,
            "score": random.normal(3000, 500, ROWS).round(2),
        }
    )
    frame.loc[3, ["town", "score"]] = None
    est = VAE(latent=2, **SMALL).fit(frame)
    return Shown("mixed", est, est.schema_.pack(frame).numpy())


@pytest.fixture(scope="session")
def address(vae: Shown, classes: Shown, sheet: Shown) -> Iterator[str]:
    """A server of the three runs: 0 the VAE, 1 the conditional one, 2 the table."""
    warm_up()
    with listening(lambda port: serve([vae, classes, sheet], port=port)) as url:
        yield url


@pytest.fixture(scope="session")
def client(address: str) -> Iterator[Client]:
    """Requests to that server."""
    with httpx.Client(base_url=address, timeout=60) as http:
        yield Client(http)
