from __future__ import annotations

import numpy as np
import pytest

from latentry.data import sprites
from latentry.errors import LatentryError
from latentry.evaluation import disentanglement as d

GRID = np.stack(np.meshgrid(*map(np.arange, (3, 4, 5)), indexing="ij"), -1).reshape(-1, 3)
FACTORS = np.repeat(GRID, 12, axis=0)  # 720 rows
RNG = np.random.default_rng(0)


def standard(Z: np.ndarray) -> np.ndarray:
    return (Z - Z.mean(0)) / Z.std(0)


PERFECT = standard(FACTORS + 0.01 * RNG.normal(size=FACTORS.shape))
TURN = np.array([[2, 2, 1], [-2, 1, 2], [1, -2, 2]]) / 3  # a rotation that mixes all dimensions
ROTATED = PERFECT @ TURN
RANDOM = RNG.normal(size=(len(FACTORS), 4))


def test_a_perfect_code_has_full_marks():
    found = d.disentanglement(PERFECT, FACTORS)
    for name in ("mig", "dci_disentanglement", "dci_completeness", "dci_informativeness"):
        assert found[name] == pytest.approx(1, abs=0.02), name
    assert found["beta_vae"] == found["factor_vae"] == 1
    # A useless dimension guesses each factor by chance.
    assert found["sap"] == pytest.approx(1 - np.mean([1 / 3, 1 / 4, 1 / 5]), abs=0.05)


def test_scores_look_at_the_code_only_up_to_order_sign_and_dead_dimensions():
    dead = 1e-3 * RNG.normal(size=(len(FACTORS), 2))
    found = d.disentanglement(np.c_[-PERFECT[:, ::-1], dead], FACTORS)
    whole = d.disentanglement(PERFECT, FACTORS)
    assert found == pytest.approx(whole, abs=0.05)


def test_a_random_code_has_none():
    found = d.disentanglement(RANDOM, FACTORS)
    assert found["mig"] < 0.02
    assert found["dci_disentanglement"] < 0.05
    assert found["dci_completeness"] < 0.05
    assert found["sap"] < 0.05
    chance = np.mean([1 / 3, 1 / 4, 1 / 5])
    assert found["dci_informativeness"] == pytest.approx(chance, abs=0.08)
    assert found["beta_vae"] == pytest.approx(1 / 3, abs=0.1)
    assert found["factor_vae"] == pytest.approx(1 / 3, abs=0.1)


def test_a_rotation_mixes_the_factors_but_keeps_what_is_known_of_them():
    whole, mixed = d.disentanglement(PERFECT, FACTORS), d.disentanglement(ROTATED, FACTORS)
    assert mixed["mig"] < 0.3 * whole["mig"]
    assert mixed["sap"] < 0.5 * whole["sap"]
    assert mixed["dci_disentanglement"] < 0.5
    assert mixed["dci_completeness"] < 0.5
    assert mixed["dci_informativeness"] > 0.8


def test_the_gap_of_a_code_that_tells_a_factor_twice_is_nothing():
    twice = np.c_[FACTORS[:, 0], FACTORS[:, 0]].astype(float)
    assert d.mig(twice, FACTORS[:, :1]) == pytest.approx(0)
    assert d.sap(twice, FACTORS[:, :1]) == pytest.approx(0)
    once = FACTORS[:, :1].astype(float)
    assert d.mig(once, FACTORS[:, :1]) == pytest.approx(1)
    # Half of a factor's entropy: log 2 of log 4 nats.
    coarse = (FACTORS[:, 1:2] >= 2).astype(float)
    assert d.mig(coarse, FACTORS[:, 1:2]) == pytest.approx(0.5)


def test_rows_of_a_group_share_their_factor():
    represent = d.by_rows(FACTORS.astype(float), FACTORS)
    drawn = represent(1, 50, 6, np.random.default_rng(0))
    assert drawn.shape == (50, 6, 3)
    assert (drawn[:, :, 1] == drawn[:, :1, 1]).all()
    assert len(np.unique(drawn[:, 0, 1])) == 4
    assert (drawn[:, :, 0].std(1) > 0).mean() > 0.9


def test_scores_can_draw_new_samples_instead_of_rows():
    names = ("x", "y")

    def represent(factor: int, groups: int, rows: int, rng: np.random.Generator) -> np.ndarray:
        table = sprites.sample_factors(groups * rows, seed=rng).reshape(groups, rows, -1)
        column = sprites.NAMES.index(names[factor])
        table[:, :, column] = table[:, :1, column]
        return table[:, :, 3:].astype(float)

    assert d.beta_vae_score(represent, 2, decisions=60) == 1
    assert d.factor_vae_score(represent, 2, decisions=60) == 1


def test_factors_of_many_values_are_binned_and_constant_ones_left_out():
    real = RNG.normal(size=720)
    table = np.c_[real, np.ones(720)]
    assert d.mig(standard(table[:, :1]), table) > 0.7
    with pytest.raises(LatentryError, match="No factor takes more than one value"):
        d.disentanglement(PERFECT, np.ones((720, 1)))


def test_a_code_without_any_life_has_no_score_above_chance():
    found = d.disentanglement(np.zeros((720, 3)), FACTORS)
    assert found["mig"] == found["sap"] == 0
    assert found["beta_vae"] < 0.45 and found["factor_vae"] < 0.45


def test_mistakes_are_told():
    with pytest.raises(LatentryError, match="the same rows"):
        d.mig(PERFECT, FACTORS[:-1])
    with pytest.raises(LatentryError, match="too few"):
        d.dci(PERFECT[:5], FACTORS[:5])
