from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from latentry.report.picture import DPI, MISSING, image_grid


def drawn(picture) -> np.ndarray:
    out = io.BytesIO()
    picture.savefig(out, format="png")
    return np.asarray(Image.open(out).convert("RGB"))


def test_every_pixel_of_an_image_is_an_exact_square():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 3, 4, 5), dtype=np.uint8)
    pixels = drawn(image_grid(images, gap=0))
    zoom = pixels.shape[0] // 8
    assert pixels.shape == (8 * zoom, 15 * zoom, 3)
    back = pixels[zoom // 2 :: zoom, zoom // 2 :: zoom, 0]
    assert np.array_equal(back, images.swapaxes(1, 2).reshape(8, 15))


def test_a_run_of_images_is_broken_into_rows_and_the_rest_stays_empty():
    pixels = drawn(image_grid(np.zeros((3, 8, 8)), columns=2, gap=0))
    half = pixels.shape[0] // 2
    assert (pixels[:half] == 0).all()
    assert (pixels[half:, :half] == 0).all()
    assert (pixels[half:, half:] == 255).all()


def test_colour_images_keep_their_colours():
    images = np.zeros((1, 1, 4, 4, 3))
    images[..., 2] = 1
    assert (drawn(image_grid(images)) == (0, 0, 255)).all()


def test_missing_pixels_are_marked():
    images = np.ones((1, 1, 8, 8))
    images[..., 0, 0] = np.nan
    corner = drawn(image_grid(images))[1, 1]
    assert "#" + "".join(f"{v:02x}" for v in corner) == MISSING


def test_values_outside_the_range_are_clipped_and_not_wrapped():
    pixels = drawn(image_grid(np.array([-1.5, 2.0]).reshape(1, 2, 1, 1), gap=0))
    assert pixels[0, 0, 0] == 0
    assert pixels[0, -1, 0] == 255


@pytest.mark.parametrize("rows", [None, ["data", "model"]])
def test_row_labels_and_a_title_only_add_room_around_the_grid(rows):
    images = np.random.default_rng(0).random((2, 4, 8, 8))
    plain, labelled = image_grid(images), image_grid(images, rows, "A title", name="pair")
    assert labelled.name == "pair" and labelled.heading == "A title"
    wider = np.subtract(labelled.get_size_inches(), plain.get_size_inches()) * DPI
    assert (wider[0] > 0) == (rows is not None)
    assert wider[1] > 0
