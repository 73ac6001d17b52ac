from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latentry.data import Schema, Transform
from latentry.errors import LatentryError

rng = np.random.default_rng(0)
REAL = rng.normal(size=(20, 3))
GREY = rng.integers(0, 256, (20, 8, 6), dtype=np.uint8)


@pytest.mark.parametrize(
    ("x", "kind", "shape", "values"),
    [
        (REAL, "vector", (3,), "real"),
        (rng.random((20, 3)), "vector", (3,), "real"),
        (rng.integers(0, 9, (20, 3)), "vector", (3,), "count"),
        (rng.integers(-9, 9, (20, 3)), "vector", (3,), "real"),
        (rng.integers(0, 2, (20, 3)).astype(float), "vector", (3,), "binary"),
        (rng.random((20, 3)) > 0.5, "vector", (3,), "binary"),
        (rng.integers(0, 256, (20, 3), dtype=np.uint8), "vector", (3,), "levels"),
        (GREY, "image", (1, 8, 6), "levels"),
        (GREY.astype(np.int64), "image", (1, 8, 6), "levels"),
        (GREY.astype(np.int64) * 9, "image", (1, 8, 6), "real"),
        (GREY / 255, "image", (1, 8, 6), "unit"),
        (GREY / 100 - 1, "image", (1, 8, 6), "real"),
        (rng.random((20, 8, 6, 3)), "image", (3, 8, 6), "unit"),
        (rng.random((20, 3, 8, 6)), "image", (3, 8, 6), "unit"),
        (rng.random((20, 1, 8, 6)), "image", (1, 8, 6), "unit"),
    ],
)
def test_what_a_sample_is(x, kind, shape, values):
    schema = Schema.infer(x)
    assert (schema.kind, schema.shape, schema.values) == (kind, shape, values)
    assert schema.given == x.shape[1:]
    assert Schema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema
    packed = schema.pack(x)
    assert packed.shape == (20, *shape)
    assert packed.dtype == (torch.uint8 if x.dtype in (np.uint8, bool) else torch.float32)
    back = schema.unpack(packed, round_counts=True)
    assert back.shape == x.shape
    np.testing.assert_allclose(back, x, rtol=1e-6)
    if x.dtype.kind in "biu" and values != "real":
        assert back.dtype == (np.int64 if values == "count" else x.dtype)


def test_levels_values_and_shape_may_be_said():
    digits = rng.integers(0, 17, (20, 64)).astype(float)
    schema = Schema.infer(digits, levels=17, shape=(8, 8))
    assert (schema.shape, schema.values, schema.levels) == ((1, 8, 8), "levels", 17)
    assert schema.unpack(schema.pack(digits)).shape == (20, 64)
    assert Schema.infer(digits, values="count").values == "count"
    assert Schema.infer(rng.random((9, 4)), values="unit").values == "unit"
    assert Schema.infer(rng.integers(0, 2, (9, 4)), levels=2).values == "binary"


def test_missing_values_are_seen_and_kept():
    x = REAL.copy()
    x[3, 1] = np.nan
    schema = Schema.infer(x)
    assert schema.missing
    assert torch.isnan(schema.pack(x)[3, 1])
    binary = (REAL > 0).astype(float)
    binary[0, 0] = np.nan
    assert Schema.infer(binary).values == "binary"


def test_packing_shares_memory_where_it_can():
    x = REAL.astype(np.float32)
    assert np.shares_memory(Schema.infer(x).pack(x).numpy(), x)
    assert np.shares_memory(Schema.infer(GREY).pack(GREY).numpy(), GREY)


def test_read_only_memory_is_packed_without_a_warning():
    x = REAL.astype(np.float32)
    x.flags.writeable = False
    assert Schema.infer(x).pack(x).shape == (20, 3)


def test_a_table_is_brought_into_the_order_of_training():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(REAL, columns=["a", "b", "c"])
    schema = Schema.infer(frame)
    assert schema.columns == ("a", "b", "c")
    assert torch.equal(schema.pack(frame[["c", "a", "b"]]), schema.pack(frame))
    with pytest.raises(LatentryError, match="lacks the column 'b' that the model was trained on"):
        schema.pack(frame[["a", "c"]])
    with pytest.raises(LatentryError, match="has the column 'd' that the model was not trained on"):
        schema.pack(frame.assign(d=1.0))


def test_grey_levels_come_back_rounded_and_clipped():
    schema = Schema.infer(GREY)
    t = torch.full((2, 1, 8, 6), 300.0)
    t[1] = 17.6
    back = schema.unpack(t)
    assert back.dtype == np.uint8
    assert back[0, 0, 0] == 255
    assert back[1, 0, 0] == 18


def test_means_of_counts_and_probabilities_stay_fractions():
    counts = Schema.infer(rng.integers(0, 9, (20, 3)))
    assert counts.unpack(torch.full((1, 3), 1.25)).dtype == np.float32
    assert counts.unpack(torch.full((1, 3), 1.25), round_counts=True)[0, 0] == 1
    binary = Schema.infer(rng.integers(0, 2, (20, 3), dtype=np.uint8))
    assert binary.unpack(torch.full((1, 3), 0.3))[0, 0] == np.float32(0.3)


