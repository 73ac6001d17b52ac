"""Encoder and decoder bodies: their layers, shapes, independence of rows, and gradients."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from latentry.errors import LatentryError
from latentry.nets import (
    ConvDecoder,
    ConvEncoder,
    MLPDecoder,
    MLPEncoder,
    build_decoder,
    build_encoder,
    default,
    default_hidden,
)
from latentry.nets.inputs import ACTIVATIONS, Prepare, activation

SIZES = [(1, 28, 28), (1, 28, 20), (1, 8, 8), (3, 32, 32), (2, 9, 13), (1, 17, 40)]


@dataclass
class Sample:
    kind: str
    shape: tuple[int, ...]


def linear_sizes(module: nn.Module) -> list[tuple[int, int]]:
    return [(m.in_features, m.out_features) for m in module.modules() if isinstance(m, nn.Linear)]


def test_mlp_layers_are_exactly_those_asked_for() -> None:
    encoder = MLPEncoder((784,), (400,))
    assert [type(m) for m in encoder.layers] == [nn.Linear, nn.ReLU]
    assert linear_sizes(encoder) == [(784, 400)]
    assert encoder.out_features == 400
    decoder = MLPDecoder(20, 1, (1, 28, 28), (400,))
    assert [type(m) for m in decoder.layers] == [nn.Linear, nn.ReLU, nn.Linear]
    assert linear_sizes(decoder) == [(20, 400), (400, 784)]
    assert linear_sizes(MLPEncoder((5,), (7, 6, 3), condition=2)) == [(7, 7), (7, 6), (6, 3)]
    assert linear_sizes(MLPDecoder(3, 2, (5,), (6, 7), condition=2)) == [(5, 6), (6, 7), (7, 10)]


def test_mlp_without_hidden_layers_is_linear() -> None:
    encoder = MLPEncoder((2, 3), ())
    x = torch.randn(4, 2, 3)
    torch.testing.assert_close(encoder(x), x.flatten(1))
    assert encoder.out_features == 6
    assert linear_sizes(MLPDecoder(2, 1, (6,), ())) == [(2, 6)]


@pytest.mark.parametrize("net", ["mlp", "conv"])
@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("condition", [0, 3])
def test_shapes(net: str, shape: tuple[int, ...], condition: int) -> None:
    hidden = (12, 16)
    encoder = build_encoder(net, shape, "unit", hidden, condition)
    c = torch.eye(4, 3) if condition else None
    features = encoder(torch.rand(4, *shape), c)
    assert features.shape == (4, encoder.out_features)
    for n_params in (1, 3):
        decoder = build_decoder(net, shape, n_params, 5, hidden[::-1], condition)
        assert decoder(torch.randn(6, 5 + condition)).shape == (6, n_params, *shape)


@torch.no_grad()
def test_a_decoder_of_a_grid_draws_each_position_where_it_was_seen() -> None:
    shape, hidden = (1, 28, 20), (12, 16)
    encoder = build_encoder("conv", shape, hidden=hidden, condition=3)
    assert encoder.grid == (7, 5)
    decoder = build_decoder("conv", shape, 2, 7 * 5 * 4, hidden[::-1], 3, grid=True)
    z = torch.randn(3, 7, 5, 4)
    c = torch.eye(3)
    before = decoder(torch.cat([z.flatten(1), c], 1))
    assert before.shape == (3, 2, *shape)
    z[:, 6, 0] += 5.0
    changed = (decoder(torch.cat([z.flatten(1), c], 1)) - before).abs().amax((0, 1, 2)) > 1e-6
    rows, columns = changed.nonzero().unbind(1)
    assert rows.min() >= 14 and columns.max() < 12  # the corner below on the left
    assert not torch.allclose(decoder(torch.cat([z.flatten(1), c.flip(0)], 1))[0], before[0])


@pytest.mark.parametrize("net", ["mlp", "conv"])
def test_every_parameter_gets_a_gradient_after_a_step(net: str) -> None:
    shape = (1, 9, 13)
    bodies = nn.ModuleList(
        [build_encoder(net, shape, condition=3), build_decoder(net, shape, 2, 5, condition=3)]
    )
    encoder, decoder = bodies
    x, c, z = torch.rand(4, *shape), torch.eye(4, 3), torch.randn(4, 8)
    optimizer = torch.optim.SGD(bodies.parameters(), lr=1e-2)
    for _ in range(2):  # the zero-initialised layers let gradients through from the second on
        optimizer.zero_grad()
        (encoder(x, c).square().sum() + decoder(z).square().sum()).backward()
        optimizer.step()
    for name, parameter in bodies.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert (parameter.grad != 0).any(), name


@pytest.mark.parametrize("net", ["mlp", "conv"])
def test_rows_do_not_depend_on_each_other(net: str) -> None:
    shape = (1, 12, 16)
    encoder, decoder = build_encoder(net, shape), build_decoder(net, shape, 1, 3)
    x, z = torch.rand(6, *shape), torch.randn(6, 3)
    for body, batch in ((encoder, x), (decoder, z)):
        # What the residual branches add is zero at first: make it something.
        for parameter in body.parameters():
            nn.init.normal_(parameter, std=0.1)
        whole = body(batch)
        torch.testing.assert_close(body(batch[2:3]), whole[2:3], rtol=1e-4, atol=1e-4)
        changed = batch.clone()
        changed[0] = 100
        torch.testing.assert_close(body(changed)[1:], whole[1:], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("net", ["mlp", "conv"])
def test_condition_matters_and_none_means_unknown(net: str) -> None:
    shape = (1, 8, 8)
    encoder = build_encoder(net, shape, condition=3)
    x = torch.rand(3, *shape)
    assert not torch.allclose(encoder(x, torch.eye(3)), encoder(x, torch.eye(3).flip(0)))
    torch.testing.assert_close(encoder(x, None), encoder(x, torch.zeros(3, 3)))


@pytest.mark.parametrize("net", ["mlp", "conv"])
def test_missing_entries_are_zero_and_marked(net: str) -> None:
    shape = (1, 8, 8)
    encoder = build_encoder(net, shape, missing=True)
    x = torch.rand(3, *shape)
    zeros, holes = x.clone(), x.clone()
    zeros[0, 0, 2:5], holes[0, 0, 2:5] = 0.0, math.nan
    out = encoder(holes, None)
    assert torch.isfinite(out).all()
    torch.testing.assert_close(out[1:], encoder(x, None)[1:])
    assert not torch.allclose(out[0], encoder(zeros, None)[0])  # a zero is not a gap


def test_counts_are_taken_as_logarithms() -> None:
    x = torch.tensor([[0.0, 9.0, math.nan]])
    out = Prepare("count", missing=True)(x)
    expected = torch.tensor([[0.0, math.log(10), 0.0, 1.0, 1.0, 0.0]])
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(Prepare("count")(x[:, :2]), expected[:, :2])


def test_a_fresh_conv_net_keeps_the_size_of_its_signal() -> None:
    torch.manual_seed(0)
    encoder, decoder = ConvEncoder((1, 64, 64), (32, 64, 128)), ConvDecoder(8, 1, (1, 64, 64))
    with torch.no_grad():
        assert 1e-2 < float(encoder(torch.rand(4, 1, 64, 64)).std()) < 10
        assert 1e-3 < float(decoder(torch.randn(4, 8)).std()) < 10


def test_default_net_says_why() -> None:
    assert default(Sample("vector", (784,)))[0] == "mlp"
    net, reason = default(Sample("image", (1, 8, 8)))
    assert net == "mlp"
    assert "8 x 8" in reason
    net, reason = default(Sample("image", (3, 32, 32)))
    assert net == "conv"
    assert "32 x 32" in reason


def test_default_hidden_sizes() -> None:
    assert default_hidden("mlp", (784,)) == (400,)
    assert default_hidden("conv", (1, 28, 28)) == (32, 64)
    assert default_hidden("conv", (3, 8, 8)) == (32, 64)
    assert default_hidden("conv", (3, 256, 256)) == (32, 64, 128, 256, 256)
    decoder = build_decoder("mlp", (6,), 1, 2)
    assert linear_sizes(decoder) == [(2, 400), (400, 6)]


def test_errors_name_what_was_given() -> None:
    with pytest.raises(LatentryError, match=r"no net 'covn'\. Did you mean 'conv'\?"):
        build_encoder("covn", (1, 8, 8))
    with pytest.raises(LatentryError, match=r"no activation 'rleu'\. Did you mean 'relu'\?"):
        activation("rleu")
    with pytest.raises(LatentryError, match=r"conv needs images.*shape \(6,\)"):
        build_decoder("conv", (6,), 1, 2)
    with pytest.raises(LatentryError, match="at least 8 x 8 pixels, but these have 8 x 7"):
        build_encoder("conv", (1, 8, 7))
    with pytest.raises(LatentryError, match=r"hidden sizes must be 1 or more, not \(5, 0\)"):
        build_encoder("mlp", (4,), hidden=(5, 0))
    with pytest.raises(LatentryError, match="at least one hidden width"):
        build_encoder("conv", (1, 8, 8), hidden=())


def test_a_gated_layer_keeps_the_size_of_its_input() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        x, encoder = (
            torch.randn(200, 300),
            build_encoder("mlp", (300,), hidden=(300, 300, 300), activation="gated"),
        )
        linear = next(m for m in encoder.modules() if isinstance(m, nn.Linear))
        first = linear(x)
        torch.testing.assert_close(nn.GLU()(first), first[:, :300] * torch.sigmoid(first[:, 300:]))
        assert 0.3 < float(encoder(x).detach().std()) < 1.0
    with pytest.raises(LatentryError, match="only the net mlp has gated layers"):
        build_encoder("conv", (1, 8, 8), activation="gated")


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_activations(name: str) -> None:
    encoder = build_encoder("mlp", (4,), hidden=(5,), activation=name)
    assert torch.isfinite(encoder(torch.randn(3, 4), None)).all()


def test_a_state_is_contiguous_for_saving() -> None:
    for body in (build_encoder("conv", (1, 9, 13)), build_decoder("conv", (1, 9, 13), 1, 2)):
        assert all(t.is_contiguous() for t in body.state_dict().values())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # from inside torch.compile
@pytest.mark.parametrize("net", ["mlp", "conv"])
def test_compiles_as_one_graph(net: str) -> None:
    torch.compiler.reset()
    shape = (1, 9, 13)
    encoder = build_encoder(net, shape, "count", (8, 8), 3, missing=True)
    decoder = build_decoder(net, shape, 2, 4, (8, 8))
    x, c, z = torch.rand(5, *shape), torch.eye(5, 3), torch.randn(5, 4)
    x[0] = math.nan
    for body, given in ((encoder, (x, c)), (decoder, (z,))):
        compiled = torch.compile(body, fullgraph=True)(*given)
        torch.testing.assert_close(compiled, body(*given), rtol=1e-4, atol=1e-4)
