"""Samples as a browser shows them, and a user's own image as the model takes it."""

from __future__ import annotations

import base64
import io
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.writers import grid
from .refusals import NoPicture, Refused, TooLarge

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..data.schema import Schema

MOST_PIXELS = 25_000_000
"""The largest picture that is decoded: a file of a few KB can claim to hold far more."""
READ = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
TILE = 96
"""Pixels: smaller images are enlarged to about this in animations and strips."""
MISSING = (242, 184, 75)
"""The colour of a pixel that the data lack."""


class Screen:
    """How the samples of one run are shown: which values are black and which are white.

    schema: what a sample is. x (N, ...): the shown rows, whose range is that of real values.
    """

    def __init__(self, schema: Schema, x: np.ndarray) -> None:
        self.schema = schema
        self.low, self.high = _limits(schema, x)

    @property
    def images(self) -> bool:
        """Whether samples are images."""
        return self.schema.kind == "image"

    def samples(self, array: np.ndarray) -> list[dict[str, Any]]:
        """Samples (N, ...) in the data's layout and units, for the answer to a request.

        Those of a mixed table are a DataFrame, or rows (N, D) as its schema packs them.
        """
        if self.images:
            return [{"image": data_url(picture)} for picture in self.pixels(array)]
        if self.schema.kind == "table":
            return self._rows(self.schema.pack(array).numpy())
        rows = array.reshape(len(array), *self.schema.shape)
        if self.schema.kind == "series":  # one channel after another, as a line each
            rows = rows.swapaxes(1, 2)
        return [{"values": numbers(row)} for row in rows.reshape(len(array), -1)]

    def _rows(self, rows: np.ndarray) -> list[dict[str, Any]]:
        """Rows (N, D) of a mixed table: as numbers, and as text where a number says little."""
        columns = self.schema.learned
        values = np.stack([c.numbers(x) for c, x in zip(columns, rows.T, strict=True)], 1)
        cells = [
            c.texts(x) if c.levels or c.dates else [None] * len(rows)
            for c, x in zip(columns, rows.T, strict=True)
        ]
        each = zip(values, zip(*cells, strict=True), strict=True)
        return [{"values": numbers(row), "cells": list(texts)} for row, texts in each]

    def pixels(self, array: np.ndarray) -> np.ndarray:
        """Images (N, ...) in the data's layout as uint8 (N, H, W) or (N, H, W, 3 or 4)."""
        channels = self.schema.shape[0]
        images = array.reshape(len(array), *self.schema.stored).astype(np.float64)
        if not self.schema.channels_last:
            images = np.moveaxis(images, 1, -1)
        if channels == 2:  # grey and its transparency: show the grey
            images = images[..., :1]
        unit = (images - self.low) / (self.high - self.low)
        lacking = np.isnan(unit).any(-1)
        shown = np.rint(255 * np.nan_to_num(unit).clip(0, 1)).astype(np.uint8)
        if channels == 4:
            shown[..., 3] = 255  # what is transparent would hide what the model made
        if not lacking.any():
            return shown[..., 0] if shown.shape[-1] == 1 else shown
        colour = np.repeat(shown[..., :1], 3, -1) if channels < 3 else shown[..., :3].copy()
        colour[lacking] = MISSING
        return colour

    def heat(self, sample: np.ndarray, errors: np.ndarray) -> dict[str, str]:
        """One image with its squared errors (C, H, W) over it in red, from 0 to the largest."""
        pixels = self.pixels(sample[None])[0]
        base = np.repeat(pixels[..., None], 3, -1) if pixels.ndim == 2 else pixels[..., :3]
        each = np.nan_to_num(errors).sum(0)
        share = (each / max(float(each.max()), 1e-12))[..., None] ** 0.5
        red = np.array([225.0, 45.0, 60.0])
        return {"image": data_url(np.rint((1 - share) * 0.6 * base + share * red).astype(np.uint8))}

    def strip(self, array: np.ndarray) -> bytes:
        """The images of a path side by side, as a PNG."""
        return _file(grid(self._large(array), per_row=16), "PNG")

    def film(self, array: np.ndarray, milliseconds: int = 90) -> bytes:
        """The images of a path one after another and back again, as an endless GIF."""
        from PIL import Image

        there = self._large(array)
        first, *others = [Image.fromarray(each) for each in (*there, *there[-2:0:-1])]
        file = io.BytesIO()
        first.save(file, "GIF", save_all=True, append_images=others, duration=milliseconds, loop=0)
        return file.getvalue()

    def _large(self, array: np.ndarray) -> np.ndarray:
        if not self.images:
            raise Refused(
                "The samples of this run are no images, so no picture is made of them; ask for"
                " interpolate, which gives their values."
            )
        pixels = self.pixels(array)
        factor = max(1, round(TILE / min(pixels.shape[1:3])))
        return pixels.repeat(factor, 1).repeat(factor, 2)

    def read(self, content: bytes) -> np.ndarray:
        """A picture file as one sample (1, ...): its middle, in the run's size, colours and scale.

        Raises NoPicture for what is no image, TooLarge for too many pixels, Refused where samples
        are vectors.
        """
        if not self.images:
            raise Refused(
                "The samples of this run are no images; give the values of one to encode."
            )
        channels, height, width = self.schema.shape
        picture = _opened(content, ("L", "LA", "RGB", "RGBA")[channels - 1], (width, height))
        unit = np.asarray(picture, np.float64).reshape(height, width, channels) / 255
        values = self.low + unit * (self.high - self.low)
        if self.schema.values == "levels":
            values = np.rint(unit * (self.schema.levels - 1))
        elif self.schema.values in ("binary", "count"):
            values = np.rint(values)
        if not self.schema.channels_last:
            values = np.moveaxis(values, -1, 0)
        return values.reshape(1, *self.schema.given).astype(np.float32)


