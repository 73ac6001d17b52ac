from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from latentry.core import noise

ROWS = torch.randn(16, 7, generator=torch.Generator().manual_seed(0))


def normals(x: torch.Tensor, k: int, d: int, seed: int = 0, start: int = 0) -> torch.Tensor:
    with noise.per_row(x, seed, start):
        return noise.normal((k, len(x), d), x)


def test_noise_of_a_row_follows_from_the_row() -> None:
    whole = normals(ROWS, 6, 5)
    order = torch.tensor([9, 2, 11])
    assert torch.equal(normals(ROWS[order], 6, 5), whole[:, order])


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 6))
def test_draws_can_be_taken_in_blocks(first: int, second: int, d: int) -> None:
    parts = [normals(ROWS, first, d), normals(ROWS, second, d, start=first)]
    assert torch.equal(torch.cat(parts), normals(ROWS, first + second, d))


def test_it_is_standard_normal_and_uniform() -> None:
    z = normals(ROWS, 100, 51).flatten().numpy()
    assert stats.kstest(z, "norm").pvalue > 1e-3
    with noise.per_row(ROWS, 3):
        u = noise.uniform((100, len(ROWS), 51), ROWS).flatten().numpy()
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    assert u.min() >= 0 and u.max() < 1


def test_rows_draws_dimensions_and_seeds_are_independent() -> None:
    z = normals(ROWS, 64, 32)
    for other in (normals(ROWS, 64, 32, seed=1), z.roll(1, 0), z.roll(1, 1), z.roll(1, 2)):
        r = np.corrcoef(z.flatten().numpy(), other.flatten().numpy())[0, 1]
        assert abs(r) < 4 / np.sqrt(z.numel())


def test_two_requests_in_one_pass_differ() -> None:
    with noise.per_row(ROWS, 0):
        first, second = (noise.normal((3, len(ROWS), 4), ROWS) for _ in range(2))
    assert not torch.equal(first, second)


def test_a_share_of_the_batch_gets_its_share_of_the_noise() -> None:
    x = torch.zeros(4, 1)
    torch.manual_seed(5)
    whole = noise.normal((2, 8, 3), x)
    for rank in (0, 1):
        torch.manual_seed(5)
        with noise.shared(rank, 2):
            mine = noise.normal((2, 4, 3), x)
        assert torch.equal(mine, whole[:, 4 * rank : 4 * rank + 4])


def test_the_default_is_torchs_generator() -> None:
    torch.manual_seed(1)
    a = noise.normal((1, 2, 3), ROWS)
    torch.manual_seed(1)
    assert torch.equal(a, torch.randn(1, 2, 3))
