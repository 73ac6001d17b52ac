"""Bodies for series: shapes of any size, what a position sees, gaps, rows, and gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from latentry.errors import LatentryError
from latentry.nets import build_decoder, build_encoder, default_hidden, temporal
from latentry.nets.temporal import DilatedBlock, TemporalDecoder, TemporalEncoder

NETS = ["temporal", "recurrent"]
SHAPES = [(1, 1), (2, 3), (13, 1), (17, 5)]


def stirred(body: nn.Module) -> nn.Module:
    """The body with what is zero at first made something."""
    torch.manual_seed(1)
    for parameter in body.parameters():
        nn.init.normal_(parameter, std=0.3)
    return body


def seen_by(body: nn.Module, x: torch.Tensor, at: int) -> list[int]:
    """The positions (last axis) of x that position `at` of the result depends on."""
    x = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(body(x)[..., at].sum(), x)
    return (slope.abs().sum((0, 1)) > 0).nonzero()[:, 0].tolist()


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("condition", [0, 3])
def test_shapes(net: str, shape: tuple[int, ...], condition: int) -> None:
    for hidden in ((6, 8), (7,), None):
        encoder = build_encoder(net, shape, "count", hidden, condition, missing=True)
        c = torch.eye(4, 3) if condition else None
        assert encoder(torch.rand(4, *shape), c).shape == (4, encoder.out_features)
        hidden = None if hidden is None else hidden[::-1]
        for n_params in (1, 3):
            decoder = build_decoder(net, shape, n_params, 5, hidden, condition)
            assert decoder(torch.randn(6, 5 + condition)).shape == (6, n_params, *shape)


@pytest.mark.parametrize("dilation", [1, 4])
def test_a_block_sees_its_dilated_neighbours(dilation: int) -> None:
    block = stirred(DilatedBlock(2, 3, dilation, "tanh"))
    expected = [30 + k * dilation for k in (-2, -1, 0, 1, 2)]
    assert seen_by(block, torch.randn(1, 2, 60), 30) == expected


def test_dilations_double_so_that_the_middle_sees_all() -> None:
    for steps in (5, 29, 61, 140):
        encoder = TemporalEncoder((steps, 1), default_hidden("temporal", (steps, 1)), 0, "tanh")
        middle = steps // 2
        seen = seen_by(stirred(encoder.blocks).double(), torch.randn(1, 32, steps).double(), middle)
        assert (seen[0], seen[-1]) == (0, steps - 1)
    three = TemporalEncoder((60, 1), (4, 5, 6), 0, "tanh").blocks
    decoder = TemporalDecoder(2, 1, (60, 1), (6, 5, 4), 0, "tanh").blocks
    for blocks, width in ((three, 4), (decoder, 6)):
        reach = seen_by(stirred(blocks), torch.randn(1, width, 60), 30)
        assert reach == list(range(30 - 14, 30 + 15))  # 2 * (1 + 2 + 4) on either side


@pytest.mark.parametrize("steps", [8, 9, 11])
def test_long_series_are_taken_several_steps_at_a_time(steps: int, monkeypatch) -> None:
    monkeypatch.setattr(temporal, "POSITIONS", 4)
    encoder = TemporalEncoder((steps, 2), (3,), activation="tanh")
    decoder = TemporalDecoder(4, 2, (steps, 2), (3,))
    assert encoder.out_features == 3 * math.ceil(steps / math.ceil(steps / 4))
    x = torch.randn(2, steps, 2, requires_grad=True)
    encoder(x).square().sum().backward()
    assert x.grad is not None
    assert (x.grad != 0).any(2).all()  # no step falls off the end
    whole = decoder(torch.randn(2, 4))
    assert whole.shape == (2, 2, steps, 2)
    assert len(whole[0, 0, :, 0].unique()) == steps


@pytest.mark.parametrize("net", NETS)
def test_every_step_of_a_series_is_read_and_made(net: str) -> None:
    encoder = stirred(build_encoder(net, (13, 2), hidden=(5, 4)))
    x = torch.randn(3, 13, 2, requires_grad=True)
    (slope,) = torch.autograd.grad(encoder(x).sum(), x)
    assert (slope != 0).all()
    z = torch.randn(3, 4, requires_grad=True)
    made = stirred(build_decoder(net, (13, 2), 1, 4, (5, 4)))(z)
    for value in made[0].flatten():
        (slope,) = torch.autograd.grad(value, z, retain_graph=True)
        assert (slope[0] != 0).any()
        assert (slope[1:] == 0).all()


@pytest.mark.parametrize("net", NETS)
def test_every_parameter_gets_a_gradient_after_a_step(net: str) -> None:
    shape = (13, 2)
    bodies = nn.ModuleList(
        [build_encoder(net, shape, condition=3), build_decoder(net, shape, 2, 5, condition=3)]
    )
    encoder, decoder = bodies
    x, c, z = torch.rand(4, *shape), torch.eye(4, 3), torch.randn(4, 8)
    optimizer = torch.optim.SGD(bodies.parameters(), lr=1e-3)
    for _ in range(2):  # the zero-initialised layers let gradients through from the second on
        optimizer.zero_grad()
        (encoder(x, c).square().sum() + decoder(z).square().sum()).backward()
        optimizer.step()
    for name, parameter in bodies.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert (parameter.grad != 0).any(), name


@pytest.mark.parametrize("net", NETS)
def test_rows_do_not_depend_on_each_other(net: str) -> None:
    bodies = build_encoder(net, (13, 2), condition=2), build_decoder(net, (13, 2), 1, 3)
    for body, batch in zip(bodies, (torch.rand(6, 13, 2), torch.randn(6, 3)), strict=True):
        whole = stirred(body)(batch)
        torch.testing.assert_close(body(batch[2:3]), whole[2:3], rtol=1e-4, atol=1e-4)
    encoder, x = bodies[0], torch.rand(3, 13, 2)
    assert not torch.allclose(encoder(x, torch.eye(3, 2)), encoder(x, torch.eye(3, 2).flip(0)))
    torch.testing.assert_close(encoder(x, None), encoder(x, torch.zeros(3, 2)))


@pytest.mark.parametrize("net", NETS)
def test_missing_entries_are_zero_and_marked(net: str) -> None:
    encoder = build_encoder(net, (9, 2), missing=True)
    x = torch.rand(3, 9, 2)
    zeros, holes = x.clone(), x.clone()
    zeros[0, 6:], holes[0, 6:] = 0.0, math.nan
    out = encoder(holes)
    assert torch.isfinite(out).all()
    torch.testing.assert_close(out[1:], encoder(x)[1:])
    assert not torch.allclose(out[0], encoder(zeros)[0])  # a zero is not a gap


def test_errors_name_what_was_given() -> None:
    for net in NETS:
        with pytest.raises(LatentryError, match=rf"{net} needs series.*shape \(6,\)"):
            build_encoder(net, (6,), hidden=(4,))
        with pytest.raises(LatentryError, match="at least one hidden size"):
            build_decoder(net, (6, 1), 1, 2, ())
    with pytest.raises(LatentryError, match="no choice of activation, but 'relu' was given"):
        build_encoder("recurrent", (6, 1), activation="relu")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # from inside torch.compile
def test_temporal_compiles_as_one_graph() -> None:
    torch.compiler.reset()
    encoder = build_encoder("temporal", (13, 2), "count", (8, 6), 3, missing=True)
    decoder = build_decoder("temporal", (13, 2), 2, 4, (6, 8))
    x, c, z = torch.rand(5, 13, 2), torch.eye(5, 3), torch.randn(5, 4)
    x[0, 5:] = math.nan
    for body, given in ((encoder, (x, c)), (decoder, (z,))):
        compiled = torch.compile(body, fullgraph=True)(*given)
        torch.testing.assert_close(compiled, body(*given), rtol=1e-4, atol=1e-4)