def test_unpacking_keeps_leading_axes():
    schema = Schema.infer(rng.random((20, 8, 6, 3)))
    assert schema.unpack(torch.zeros(4, 5, 3, 8, 6)).shape == (4, 5, 8, 6, 3)


@given(
    st.integers(2, 6), st.integers(5, 9), st.integers(5, 9), st.sampled_from([0, 1, 3, 4]),
    st.booleans(), st.sampled_from(["uint8", "float32", "float64", "int32"]),
)  # fmt: skip
def test_layouts_survive_the_round_trip(n, height, width, channels, last, dtype):
    sample = (height, width)
    if channels:
        sample = (*sample, channels) if last else (channels, *sample)
    x = np.random.default_rng(n).integers(0, 256, (n, *sample)).astype(dtype)
    schema = Schema.infer(x)
    transform = Transform.fit(schema, x)
    back = schema.unpack(transform.inverse(transform(schema.pack(x))))
    assert back.shape == x.shape
    np.testing.assert_allclose(back, x, atol=1e-3)


def bad(x, row, column, value):
    x = np.array(x, dtype=float)
    x[row, column] = value
    return x


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (
            REAL[:1],
            {},
            "The data needs at least 2 rows (n_samples = 1); give more samples.",
        ),
        (
            bad(REAL, 4, 1, np.inf),
            {},
            "The data holds an infinite value (inf) in row 4, column 1; remove that row or mend "
            "the value.",
        ),
        (
            bad(REAL, 4, 1, -np.inf),
            {"columns": ["a", "b", "c"]},
            "The data holds an infinite value (inf) in row 4, column 'b'; remove that row or mend "
            "the value.",
        ),
        (
            bad(REAL, 4, 1, 1e300),
            {},
            "The data holds 1e+300, too large for float32 (inf) in row 4, column 1; remove that "
            "row or mend the value.",
        ),
        (
            bad(REAL, slice(None), 2, np.nan),
            {"columns": ["a", "b", "c"]},
            "Column 'c' holds no value at all (all NaN); leave out what was never observed.",
        ),
        (
            bad(REAL, slice(None), 2, 7),
            {"columns": ["a", "b", "c"]},
            "Column 'c' holds one value only; leave out what never varies (or, where the columns "
            "are the pixels of an image, give its shape).",
        ),
        (
            np.full((5, 3), 2.0),
            {},
            "Every column holds one value only (2 in the first), so there is nothing to learn; "
            "give data that varies.",
        ),
        (
            REAL,
            {"values": "unit"},
            f"Values must lie in [0, 1], but the data ranges from {REAL.min():g} to "
            f"{REAL.max():g}; scale the data, or choose --likelihood gaussian-shared.",
        ),
        (
            np.array([[1, -3], [2, 4]]),
            {"values": "count"},
            "Counts cannot be negative, but the data ranges from -3 to 4; choose --likelihood "
            "gaussian-shared.",
        ),
        (
            GREY,
            {"levels": 17},
            f"Data of 17 levels must be whole numbers from 0 to 16, but the data ranges from "
            f"{GREY.min()} to {GREY.max()}; bring it to that grid or give the right number of "
            f"levels.",
        ),
        (
            GREY,
            {"values": "binary"},
            f"Binary data must be 0 or 1, but the data ranges from {GREY.min()} to {GREY.max()}; "
            f"choose another likelihood.",
        ),
        (
            REAL,
            {"values": "counts"},
            "Unknown kind of values 'counts'; choose one of binary, levels, unit, count, real. "
            "Did you mean 'count'?",
        ),
        (
            REAL,
            {"shape": (2, 2)},
            "The shape (2, 2) holds 4 values, but each sample has 3; give a shape with as many.",
        ),
        (
            REAL[:, 0],
            {},
            "Expected rows of numbers (N, D), got an array of the shape (20,). Reshape your data: "
            "X.reshape(-1, 1) if it has one feature, X.reshape(1, -1) if it is one sample.",
        ),
        (
            np.empty((15, 0)),
            {},
            "0 feature(s) (shape=(15, 0)) while a minimum of 1 is required; give at least one "
            "column.",
        ),
        (
            rng.random((5, 8, 8, 7)),
            {},
            "Samples of the shape (8, 8, 7) are neither vectors nor images; give (N, D), "
            "(N, H, W), or (N, H, W, C) with at most 4 channels.",
        ),
    ],
)
def test_what_cannot_be_learned_from_is_told(x, options, message):
    with pytest.raises(LatentryError) as caught:
        Schema.infer(x, **options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("trained", "x", "message"),
    [
        (
            REAL,
            REAL[:, :1],
            "X has 1 features, but VAE is expecting 3 features as input; give the columns that it "
            "was trained on.",
        ),
        (
            GREY,
            GREY[:, :4],
            "Each sample has the shape (4, 6), but VAE was trained on (8, 6); give an array of "
            "the shape (n, 8, 6).",
        ),
        (
            REAL,
            bad(REAL, 2, 0, np.nan),
            "The data holds NaN (a missing value) in row 2, column 0, but the training data had "
            "none; fill it in first, or train on data that has gaps too.",
        ),
        (
            GREY / 255,
            bad(GREY / 255, 2, (1, 0), np.inf)[:, :, :],
            "The data holds an infinite value (inf) in image 2, position (0, 0); remove that row "
            "or mend the value.",
        ),
        (
            GREY,
            GREY / 300,
            None,
        ),
        (
            np.array([[0, 1], [1, 0]], np.uint8),
            np.array([[0, 1], [1, 9]], np.uint8),
            "Found 9 in row 1, column 1, but the model was trained on values from 0 to 1; bring "
            "the data to the same scale.",
        ),
        (
            np.array([[0, 4], [1, 0]]),
            np.array([[0, -1], [1, 9]]),
            "Found -1 in row 0, column 1, but the model was trained on counts, which cannot be "
            "negative; bring the data to the same scale.",
        ),
        (
            REAL,
            REAL[:0],
            "Found array with 0 sample(s) (shape=(0, 3)) while a minimum of 1 is required; give at "
            "least one row.",
        ),
    ],
)
def test_what_the_model_was_not_trained_on_is_told(trained, x, message):
    schema = Schema.infer(trained)
    with pytest.raises(LatentryError) as caught:
        schema.pack(x, owner="VAE")
    if message is None:
        assert "the model was trained on whole numbers from 0 to 255" in str(caught.value)
    else:
        assert str(caught.value) == message


