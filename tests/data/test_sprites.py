from __future__ import annotations

import numpy as np
import pytest

from latentry.data import load, sprites
from latentry.errors import LatentryError


def area(row: list[int], size: int = 128) -> float:
    """Of one sprite, as a share of the picture."""
    return sprites.render([row], size).mean() / 255


def test_the_named_data_set_is_the_whole_grid_with_its_factors():
    found = load("sprites")
    assert found.x.shape == (sprites.COUNT, 32, 32) and found.x.dtype == np.uint8
    assert tuple(found.taken) == sprites.NAMES
    assert found.labels is not None
    assert found.labels[0] == "square" and found.labels[-1] == "heart"
    np.testing.assert_array_equal(np.stack(list(found.taken.values()), 1), sprites.grid())
    assert len(np.unique(found.x.reshape(len(found.x), -1), axis=0)) == sprites.COUNT
    edge = np.concatenate([found.x[:, [0, -1]].ravel(), found.x[:, :, [0, -1]].ravel()])
    assert edge.max() == 0  # none leaves the picture


def test_a_factor_can_be_the_label():
    np.testing.assert_array_equal(load("sprites", label="scale").labels, sprites.grid()[:, 1])
    with pytest.raises(LatentryError, match="no named columns"):
        load("sprites", label="colour")


def test_areas_are_those_of_the_shapes():
    full = [0, 3, 0, 3, 3]
    assert area(full) == pytest.approx((2 * sprites.SQUARE) ** 2 / 4, rel=0.01)
    a, b = sprites.ELLIPSE
    assert area([1, 3, 0, 3, 3]) == pytest.approx(np.pi * a * b / 4, rel=0.01)
    # A square and two half discs, of which each covers one side of the square.
    heart = (4 + np.pi) * sprites.HEART**2
    assert area([2, 3, 0, 3, 3]) == pytest.approx(heart / 4, rel=0.01)
    assert area([0, 0, 0, 3, 3]) == pytest.approx(area(full) / 4, rel=0.02)
    assert area([0, 3, 5, 1, 6]) == pytest.approx(area(full), rel=0.01)


@pytest.mark.parametrize("shape", range(3))
def test_places_move_right_and_down_in_even_steps(shape):
    def centre(x: int, y: int) -> np.ndarray:
        image = sprites.render([[shape, 2, 3, x, y]], 64)[0].astype(float)
        where = np.arange(64)
        return np.array([image.sum(0) @ where, image.sum(1) @ where]) / image.sum()

    step = 2 * sprites.FARTHEST / 7 * 32  # pixels
    np.testing.assert_allclose(centre(5, 2) - centre(4, 2), [step, 0], atol=0.05)
    np.testing.assert_allclose(centre(4, 3) - centre(4, 2), [0, step], atol=0.05)


def test_edges_are_grey_and_the_rest_is_not():
    image = sprites.render([[1, 3, 2, 3, 3]], 32)[0]
    assert set(np.unique(image)) >= {0, 255}
    assert 0 < np.mean((image > 0) & (image < 255)) < 0.06


def test_random_sprites_hold_what_is_fixed():
    table = sprites.sample_factors(400, {"shape": 2, "x": 7}, seed=3)
    assert (table[:, 0] == 2).all() and (table[:, 3] == 7).all()
    assert all(len(np.unique(table[:, k])) == sprites.SIZES[k] for k in (1, 2, 4))
    np.testing.assert_array_equal(table, sprites.sample_factors(400, {"shape": 2, "x": 7}, seed=3))
    images, factors, names = sprites.make(5, seed=1, size=16)
    assert images.shape == (5, 16, 16) and factors.shape == (5, 5) and names == sprites.NAMES


def test_mistakes_are_told():
    with pytest.raises(LatentryError, match="no factor 'shap'.* Did you mean 'shape'"):
        sprites.sample_factors(3, {"shap": 0})
    with pytest.raises(LatentryError, match="'scale' cannot be 4; its values are 0 to 3"):
        sprites.sample_factors(3, {"scale": 4})
    with pytest.raises(LatentryError, match="'x' cannot be -1"):
        sprites.render([[0, 0, 0, -1, 0]])
    with pytest.raises(LatentryError, match="whole"):
        sprites.render([[0.0, 0.0, 0.0, 0.0, 0.0]])
    with pytest.raises(LatentryError, match="at least 1"):
        sprites.sample_factors(0)
    with pytest.raises(LatentryError, match="at least 8 pixels"):
        sprites.make(1, size=4)
