from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from latentry.core.columns import (
    FAR,
    MIN_LOG_SCALE,
    Columns,
    ColumnsLikelihood,
    _grouped,
)
from latentry.core.stretches import UNIT_LOGISTIC, Stretches, WideChoice
from latentry.data import Schema, Transform
from latentry.errors import LatentryError
from latentry.nets.columns import Embed


class Fixed(nn.Module):
    """A body that says the same of every code."""

    def __init__(self, out: Tensor) -> None:
        super().__init__()
        self.out = nn.Parameter(out)

    def forward(self, z: Tensor) -> Tensor:
        return self.out.expand(len(z), 1, -1)


def table(n: int = 2000) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "town": rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1]),
            "rain": np.where(rng.random(n) < 0.4, 0.0, rng.exponential(5, n)),
            "kids": rng.poisson(1.5, n),
            "size": pd.Categorical(rng.choice(["S", "M", "L"], n), ["S", "M", "L"], ordered=True),
            "real": rng.normal(20, 3, n),
            "code": rng.integers(0, 90, n).astype(str),
        }
    )
    frame.loc[rng.random(n) < 0.25, "kids"] = np.nan
    return frame


def likelihood(schema: Schema, spread: float = 0.0, components: int = 3) -> ColumnsLikelihood:
    (width,) = ColumnsLikelihood.body_shape(
        schema.shape, columns=schema.learned, components=components
    )
    torch.manual_seed(0)
    body = Fixed(spread * torch.randn(width))
    return ColumnsLikelihood(
        body, schema.shape, columns=schema.learned, missing=True, components=components
    ).eval()


def test_a_fresh_model_says_the_marginals_of_the_data() -> None:
    frame = table()
    schema = Schema.of_table(frame)
    px = likelihood(schema)(torch.zeros(40_000, 2))
    torch.manual_seed(0)
    rows = Transform.of(schema).inverse(px.with_gaps(px.sample()))
    made = schema.unpack(rows)
    for name in ("town", "size", "kids"):
        share = frame[name].value_counts(normalize=True)
        again = made[name].value_counts(normalize=True)
        assert (share - again).abs().max() < 0.02
    assert (made["rain"] == 0).mean() == pytest.approx((frame["rain"] == 0).mean(), abs=0.01)
    assert made["kids"].isna().mean() == pytest.approx(frame["kids"].isna().mean(), abs=0.01)
    for q in (0.05, 0.5, 0.95, 0.99):
        for name in ("rain", "real"):
            tolerance = 0.08 * frame[name].std() * (4 if q == 0.99 else 1)
            assert made[name].quantile(q) == pytest.approx(frame[name].quantile(q), abs=tolerance)


@torch.no_grad()
def test_probabilities_of_levels_and_whole_numbers_sum_to_one() -> None:
    schema = Schema.of_table(table())
    px = likelihood(schema, spread=1.0)(torch.zeros(1, 2))
    scale = Transform.of(schema)
    row = torch.tensor([[0.0, 0.0, 0.0, 0.0, 20.0, 0.0]])
    most = int(table()["kids"].max())
    for j, values in {0: range(3), 3: range(3), 5: range(90), 2: range(most + 1)}.items():
        rows = row.repeat(len(values), 1)
        rows[:, j] = torch.tensor([float(v) for v in values])
        total = px.log_probs(scale(rows))[:, j].exp().sum()
        # A count can be larger than any that was seen.
        assert float(total) == pytest.approx(1, abs=0.05 if j == 2 else 1e-5)


@torch.no_grad()
def test_a_number_with_an_atom_has_a_density_that_integrates_to_one() -> None:
    schema = Schema.of_table(table())
    px = likelihood(schema, spread=0.7)(torch.zeros(1, 2))
    scale = Transform.of(schema)
    x = torch.linspace(1e-4, 400, 400_001)
    rows = torch.zeros(len(x), 6)
    rows[:, 1] = x
    rows[:, [0, 2, 3, 4, 5]] = torch.nan  # only this column counts
    at = scale(rows)
    density = (px.log_prob(at) + scale.log_det_observed(at)).exp()
    atom = torch.full((1, 6), torch.nan)
    atom[0, 1] = 0.0
    total = torch.trapezoid(density, x) + px.log_prob(scale(atom)).exp()[0]
    assert float(total) == pytest.approx(1, abs=0.01)