def test_descriptions():
    assert Schema.infer(GREY).describe() == "8 x 6 grey images of 256 levels"
    assert Schema.infer(REAL).describe() == "vectors of 3 real numbers"


@pytest.mark.parametrize(
    ("x", "shape", "values"),
    [
        (rng.normal(size=(20, 7)), (7, 1), "real"),
        (rng.normal(size=(20, 7, 1)), (7, 1), "real"),
        (rng.random((20, 7, 3)), (7, 3), "real"),
        (rng.integers(0, 2, (20, 7, 5)), (7, 5), "binary"),
        (rng.integers(0, 9, (20, 7, 2)), (7, 2), "count"),
    ],
)
def test_series_keep_the_layout_that_they_came_in(x, shape, values):
    schema = Schema.infer(x, kind="series")
    assert (schema.kind, schema.shape, schema.values) == ("series", shape, values)
    assert Schema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema
    packed = schema.pack(x)
    assert packed.shape == (20, *shape)
    np.testing.assert_allclose(packed[:, :, 0], x[:, :, 0] if x.ndim == 3 else x)
    np.testing.assert_allclose(schema.unpack(packed, round_counts=True), x)
    assert schema.unpack(torch.stack([packed, packed])).shape == (2, *x.shape)


def test_series_may_be_shorter_than_the_longest_and_say_where_they_are_wrong():
    x = rng.normal(size=(20, 7, 2))
    x[:, 5:] = np.nan  # no series reaches the last steps
    schema = Schema.infer(x, kind="series")
    assert schema.missing
    assert schema.describe() == "series of 7 steps x 2 channels of real numbers, some missing"
    assert Schema.infer(x[..., 0], kind="series").describe().startswith("series of 7 steps of real")
    x[3, 1, 1] = np.inf
    with pytest.raises(LatentryError, match="series 3, step 1, channel 1"):
        Schema.infer(x, kind="series")
    with pytest.raises(LatentryError, match="series 3, step 1;"):
        Schema.infer(x[..., 1], kind="series")
    with pytest.raises(LatentryError, match="Every step is NaN"):
        Schema.infer(np.full((4, 3), np.nan), kind="series")
    with pytest.raises(LatentryError, match="are no series"):
        Schema.infer(np.zeros((4, 3, 3, 3)), kind="series")
    with pytest.raises(LatentryError, match=r"was trained on \(7, 2\)"):
        schema.pack(np.zeros((4, 6, 2)))


def test_real_series_are_standardised_by_channel():
    x = rng.normal(size=(50, 7, 2)) * [3.0, 0.1] + [5.0, -1.0]
    x[10:, 4:, 1] = np.nan
    schema = Schema.infer(x, kind="series")
    transform = Transform.fit(schema, x)
    assert transform.shift.shape == transform.scale.shape == (2,)
    np.testing.assert_allclose(transform.shift, np.nanmean(x, (0, 1)), rtol=1e-5)
    np.testing.assert_allclose(transform.scale, np.nanstd(x, (0, 1)), rtol=1e-5)
    raw = schema.pack(x)
    torch.testing.assert_close(transform.inverse(transform(raw)), raw, equal_nan=True)
    logs = -np.log(np.nanstd(x, (0, 1)))
    assert transform.log_det == pytest.approx(7 * logs.sum(), rel=1e-5)
    each = (~np.isnan(x)).sum(1) @ logs
    np.testing.assert_allclose(transform.log_det_observed(raw), each, rtol=1e-4)
    again = Transform.from_dict(schema, transform.to_dict())
    torch.testing.assert_close(again.scale, transform.scale)
