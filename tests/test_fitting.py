from __future__ import annotations

import numpy as np
import pytest
import torch

from latentry.fitting import fingerprint, fit_mixture, split


def test_the_split_is_seeded_and_whole() -> None:
    train, valid = split(100, 0.2, 0)
    assert sorted([*train, *valid]) == list(range(100))
    assert len(valid) == 20
    assert np.array_equal(split(100, 0.2, 0)[1], valid)
    assert not np.array_equal(split(100, 0.2, 1)[1], valid)


def test_few_rows_are_not_held_out() -> None:
    assert [len(part) for part in split(20, 0.1, 0)] == [20, 0]


def test_a_fingerprint_tells_data_apart() -> None:
    x = np.arange(60.0).reshape(20, 3)
    assert fingerprint(x) == fingerprint(x.copy())
    assert fingerprint(x) != fingerprint(x + 1e-9)
    assert fingerprint(x) != fingerprint(x.astype(np.float32))


def test_a_mixture_finds_two_clusters() -> None:
    g = torch.Generator().manual_seed(0)
    codes = torch.cat([torch.randn(300, 2, generator=g) + s for s in (-6.0, 6.0)])
    mixture = fit_mixture(codes, seed=0, most=2)
    means = mixture.means[:, 0].sort().values
    torch.testing.assert_close(means, torch.tensor([-6.0, 6.0]), atol=0.3, rtol=0.0)
    axis = torch.linspace(-12, 12, 300)
    density = mixture().log_prob(torch.cartesian_prod(axis, axis)).exp()
    assert float(density.sum() * (axis[1] - axis[0]) ** 2) == pytest.approx(1, abs=0.01)
    assert mixture.draw(5).shape == (5, 2)


def test_a_mixture_of_few_rows_has_few_components() -> None:
    assert fit_mixture(torch.randn(3, 2), seed=0).components == 1
    assert fit_mixture(torch.zeros(20, 2), seed=0).components >= 1
