from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latentry.data import Schema, Transform
from latentry.data.transforms import moments


def fitted(x, **options):
    schema = Schema.infer(x, **options)
    return schema, Transform.fit(schema, x)


def test_real_columns_are_standardised():
    x = np.random.default_rng(0).normal([5, -300, 1e6], [1, 20, 3], size=(500, 3))
    schema, transform = fitted(x)
    y = transform(schema.pack(x))
    assert y.dtype == torch.float32
    torch.testing.assert_close(y.mean(0), torch.zeros(3), atol=2e-2, rtol=0)
    torch.testing.assert_close(y.std(0), torch.ones(3), atol=2e-2, rtol=0)


def test_the_log_determinant_is_that_of_the_jacobian():
    x = np.random.default_rng(0).normal(size=(50, 4)) * [1, 2, 3, 4]
    schema, transform = fitted(x)
    raw = schema.pack(x)
    jacobian = torch.autograd.functional.jacobian(lambda v: transform(v[None])[0], raw[0])
    assert transform.log_det == pytest.approx(torch.linalg.slogdet(jacobian)[1].item(), abs=1e-5)  # type: ignore[arg-type]


def test_missing_entries_have_no_share_in_the_log_determinant():
    x = np.random.default_rng(0).normal(size=(50, 3)) * [1, 2, 3]
    x[0, 1] = np.nan
    schema, transform = fitted(x)
    rows = transform.log_det_observed(schema.pack(x))
    assert rows[1].item() == pytest.approx(transform.log_det, abs=1e-5)
    left = -transform.scale[[0, 2]].log().sum()
    assert rows[0].item() == pytest.approx(left.item(), abs=1e-5)


def test_images_are_standardised_per_channel():
    x = np.random.default_rng(0).normal([1, 2, 3], [1, 5, 9], size=(40, 6, 7, 3))
    schema, transform = fitted(x)
    assert transform.shift.shape == (3, 1, 1)
    y = transform(schema.pack(x))
    torch.testing.assert_close(y.mean((0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    expected = -6 * 7 * np.log(x.std((0, 1, 2))).sum()
    assert transform.log_det == pytest.approx(expected, rel=1e-5)


def test_levels_fill_the_unit_interval_exactly():
    x = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)
    schema, transform = fitted(x)
    y = transform(schema.pack(x))
    assert (y.min(), y.max(), transform.log_det) == (0.0, 1.0, 0.0)
    assert torch.equal((y * 255).round().flatten(), torch.arange(256.0))


@pytest.mark.parametrize("values", ["unit", "binary", "count"])
def test_other_values_stay(values):
    x = np.random.default_rng(0).integers(0, 2, (9, 3)).astype(np.float32)
    schema, transform = fitted(x, values=values)
    assert torch.equal(transform(schema.pack(x)), torch.from_numpy(x))
    assert transform.log_det == 0


def test_constant_columns_are_only_centred():
    x = np.random.default_rng(0).normal(size=(20, 3))
    x[:, 1] = 1e8
    schema, transform = fitted(x)
    assert transform.scale[1] == 1
    assert (transform(schema.pack(x))[:, 1] == 0).all()


@given(st.integers(0, 2**31), st.floats(-1e4, 1e4), st.floats(0.01, 1e3), st.floats(0, 0.6))
def test_moments_ignore_gaps_and_do_not_depend_on_blocks(seed, mean, std, gaps):
    rng = np.random.default_rng(seed)
    x = rng.normal(mean, std, size=(60, 3))
    x[rng.random(x.shape) < gaps] = np.nan
    x[:2] = mean, mean + std, mean - std
    x[1] += std
    schema = Schema.infer(x)
    with pytest.MonkeyPatch.context() as patch:
        whole = moments(schema, x)
        patch.setattr(
            "latentry.data.transforms.blocks",
            lambda rows, size: ((i, rows[i : i + 7]) for i in range(0, len(rows), 7)),
        )
        parts = moments(schema, x)
    np.testing.assert_allclose(whole[0], np.nanmean(x, 0), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(whole[1], np.nanstd(x, 0), rtol=1e-7)
    np.testing.assert_allclose(parts, whole, rtol=1e-7, atol=1e-9)


def test_saved_transforms_are_the_same():
    x = np.random.default_rng(0).normal(size=(20, 3)) * 7
    schema, transform = fitted(x)
    raw = schema.pack(x)
    fields = json.loads(json.dumps(transform.to_dict()))
    again = Transform(schema)
    again.load_state_dict(transform.state_dict())
    for other in (Transform.from_dict(schema, fields), again):
        assert torch.equal(other(raw), transform(raw))
        assert other.log_det == transform.log_det


def test_descriptions():
    real, _ = fitted(np.random.default_rng(0).normal(size=(20, 3)))
    assert Transform(real).describe() == (
        "Each column is standardised to mean 0 and standard deviation 1."
    )


def test_columns_of_a_mixed_table_have_the_scale_of_their_own_distribution() -> None:
    rng = np.random.default_rng(0)
    n = 4000
    frame = pd.DataFrame(
        {
            "tiny": 1e-6 * rng.normal(size=n),
            "tailed": np.where(rng.random(n) < 0.5, 0.0, np.round(rng.lognormal(8, 2, n), 2)),
            "town": rng.choice(["a", "b", "c"], n),
            "far": 20_190_000.0 + rng.integers(0, 900, n),
        }
    )
    schema = Schema.of_table(frame)
    transform = Transform.fit(schema, schema.pack(frame).numpy())
    raw = schema.pack(frame)
    x = transform(raw)
    for j in (0, 3):
        assert float(x[:, j].std()) == pytest.approx(1, abs=0.05)
    assert torch.equal(x[:, 2], raw[:, 2])
    pd.testing.assert_frame_equal(schema.unpack(transform.inverse(x)), frame, rtol=1e-5)


def test_the_log_determinant_of_a_mixed_table_is_that_of_its_numbers() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"real": rng.normal(size=500), "town": rng.choice(["a", "b"], 500)})
    schema = Schema.of_table(frame)
    transform = Transform.of(schema)
    raw = torch.stack([torch.linspace(-2, 2, 51), torch.zeros(51)], 1)
    step = torch.tensor([1e-3, 0.0])
    slope = (transform(raw + step) - transform(raw - step))[:, 0] / 2e-3
    found = transform.log_det_observed(transform(raw))
    close = (found.exp() / slope - 1).abs() < 0.01
    assert close.float().mean() > 0.9  # all but what is next to a knot
