"""Codes given some of a row's cells, against a model of which all is known."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from latentry.core.columns import Columns
from latentry.core.veils import Veiled, codes_given, veiled
from latentry.jobs.tabular import Tabular


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    size = rng.choice(["S", "L"], 600, p=[0.8, 0.2])
    price = rng.normal(np.where(size == "L", 10.0, 0.0), 1.0).round(3)
    gone = rng.random(600) < np.where(size == "L", 0.6, 0.1)
    table = pd.DataFrame({"size": size, "price": price, "note": np.where(gone, None, "seen")})
    table.loc[~gone & (rng.random(600) < 0.5), "note"] = "other"
    est = Tabular(latent=2, hidden=(32,), components=4, epochs=5, batch_size=50, random_state=0)
    return est.fit(table, schema={})


def test_what_nothing_is_said_of_is_not_scored(fitted):
    z = torch.zeros(1, 3, fitted.latent)
    px = fitted.model_.decode(z)
    assert isinstance(px, Columns)
    x = torch.tensor([[0.0, 0.1, math.nan], [0.0, math.inf, math.inf], [1.0, math.inf, math.nan]])
    each = px.log_probs(x)
    assert each.shape == (1, 3, 3)
    assert (each[0, 1, 1:] == 0).all()
    px.learning = False
    without = px.log_prob(x)
    px.learning = True
    with_gaps = px.log_prob(x)
    # The middle row says nothing of the only column that has gaps.
    assert torch.equal(without[0, 1], with_gaps[0, 1])
    assert (with_gaps[0, [0, 2]] < without[0, [0, 2]]).all()


def test_veiled_rows_hide_the_same_cells_from_both_sides(fitted):
    model = fitted.model_
    assert isinstance(model, Veiled)
    x = torch.zeros(400, 3)
    model.train()
    target = model.infer(x).x
    model.eval()
    hidden = torch.isinf(target)
    # Of the share of the rows, half of the cells in the mean.
    assert abs(float(hidden.float().mean()) - model.share / 2) < 0.05
    assert torch.equal(torch.isnan(veiled(target)), hidden)
    assert torch.equal(model.infer(x).x, x)


@torch.no_grad()
def test_codes_have_the_posterior_of_a_fine_grid():
    """p(z | what is said) by resampling, against its mean by numerical integration."""
    rng = np.random.default_rng(1)
    z = rng.normal(size=800)
    table = pd.DataFrame({"a": z + 0.3 * rng.normal(size=800), "b": rng.choice(["x", "y"], 800)})
    est = Tabular(latent=1, hidden=(16,), components=1, epochs=20, batch_size=100, random_state=0)
    with torch.enable_grad():
        model = est.fit(table, schema={}).model_
    grid = torch.linspace(-12, 12, 4001)[:, None]
    said = torch.tensor([[1.2, math.inf]])
    px = model.decode(grid)
    log_p = px.log_prob(said.expand(4001, 2)) + model.prior(None).log_prob(grid)
    weight = log_p.softmax(0)
    mean = float((weight * grid[:, 0]).sum())
    spread = float((weight * (grid[:, 0] - mean) ** 2).sum().sqrt())
    torch.manual_seed(0)
    drawn = codes_given(model, said.expand(4000, 2), 64)[:, 0]
    assert abs(float(drawn.mean()) - mean) < 0.1 * spread
    assert float(drawn.std()) == pytest.approx(spread, rel=0.1)
