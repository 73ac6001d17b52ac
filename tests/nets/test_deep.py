from __future__ import annotations

import pytest
import torch
from torch import Tensor

from latentry.core.bounds import elbo
from latentry.core.hierarchy import Hierarchy
from latentry.core.likelihoods import BernoulliLikelihood
from latentry.core.objective import trainable
from latentry.nets.deep import DeepEncoder, DeepHead, Form, deep_rungs, image_sides, shared_out


def deep(shape: tuple[int, ...], counts: tuple[int, ...], width: int = 16, condition: int = 0):
    torch.manual_seed(0)
    sides = image_sides(shape) if len(shape) == 3 else ((),)
    form = Form(shape, width, sides, counts, condition)
    likelihood = BernoulliLikelihood(DeepHead(form, 1), shape, missing=True)
    return Hierarchy(DeepEncoder(form, missing=True), deep_rungs(form, 2), likelihood)


def rows(shape: tuple[int, ...], n: int = 3) -> Tensor:
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(1)).round()


CASES = [((12,), (3,)), ((1, 8, 8), (1, 2, 0, 1)), ((2, 9, 5), (1, 0, 1, 1, 0))]


def test_sizes_halve_down_to_one_position() -> None:
    assert image_sides((3, 9, 5)) == ((1, 1), (2, 1), (3, 2), (5, 3), (9, 5))
    assert image_sides((1, 32, 32))[0] == (1, 1)


@pytest.mark.parametrize("sizes", [1, 2, 4, 6])
@pytest.mark.parametrize("layers", [1, 2, 3, 5, 6, 20])
def test_layers_are_shared_out_evenly(layers: int, sizes: int) -> None:
    counts = shared_out(layers, sizes)
    assert sum(counts) == layers
    assert len(counts) == sizes
    assert counts[0] >= 1
    assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize(("shape", "counts"), CASES)
def test_codes_of_all_sizes_decode_to_what_was_inferred(shape, counts) -> None:
    model, x = deep(shape, counts), rows(shape)
    r = model.infer(x, draws=4)
    assert r.z.shape == (4, 3, model.latent)
    assert r.px.mean.shape == (4, 3, *shape)
    assert model.sizes == tuple(level.z.shape[-1] for level in r.levels)
    torch.testing.assert_close(model.decode(r.z).mean, r.px.mean)
    torch.testing.assert_close(model.decode(r.z[2]).mean, r.px.mean[2])
    torch.testing.assert_close(model.encode(x).log_prob(r.z), r.log_q)
    assert r.rates.shape == (3, model.latent)
    assert model.draw(5).shape == (5, model.latent)


@pytest.mark.parametrize(("shape", "counts"), CASES)
def test_a_gradient_reaches_every_parameter(shape, counts) -> None:
    model = deep(shape, counts, condition=2)
    # Away from the start, where the maps that begin at zero hold back what is behind them.
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.05 * torch.randn_like(p))
    r = model.infer(rows(shape), torch.eye(3, 2), draws=2)
    grads = torch.autograd.grad(elbo(r).sum(), trainable(model))
    assert all(torch.isfinite(g).all() and bool(g.abs().max() > 0) for g in grads)


def test_priors_begin_as_standard_normals() -> None:
    for level in deep((1, 8, 8), (1, 1, 1, 1)).infer(rows((1, 8, 8))).levels:
        torch.testing.assert_close(level.p.mean, torch.zeros_like(level.z))
        torch.testing.assert_close(level.p.stddev, torch.ones_like(level.z))


def test_what_is_handed_on_stays_as_wide_whatever_the_depth() -> None:
    def spread(layers: int) -> float:
        model, x = deep((12,), (layers,), 32), rows((12,), 200)
        with torch.no_grad():
            h, _ = model.descend((1, 200), None, model.body(x), lambda at, q, p: p.sample())
        return float(h.std())

    assert spread(60) == pytest.approx(spread(6), rel=0.3)


def test_the_condition_reaches_encoder_prior_and_decoder() -> None:
    shape, counts = (1, 8, 8), (1, 1, 0, 0)
    model, x = deep(shape, counts, condition=2), rows(shape)
    a, b = torch.eye(2)[[0, 0, 0]], torch.eye(2)[[1, 1, 1]]
    assert not torch.equal(model.body(x, a)[0], model.body(x, b)[0])
    with torch.no_grad():
        model.rungs[0].prior[-1].weight.add_(0.1)  # pyright: ignore[reportIndexIssue, reportCallIssue]
    z = torch.zeros(1, 3, model.latent)
    laws = [model.descend((1, 3), c, None, lambda at, q, p: z[..., at]) for c in (a, b)]
    assert not torch.equal(laws[0][1][0].p.mean, laws[1][1][0].p.mean)
    assert not torch.equal(model.decode(z, a).mean, model.decode(z, b).mean)


def test_a_missing_entry_is_seen_as_missing() -> None:
    model, x = deep((1, 8, 8), (1, 1, 1, 0)), rows((1, 8, 8))
    x[0, 0, :4] = float("nan")
    r = model.infer(x, draws=2)
    assert torch.isfinite(r.log_weight).all()
    filled = x.nan_to_num()
    assert not torch.equal(model.encode(x).mean[0], model.encode(filled).mean[0])


def test_other_rows_do_not_matter() -> None:
    model, x = deep((1, 8, 8), (1, 1, 1, 1)), rows((1, 8, 8), 6)
    torch.testing.assert_close(model.encode(x).mean[1:3], model.encode(x[1:3]).mean)
