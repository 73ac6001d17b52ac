"""Samples as pictures, and pictures as samples."""

from __future__ import annotations

import io
import struct
import zlib
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from latentry import VAE
from latentry.data.schema import Schema
from latentry.explorer.pictures import Screen
from latentry.explorer.reading import samples_of
from latentry.explorer.runs import Shown

from .serving import SMALL, Client, picture


def as_file(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def test_heat_is_where_the_error_is(vae: Shown):
    errors = np.zeros((1, 8, 8))
    errors[0, 2, 5] = 4.0
    heat = picture(vae.screen.heat(np.full((8, 8), 100, np.uint8), errors)).astype(int)
    red = heat[..., 0] - heat[..., 1]
    assert np.argwhere(red > 0).tolist() == [[2, 5]]


def test_series_are_shown_one_channel_after_another_and_read_so():
    x = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
    schema = Schema.infer(x, kind="series")
    shown = [each["values"] for each in Screen(schema, x).samples(x)]
    assert shown[0] == [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]
    run: Any = SimpleNamespace(est=SimpleNamespace(schema_=schema))
    np.testing.assert_array_equal(samples_of(run, shown), x)


def test_an_image_of_ones_own(client: Client, vae: Shown):
    large = vae.x[7].repeat(5, 0).repeat(5, 1)
    for content in (as_file(large), as_file(np.repeat(large[..., None], 3, -1))):
        found = client.upload("/0/upload", content)
        assert np.abs(picture(found["sample"]).astype(int) - vae.x[7]).mean() < 12
        # What comes back as the sample is what was encoded, pixel for pixel.
        shown = picture(found["sample"])[None]
        np.testing.assert_allclose(found["code"], vae.est.transform(shown)[0], rtol=1e-3, atol=1e-4)
        score = vae.est.score_samples(shown, draws=1)[0]
        assert found["score"] == pytest.approx(score, rel=1e-3)


def test_a_wide_image_is_cut_to_its_middle(client: Client):
    wide = np.zeros((16, 64), np.uint8)
    wide[:, 24:40] = 255
    found = client.upload("/0/upload", as_file(wide))
    assert picture(found["sample"])[:, 1:-1].min() > 240


NOISE = np.random.default_rng(0).integers(0, 256, (30, 30)).astype(np.uint8)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is huge."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 415),
        (b"not an image", 415),
        (as_file(NOISE)[:500], 415),
        (bomb(50_000, 50_000), 413),
        (bomb(6_000, 6_000), 413),
        (bomb(0, 10), 415),
        (bytes(4 * 2**20 + 1), 413),
    ],
    ids=["none", "text", "cut", "huge", "large", "empty", "long"],
)
def test_what_is_no_image_is_refused(client: Client, content: bytes, status: int):
    client.upload("/0/upload", content, status)


def test_images_for_tables_are_refused(client: Client):
    assert (
        "no images"
        in client.upload("/2/upload", as_file(np.zeros((9, 9), np.uint8)), 409)["detail"]
    )


def test_images_in_every_layout_and_scale():
    random = np.random.default_rng(0)
    for shape in ((40, 6, 5, 3), (40, 3, 6, 5), (40, 6, 5, 4), (40, 6, 5, 2)):
        for x in (
            random.integers(0, 256, shape).astype(np.uint8),
            random.random(shape).astype(np.float32),
            random.normal(size=shape).astype(np.float32),
            random.integers(0, 2, shape).astype(np.uint8),
        ):
            run = Shown("any", VAE(latent=2, **SMALL | {"epochs": 1}).fit(x), x)
            own = run.screen.read(as_file(np.full((30, 30), 255, np.uint8)))
            assert own.shape == (1, *shape[1:])
            assert np.isfinite(run.encode(own, None)).all()
            assert len(run.screen.samples(run.decode(run.codes[:2], None))) == 2
            assert run.screen.pixels(own)[0].reshape(30, -1)[:, 0].min() == 255


def test_missing_pixels_are_shown_in_colour(vae: Shown):
    x = np.zeros((1, 8, 8), np.float32)
    x[0, 1, 2] = np.nan
    shown = vae.screen.pixels(x)[0]
    assert shown[1, 2].tolist() == [242, 184, 75] and shown[0, 0].tolist() == [0, 0, 0]