def test_stretches_have_the_closed_form_of_a_logistic_distribution() -> None:
    ends = torch.tensor([[-1.0, 0.5, 2.0]])
    atoms = torch.zeros(3, 1, 4)
    atoms[:, 0, 1] = torch.tensor([1.0, -1.0, 0.5])
    atoms[:, 0, 3] = torch.tensor([1.0, 2.0, FAR])
    loc, log_scale = torch.tensor([[[0.3, -1.0]]]), torch.tensor([[[0.2, -0.5]]])
    logits = torch.tensor([[[0.0, 1.0]]])
    law = Stretches(logits, loc, log_scale, ends, atoms)

    def cdf(t: float) -> Tensor:
        w = logits.softmax(-1)
        return (w * torch.sigmoid((t - loc) / log_scale.exp())).sum()

    found = [float(law.log_prob(torch.tensor([[v]]))) for v in (0.0, 3.0, 1.0)]
    assert found[0] == pytest.approx(float(torch.log(cdf(0.5) - cdf(-1.0))), abs=1e-5)
    assert found[1] == pytest.approx(float(torch.log(1 - cdf(2.0))), abs=1e-5)
    slope = (cdf(1.0 + 5e-3) - cdf(1.0 - 5e-3)) / 1e-2
    assert found[2] == pytest.approx(float(torch.log(slope)), abs=1e-3)
    torch.manual_seed(0)
    draws = law.sample((50_000,))
    assert float(draws.mean()) == pytest.approx(float(law.mean), abs=0.02)
    assert float((draws < 0.5).float().mean()) == pytest.approx(float(cdf(0.5)), abs=0.01)
    assert float(law.mode) == -1.0


def test_very_many_levels_are_a_group_and_a_level_of_it(monkeypatch) -> None:
    monkeypatch.setattr("latentry.core.stretches.AT_ONCE", 300)  # a few rows at a time
    torch.manual_seed(0)
    h, groups, made = torch.randn(3, 7, 4), torch.randn(10, 4), torch.randn(10, 10, 4)
    base = torch.randn(97)
    padded = _grouped(base)
    assert padded.shape == (10, 10) and padded.flatten()[97:].isneginf().all()
    wide = WideChoice(h, groups, made, padded, 97)
    inner = (torch.einsum("kbr,gsr->kbgs", h, made) + padded).log_softmax(-1)
    outer = (h @ groups.T + torch.stack([row.logsumexp(0) for row in padded])).log_softmax(-1)
    log_p = (outer[..., None] + inner).flatten(2)[..., :97]
    torch.testing.assert_close(log_p.exp().sum(-1), torch.ones(3, 7))
    k = torch.randint(97, (3, 7, 1))
    torch.testing.assert_close(wide.log_prob(k.float()), log_p.gather(-1, k))
    same = k[0].expand(3, 7, 1)
    torch.testing.assert_close(wide.log_prob(k[0].float()), log_p.gather(-1, same))
    torch.testing.assert_close(wide.mode[..., 0], log_p.argmax(-1).float())
    one = WideChoice(h[:1, :1], groups, made, padded, 97)
    share = torch.bincount(one.sample((20_000,)).long().flatten(), minlength=97) / 20_000
    assert (share - log_p[0, 0].exp()).abs().max() < 0.02
    marginal = WideChoice(torch.zeros(1, 4), groups, made, padded, 97)
    each = torch.cat([marginal.log_prob(torch.tensor([[float(i)]])) for i in range(97)])
    torch.testing.assert_close(each[:, 0], base.log_softmax(0))


