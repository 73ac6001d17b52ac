from __future__ import annotations

import pytest
import torch

from latentry.core.schedules import Schedule, constant, cyclical, geometric, linear


def at(schedule: Schedule, *shares: float) -> list[float]:
    return [round(float(schedule(torch.tensor(s))), 6) for s in shares]


def test_linear_rises_then_stays() -> None:
    assert at(linear(0.0, 4.0, 0.5), 0, 0.25, 0.5, 1) == [0, 2, 4, 4]
    assert at(linear(1.0, 2.0, 0.0), 0, 1) == [2, 2]


def test_cyclical_starts_again_and_ends_at_its_weight() -> None:
    weights = at(cyclical(1.0, 4, share=0.8), 0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.8, 1)
    assert weights == pytest.approx([0, 0.5, 1, 1, 0, 0.5, 1, 1], abs=1e-5)


def test_constant() -> None:
    assert at(constant(3.0), 0, 0.5, 1) == [3, 3, 3]


def test_geometric_falls_by_equal_factors() -> None:
    assert at(geometric(1.0, 0.25, 0.5), 0, 0.25, 0.5, 1) == [1, 0.5, 0.25, 0.25]
    assert at(geometric(1.0, 0.25, 0.0), 0.0, 1.0) == [0.25, 0.25]