def _limits(schema: Schema, x: np.ndarray) -> tuple[float, float]:
    """The values shown as black and as white."""
    if schema.kind != "image" or schema.values in ("binary", "unit"):
        return 0.0, 1.0
    if schema.values == "levels":
        return 0.0, float(schema.levels - 1)
    seen = x[~np.isnan(x)] if x.dtype.kind == "f" else x
    low, high = np.percentile(seen, (0.5, 99.5)) if seen.size else (0.0, 1.0)
    return float(low), float(high) if high > low else float(low) + 1.0


def _opened(content: bytes, mode: str, size: tuple[int, int]) -> Image:
    """A picture file, upright, cut to the size's proportions, scaled to it, in a mode of PIL."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # oddities in a file's metadata do no harm here
            with Image.open(io.BytesIO(content), formats=READ) as picture:
                # Only the header has been read so far.
                if picture.width * picture.height <= MOST_PIXELS:
                    return _fitted(picture, mode, size)
    except Image.DecompressionBombError:
        pass
    except Exception as error:  # a decoder fails on broken bytes in as many ways as there are
        raise NoPicture(
            f"The upload is no image that can be read; send one of {', '.join(READ)}."
        ) from error
    raise TooLarge(
        f"The image has more than {MOST_PIXELS // 1_000_000} million pixels; make it smaller."
    )


def _fitted(picture: Image, mode: str, size: tuple[int, int]) -> Image:
    from PIL import Image, ImageOps

    picture = ImageOps.exif_transpose(picture)
    if picture.has_transparency_data and mode in ("L", "RGB"):
        black = Image.new("RGBA", picture.size, "black")
        picture = Image.alpha_composite(black, picture.convert("RGBA"))
    return ImageOps.fit(picture.convert(mode), size, Image.Resampling.LANCZOS)


def data_url(pixels: np.ndarray) -> str:
    """Pixels (H, W) or (H, W, 3 or 4), uint8, as a PNG in a data: URL."""
    return "data:image/png;base64," + base64.b64encode(_file(pixels, "PNG")).decode()


def _file(pixels: np.ndarray, kind: str) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    # Small pictures that are shown once: time counts for more than bytes.
    Image.fromarray(pixels).save(file, kind, compress_level=1)
    return file.getvalue()


def numbers(values: np.ndarray, digits: int = 6) -> list[float | None]:
    """Numbers (N,) to so many significant digits; None for those that are not finite."""
    finite = np.isfinite(values).tolist()
    pairs = zip(values.tolist(), finite, strict=True)
    return [float(f"{v:.{digits}g}") if known else None for v, known in pairs]
