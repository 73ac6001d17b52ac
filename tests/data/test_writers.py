from __future__ import annotations

import errno
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from latentry.data import Schema, check_output, load, save_images, save_table, write
from latentry.data.writers import grid, to_uint8
from latentry.errors import LatentryError

CODES = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
GREY = np.random.default_rng(0).integers(0, 256, (7, 9, 8), dtype=np.uint8)


def picture(path):
    with Image.open(path) as opened:
        opened.load()
        return opened


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".parquet"])
def test_what_is_written_is_read_back(tmp_path, suffix):
    pytest.importorskip("pyarrow")
    path = write(tmp_path / f"codes{suffix}", CODES)
    found = load(path)
    np.testing.assert_allclose(found.x, CODES, rtol=1e-7)
    assert os.listdir(tmp_path) == [f"codes{suffix}"]
    if suffix in (".csv", ".parquet"):
        assert found.columns == ("x0", "x1", "x2")


@given(arrays(np.float32, (3, 2), elements=st.floats(-(2.0**99), 2.0**99, width=32)))
def test_csv_keeps_float32_exactly(tmp_path_factory, x):
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    write(path, x)
    np.testing.assert_array_equal(load(path).x.astype(np.float32), x)


def test_names_and_labels_go_along(tmp_path):
    labels = np.array(list("abcabca"), dtype=object)
    schema = Schema.infer(CODES, columns=["u", "v", "w"])
    found = load(write(tmp_path / "t.csv", CODES, schema=schema, labels=labels), label="label")
    assert found.columns == ("u", "v", "w")
    assert found.labels is not None
    assert found.labels.tolist() == labels.tolist()
    held = load(write(tmp_path / "t.npz", CODES, labels=labels))
    assert held.labels is not None
    assert held.labels.tolist() == labels.tolist()
    save_table(tmp_path / "s.csv", np.arange(3.0), columns=["score"])
    assert (tmp_path / "s.csv").read_text() == "score\n0.0\n1.0\n2.0\n"
    with pytest.raises(LatentryError, match="2 column names were given for 3 columns"):
        save_table(tmp_path / "s.csv", CODES, columns=["a", "b"])


def test_a_grid_of_images(tmp_path):
    write(tmp_path / "g.png", GREY, schema=Schema.infer(GREY), per_row=7)
    image = picture(tmp_path / "g.png")
    assert image.size == (7 * 32 + 6 * 2, 36)  # each 9 x 8 image is enlarged four times
    np.testing.assert_array_equal(np.asarray(image)[::4, :32:4], GREY[0])


def test_a_grid_places_images_by_rows():
    tiles = np.arange(5, dtype=np.uint8)[:, None, None] * np.ones((5, 4, 3), np.uint8)
    whole = grid(tiles, gap=1)
    assert whole.shape == (2 * 5 - 1, 3 * 4 - 1)
    assert whole[0, 4] == 1
    assert whole[5, 0] == 3
    assert whole[8, 10] == 255  # no sixth image


def test_an_animation(tmp_path):
    write(tmp_path / "g.gif", np.repeat(GREY[..., None], 3, -1))
    with Image.open(tmp_path / "g.gif") as image:
        assert (image.n_frames, image.size) == (7, (32, 36))  # type: ignore[attr-defined]


def test_what_pixels_mean():
    half = np.full((2, 3, 3), 0.5, np.float32)
    assert to_uint8(half).max() == 128
    sixteen = np.random.default_rng(0).integers(0, 17, (5, 8, 8), dtype=np.uint8)
    assert to_uint8(sixteen, Schema.infer(sixteen, levels=17)).max() == 255
    binary = (GREY > 99).astype(np.uint8)
    assert set(np.unique(to_uint8(binary, Schema.infer(binary)))) == {0, 255}
    colour = np.random.default_rng(0).random((4, 3, 8, 8))
    assert to_uint8(colour, Schema.infer(colour)).shape == (4, 8, 8, 3)
    rows = Schema.infer(GREY.reshape(7, 72), shape=(9, 8))
    np.testing.assert_array_equal(to_uint8(GREY.reshape(7, 72), rows), GREY)
    real = np.random.default_rng(0).normal(size=(4, 8, 8))
    stretched = to_uint8(real, Schema.infer(real))
    assert (stretched.min(), stretched.max()) == (0, 255)


def test_what_cannot_be_written_is_told_before_anything_is(tmp_path):
    old = tmp_path / "old.npy"
    old.write_bytes(b"old")
    (tmp_path / "folder.npy").mkdir()
    cases = {
        old: f"Cannot write {old}: it exists already; choose another path or pass --force.",
        tmp_path / "a.cvs": f"Cannot write {tmp_path / 'a.cvs'}: its extension '.cvs' is unknown; "
        f"use one of .npy, .npz, .csv, .parquet, .png, .gif. Did you mean '.csv'?",
        tmp_path / "a": f"Cannot write {tmp_path / 'a'}: its extension '(none)' is unknown; "
        f"use one of .npy, .npz, .csv, .parquet, .png, .gif.",
        tmp_path / "no" / "a.npy": f"Cannot write {tmp_path / 'no' / 'a.npy'}: its folder does "
        f"not exist; create it first.",
        tmp_path / "folder.npy": f"Cannot write {tmp_path / 'folder.npy'}: a folder stands there; "
        f"choose another path.",
        tmp_path / "a.png": "Only images can be written as .png or .gif, and these samples are "
        "vectors; write .npy, .npz, .csv or .parquet.",
    }
    for path, message in cases.items():
        with pytest.raises(LatentryError) as caught:
            write(path, CODES)
        assert str(caught.value) == message
    assert sorted(os.listdir(tmp_path)) == ["folder.npy", "old.npy"]
    assert old.read_bytes() == b"old"
    assert check_output(old, force=True) == old
    write(old, CODES, force=True)
    np.testing.assert_array_equal(np.load(old), CODES)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.csv", "a.parquet", "a.png", "a.gif"])
def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch, name):
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LatentryError, match="no space is left on the device"):
        write(tmp_path / name, GREY)
    assert os.listdir(tmp_path) == []


def test_pictures_from_a_plain_array(tmp_path):
    save_images(tmp_path / "a.png", np.zeros((1, 40, 50, 3), np.uint8))
    assert picture(tmp_path / "a.png").size == (50, 40)
