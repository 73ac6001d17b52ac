from __future__ import annotations

import gzip
import hashlib
import http.server
import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest

from latentry.data import Schema, datasets, fetch, formats, load
from latentry.data.datasets import NAMED, Named
from latentry.data.downloads import Remote, cache_folder
from latentry.errors import LatentryError

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 5, 4), dtype=np.uint8)
REAL = os.environ.get("LATENTRY_DATA")
needs_data = pytest.mark.skipif(not REAL, reason="LATENTRY_DATA names no folder of real data")


def idx_bytes(x: np.ndarray) -> bytes:
    """An IDX file of bytes."""
    return struct.pack(f">4B{x.ndim}I", 0, 0, 8, x.ndim, *x.shape) + x.astype(np.uint8).tobytes()


class Server(http.server.ThreadingHTTPServer):
    """Offers `files` on 127.0.0.1, and counts what it is asked for."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.asked = files, []
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path.lstrip("/")
        self.server.asked.append(name)
        content = self.server.files.get(name.removeprefix("cut/"))
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:-7] if name.startswith("cut/") else content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTRY_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LATENTRY_DATA", raising=False)
    server = Server(
        {
            "images.gz": gzip.compress(idx_bytes(IMAGES)),
            "labels.gz": gzip.compress(idx_bytes(np.arange(6))),
        }
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def offer(monkeypatch, server, *addresses: str, wrong: bool = False) -> None:
    """A data set named "tiny", whose files are offered at each of the addresses."""
    files = tuple(
        Remote(
            name,
            "sha256:" + hashlib.sha256(b"other" if wrong else content).hexdigest(),
            tuple(address + name for address in addresses or (server.url,)),
        )
        for name, content in server.files.items()
    )
    tiny = Named(
        "tiny", "for tests", (5, 4), {"train": 6}, "CC0", formats.idx_pair, "tiny",
        {"train": files},
    )  # fmt: skip
    monkeypatch.setitem(NAMED, "tiny", tiny)


def test_a_download_is_checked_and_kept(server, monkeypatch):
    offer(monkeypatch, server)
    assert next(r for r in datasets() if r["name"] == "tiny")["where"] is None
    found = load("tiny")
    np.testing.assert_array_equal(found.x, IMAGES)
    np.testing.assert_array_equal(found.labels, np.arange(6))
    assert (found.licence, found.source) == ("CC0", {"data": "tiny"})
    assert server.asked == ["images.gz", "labels.gz"]
    assert load("tiny:train").name == "tiny:train"
    assert len(server.asked) == 2  # the second time from the cache
    assert next(r for r in datasets() if r["name"] == "tiny")["where"] == str(
        cache_folder() / "tiny"
    )


def test_a_mirror_is_used_when_the_first_address_fails(server, monkeypatch):
    offer(monkeypatch, server, server.url + "gone/", server.url + "cut/", server.url)
    assert fetch("tiny") == cache_folder() / "tiny"
    assert server.asked[:3] == ["gone/images.gz", "cut/images.gz", "images.gz"]


def test_a_wrong_or_truncated_file_is_not_kept(server, monkeypatch):
    offer(monkeypatch, server, wrong=True)
    with pytest.raises(LatentryError) as caught:
        fetch("tiny")
    assert str(caught.value) == (
        f"Cannot download images.gz ({server.url}images.gz: the file's checksum is not the known "
        f"one). Without a network, put the file into a folder 'tiny' and name the folder above it "
        f"by --data-dir or LATENTRY_DATA."
    )
    offer(monkeypatch, server, server.url + "cut/")
    with pytest.raises(LatentryError, match="the connection closed after"):
        fetch("tiny")
    assert list((cache_folder() / "tiny").iterdir()) == []


def test_without_a_network_the_error_says_what_to_do(server, monkeypatch):
    offer(monkeypatch, server, "http://127.0.0.1:9/")
    with pytest.raises(LatentryError, match=r"refused.* Without a network, put"):
        load("tiny")


def test_a_local_copy_is_preferred(server, monkeypatch, tmp_path):
    offer(monkeypatch, server)
    (tmp_path / "mine" / "tiny").mkdir(parents=True)
    for name, content in server.files.items():
        (tmp_path / "mine" / "tiny" / name).write_bytes(content)
    assert load("tiny", data_dir=tmp_path / "mine").source["data_dir"] == str(tmp_path / "mine")
    monkeypatch.setenv("LATENTRY_DATA", str(tmp_path / "mine"))
    assert len(load("tiny")) == 6
    assert server.asked == []


def test_bundled_and_generated_sets_need_no_network(server):
    digits = load("digits")
    schema = Schema.infer(digits.x, levels=digits.levels)
    assert (schema.shape, schema.values, schema.levels) == ((1, 8, 8), "levels", 17)
    assert digits.x.shape == (1797, 8, 8)
    moons = load("two-moons")
    assert moons.x.shape == (2000, 2)
    np.testing.assert_array_equal(moons.x, load("two-moons:train").x)
    assert not np.array_equal(moons.x, load("two-moons:test").x)
    iris = load("iris", drop=["petal width (cm)"])
    assert iris.columns == ("sepal length (cm)", "sepal width (cm)", "petal length (cm)")
    assert iris.x.shape == (150, 3)
    assert server.asked == []


def test_the_list_has_a_row_for_each_set():
    rows = datasets()
    assert [r["name"] for r in rows] == list(NAMED)
    assert {r["where"] for r in rows if r["name"] in ("digits", "iris")} == {"bundled"}
    with pytest.raises(LatentryError, match=r"no data set named 'omniglt'.*mean 'omniglot'"):
        fetch("omniglt")


@needs_data
@pytest.mark.parametrize(
    ("name", "split"),
    [(n, s) for n, named in NAMED.items() if named.files for s in named.sizes],
)
def test_real_data_is_what_the_list_says(name, split):
    named = NAMED[name]
    folder = Path(REAL or "") / named.folder
    if not folder.is_dir():
        pytest.skip(f"LATENTRY_DATA has no folder {named.folder}")
    found = load(f"{name}:{split}")
    assert found.x.shape == (named.sizes[split], *named.shape)
    assert found.labels is None or len(found.labels) == len(found.x)
    schema = Schema.infer(found.x)
    assert schema.values == ("binary" if name == "binarized-mnist" else "levels")
    assert schema.pack(found.x[:5]).shape == (5, *schema.shape)


@needs_data
def test_real_local_copies_have_the_known_digests():
    from latentry.data.downloads import local, verify

    for named in NAMED.values():
        for remote in (r for files in named.files.values() for r in files if not r.content):
            path = local(remote, named.folder)
            if path is not None and path.name == remote.name:
                verify(path, remote.digest)


@needs_data
@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_real_binarized_text_has_the_known_digest(split):
    from latentry.data.downloads import local
    from latentry.data.idx import read_bytes

    (remote,) = NAMED["binarized-mnist"].files[split]
    path = local(remote, "binarized_mnist")
    if path is None:
        pytest.skip("LATENTRY_DATA has no binarized MNIST")
    assert "sha256:" + hashlib.sha256(read_bytes(path)).hexdigest() == remote.digest
