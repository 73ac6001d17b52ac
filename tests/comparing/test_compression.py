from __future__ import annotations

import numpy as np
import pytest

from latentry import AE, LatentryError
from latentry.comparing.compression import compression, quantise
from latentry.comparing.parts import whole


def test_codes_move_to_the_nearest_of_even_levels() -> None:
    codes = np.linspace(0, 1, 1001)[:, None]
    kept = quantise(codes, np.zeros(1), np.ones(1), bits=4)
    assert np.allclose(np.unique(kept), np.arange(16) / 15)
    assert np.abs(kept - codes).max() <= 0.5 / 15 + 1e-12


def test_a_dimension_without_a_range_and_codes_outside_are_held() -> None:
    kept = quantise(np.array([[5.0, 9.0], [-5.0, 9.0]]), np.array([0.0, 2.0]), np.array([1.0, 2.0]))
    assert kept.tolist() == [[1.0, 2.0], [0.0, 2.0]]


def test_no_bits_are_refused() -> None:
    with pytest.raises(LatentryError, match="at least 1 bit"):
        quantise(np.zeros((1, 1)), np.zeros(1), np.ones(1), bits=0)


def test_many_bits_cost_nothing_and_few_cost_something(digits) -> None:
    est = AE(latent=3, hidden=16, epochs=30, random_state=0, compile=False).fit(digits)
    rows = whole(digits)
    exact = est.reconstruct(digits) / 16.0
    error = float(((exact - digits.x / 16.0) ** 2).mean())
    fine, coarse = (compression(est, rows, rows, bits) for bits in (16, 1))
    assert fine["compressed_mse"] == pytest.approx(error, rel=1e-3)
    assert coarse["compressed_mse"] > fine["compressed_mse"]
    assert coarse["compressed_psnr"] < fine["compressed_psnr"]
