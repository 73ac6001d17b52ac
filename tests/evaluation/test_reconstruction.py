from __future__ import annotations

import numpy as np
import pytest

from latentry import LatentryError
from latentry.data.schema import Schema
from latentry.evaluation.reconstruction import mse, psnr, reconstruction, ssim, value_range

RNG = np.random.default_rng(0)


def test_squared_error_of_each_row() -> None:
    x = np.array([[0.0, 0.0], [1.0, 3.0]])
    np.testing.assert_allclose(mse(x, x + 2), [4, 4])
    np.testing.assert_allclose(mse(x, [[0, 0], [1, 1]]), [0, 2])
    images = RNG.random((3, 4, 5))
    np.testing.assert_allclose(mse(images, images + 0.5), [0.25] * 3)


def test_bytes_do_not_wrap_around() -> None:
    dark, light = np.zeros((1, 4), np.uint8), np.full((1, 4), 255, np.uint8)
    assert mse(dark, light)[0] == 255**2
    assert psnr(dark, light, span=255)[0] == pytest.approx(0)


def test_missing_entries_are_left_out() -> None:
    x = np.array([[np.nan, 1.0], [np.nan, np.nan]])
    y = np.array([[5.0, 3.0], [1.0, 1.0]])
    np.testing.assert_allclose(mse(x, y), [4, np.nan])
    np.testing.assert_allclose(psnr(x, y, span=2.0), [0, np.nan])


def test_psnr_in_decibels() -> None:
    x = np.zeros((1, 10))
    assert psnr(x, x + 0.1)[0] == pytest.approx(20)
    assert psnr(x, x + 0.1, span=10)[0] == pytest.approx(40)
    assert psnr(x, x)[0] == 100
    with pytest.raises(LatentryError, match="above 0"):
        psnr(x, x, span=0)


def test_ssim_of_the_same_image_is_one() -> None:
    for shape in ((2, 8, 8), (2, 16, 12), (2, 16, 16, 3), (2, 3, 16, 16), (2, 1, 1)):
        x = RNG.random(shape)
        np.testing.assert_allclose(ssim(x, x), 1)


def test_ssim_of_flat_images_is_its_luminance_term() -> None:
    a, b = np.full((1, 20, 20), 0.2), np.full((1, 20, 20), 0.6)
    c = 0.01**2
    expected = (2 * 0.2 * 0.6 + c) / (0.2**2 + 0.6**2 + c)
    assert ssim(a, b)[0] == pytest.approx(expected)
    assert ssim(255 * a, 255 * b, span=255)[0] == pytest.approx(expected)


@pytest.mark.parametrize("side", [11, 8])
def test_ssim_in_a_single_window(side: int) -> None:
    """An image that one window covers, and the middle one of an even side, by the formula."""
    a, b = RNG.random((2, side, side))
    n = side if side % 2 else side - 1
    place = np.arange(n) - n // 2
    g = np.exp(-(place[:, None] ** 2 + place[None] ** 2) / (2 * 1.5**2))
    g /= g.sum()

    def at(i: int, j: int) -> float:
        p, q = a[i : i + n, j : j + n], b[i : i + n, j : j + n]
        mp, mq = (g * p).sum(), (g * q).sum()
        vp, vq = (g * (p - mp) ** 2).sum(), (g * (q - mq) ** 2).sum()
        cov = (g * (p - mp) * (q - mq)).sum()
        c1, c2 = 0.01**2, 0.03**2
        return (2 * mp * mq + c1) * (2 * cov + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2))

    positions = range(side - n + 1)
    expected = np.mean([at(i, j) for i in positions for j in positions])
    assert ssim(a[None], b[None])[0] == pytest.approx(expected)


def test_ssim_sees_structure() -> None:
    x = RNG.random((1, 32, 32))
    noise = 0.05 * RNG.standard_normal(x.shape)
    assert ssim(x, 1 - x)[0] < 0 < ssim(x, x + 6 * noise)[0] < ssim(x, x + noise)[0] < 1
    gap = x.copy()
    gap[0, 3, 3] = np.nan
    assert np.isnan(ssim(gap, x)[0])


def test_ssim_does_not_depend_on_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = RNG.random((2, 7, 9, 9))
    whole = ssim(x, y)
    monkeypatch.setattr("latentry.evaluation.reconstruction.ROWS_AT_ONCE", 3)
    np.testing.assert_array_equal(ssim(x, y), whole)


def test_what_holds_no_images() -> None:
    with pytest.raises(LatentryError, match="no images"):
        ssim(np.zeros((2, 8, 8, 8)), np.zeros((2, 8, 8, 8)))
    with pytest.raises(LatentryError, match="one shape"):
        mse(np.zeros((2, 3)), np.zeros((3, 3)))
    with pytest.raises(LatentryError, match="one shape"):
        ssim(np.zeros((2, 8, 8)), np.zeros((3, 8, 8)))


def test_means_classes_and_worst_rows() -> None:
    x = np.zeros((4, 8, 8))
    y = x + np.array([0.1, 0.4, 0.2, 0.3])[:, None, None]
    found = reconstruction(x, y, span=1.0, labels=["a", "b", "a", "b"], worst=2)
    assert found["mse"] == pytest.approx(0.075)
    assert found["psnr"] == pytest.approx(-20 * np.log10([0.1, 0.4, 0.2, 0.3]).mean())
    assert found["per_class"] == pytest.approx({"a": 0.025, "b": 0.125})
    assert found["worst"] == [1, 3]
    assert found["ssim"] == pytest.approx(ssim(x, y).mean())
    rows = reconstruction(x.reshape(4, -1), y.reshape(4, -1))
    assert rows["ssim"] is None and rows["per_class"] is None
    assert rows["worst"] == [1, 3, 2, 0]
    with pytest.raises(LatentryError, match="3 labels were given for 4 rows"):
        reconstruction(x, y, labels=[1, 2, 3])


def test_rows_without_an_entry_are_left_out_of_the_means() -> None:
    x = np.array([[np.nan, np.nan], [0.0, 1.0]])
    found = reconstruction(x, np.zeros((2, 2)))
    assert found["mse"] == pytest.approx(0.5)
    assert found["worst"][0] == 1
    empty = reconstruction(np.full((1, 2), np.nan), np.zeros((1, 2)))
    assert empty["mse"] is None and empty["psnr"] is None


def test_the_range_of_values() -> None:
    images = np.array([[[0, 3], [1, 2]], [[1, 2], [3, 0]]], np.uint8)
    assert value_range(images) == 255
    assert value_range(images > 1) == 1
    assert value_range(images, Schema.infer(images, levels=4)) == 3
    assert value_range(images / 4, Schema.infer(images / 4)) == 1
    assert value_range(np.array([[1.0, np.nan, 6.0]])) == 5
    assert value_range(np.zeros((2, 2))) == 1