def test_missing_cells_are_left_out_and_their_pattern_is_learned_beside() -> None:
    schema = Schema.of_table(table())
    law = likelihood(schema, spread=0.5)
    x = Transform.of(schema)(schema.pack(table()))[:8]
    px = law(torch.zeros(8, 2))
    assert isinstance(px, Columns)
    each = px.log_probs(x)
    assert (each[x.isnan()] == 0).all() and (each[~x.isnan()] != 0).all()
    torch.testing.assert_close(px.log_prob(x), each.sum(-1))
    learned = law.train()(torch.zeros(8, 2)).log_prob(x) - px.log_prob(x)
    assert px.gaps is not None
    p = torch.sigmoid(px.gaps[0][:, 0])
    torch.testing.assert_close(learned, torch.where(x[:, 2].isnan(), p, 1 - p).log())


def test_errors_are_squares_of_numbers_and_misses_of_levels() -> None:
    schema = Schema.of_table(table())
    px = likelihood(schema, spread=0.5)(torch.zeros(1, 2))
    x = px.mean.clone()
    x[0, 0], x[0, 4], x[0, 2] = (x[0, 0] + 1) % 3, x[0, 4] + 2, torch.nan
    errors = px.errors(x)[0]
    torch.testing.assert_close(errors[[0, 1, 3, 4, 5]], torch.tensor([1.0, 0, 0, 4, 0]))
    assert errors[2].isnan()


def test_no_scale_falls_below_its_floor() -> None:
    schema = Schema.of_table(table()[["real", "town"]])
    law = likelihood(schema, components=1)
    with torch.no_grad():
        law.body.out[2] = -1e4  # the log scale of the only number
    best = law(torch.zeros(1, 2)).log_probs(torch.zeros(1, 2))[0, 0]
    best = best.detach()
    assert float(best) == pytest.approx(-MIN_LOG_SCALE - math.log(4), abs=1e-4)
    marginal = -math.log(UNIT_LOGISTIC) - math.log(4)
    assert float(best) - marginal == pytest.approx(math.log(40), abs=1e-4)


def test_what_a_net_sees_of_a_row() -> None:
    schema = Schema.of_table(table())
    x = Transform.of(schema)(schema.pack(table()))[:50]
    embed = Embed(schema.learned, missing=True)
    out = embed(x)
    assert out.shape == (50, embed.width((6,))) and out.isfinite().all()
    torch.testing.assert_close(out[:, :4], x[:, 1:5].nan_to_num())
    torch.testing.assert_close(out[:, 4:8], (~x[:, 1:5].isnan()).float())
    gone = x.clone()
    gone[:, 0] = torch.nan
    assert (embed(gone)[:, 8:18] == 0).all()  # the vector of a missing level starts at 0
    assert len(embed.table.weight) == 3 + 90 + 2


def test_what_it_cannot_be_asked() -> None:
    with pytest.raises(LatentryError, match="tables of mixed columns"):
        ColumnsLikelihood.body_shape((4,))
    with pytest.raises(LatentryError, match="components must be"):
        ColumnsLikelihood.body_shape((4,), columns=Schema.of_table(table()).learned, components=0)


def test_what_is_expected_of_a_row_and_the_likeliest_of_it() -> None:
    frame = table()
    schema = Schema.of_table(frame)
    made = likelihood(schema)
    scaler = Transform.fit(schema, schema.pack(frame).numpy())
    with torch.no_grad():
        px = made(torch.zeros(20_000, 1, 2))
        means = px.expected(torch.full((20_000, 1), 1 / 20_000), scaler.inverse)
    for i in (1, 2, 4):
        column = frame.iloc[:, i]
        assert means[0, i] == pytest.approx(column.mean(), abs=0.05 * column.std())
    town, code = means[0, 6:9], means[0, 9:]
    given = dict(zip(schema.table[0].levels, town.tolist(), strict=True))
    assert given == pytest.approx(frame["town"].value_counts(normalize=True).to_dict(), abs=1e-4)
    torch.testing.assert_close(code, torch.tensor(schema.table[5].shares), atol=0.005, rtol=0)
    town[:], code[:] = torch.tensor([0.3, 0.3, 0.4]), 0.0
    code[17] = 1.0
    assert made.likeliest(means)[0, [0, 5]].tolist() == [2.0, 17.0]
