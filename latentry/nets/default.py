"""Which net suits what a sample is, and how it is built from a name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from torch import nn

from ..errors import LatentryError, suggest
from .columns import Column, Embed
from .conv import ConvDecoder, ConvEncoder, default_widths
from .custom import CustomDecoder, CustomEncoder
from .mlp import MLPDecoder, MLPEncoder
from .recurrent import GATED, UNITS, RecurrentDecoder, RecurrentEncoder
from .temporal import TemporalDecoder, TemporalEncoder, default_levels

BODIES = {
    "mlp": (MLPEncoder, MLPDecoder),
    "conv": (ConvEncoder, ConvDecoder),
    "temporal": (TemporalEncoder, TemporalDecoder),
    "recurrent": (RecurrentEncoder, RecurrentDecoder),
}
NETS = tuple(BODIES)
"""Every net by its name."""
SERIES_NETS = ("temporal", "recurrent")
"""The nets that take nothing but series."""
CONV_FROM = 1024
"""Images of more numbers than this get the net conv by default.

Below, as for 28 x 28 grey pixels, an mlp explains images as well at a twentieth of the time.
"""
ACTIVATION = {"mlp": "relu", "conv": "silu", "temporal": "relu", "recurrent": GATED}
"""Each net's activation by default."""
HIDDEN = (400,)
"""The hidden layers of an mlp by default."""


class Sample(Protocol):
    """What is asked of a schema: whether a sample is a "vector", an "image" or a "series", and its
    shape.
    """

    @property
    def kind(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...


def default(schema: Sample) -> tuple[str, str]:
    """The net that "auto" stands for, and a sentence that says why."""
    if schema.kind == "series":
        return "temporal", "net temporal, because samples are series"
    if schema.kind != "image":
        what = "rows of a table" if schema.kind == "table" else "vectors"
        return "mlp", f"net mlp, because samples are {what}"
    size = f"images of {schema.shape[1]} x {schema.shape[2]} pixels"
    if math.prod(schema.shape) <= CONV_FROM:
        return "mlp", f"net mlp, because {size} are small"
    return "conv", f"net conv, because samples are {size}"


def default_hidden(net: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """An encoder's hidden sizes where none are given: units of layers, or channels."""
    match _known(net):
        case "conv":
            return default_widths(shape)
        case "temporal":
            return default_levels(shape)
        case "recurrent":
            return UNITS
    return HIDDEN


def build_encoder(
    net: str | nn.Module,
    shape: tuple[int, ...],
    values: str = "real",
    hidden: Sequence[int] | None = None,
    condition: int = 0,
    missing: bool = False,
    activation: str | None = None,
    columns: Sequence[Column] = (),
) -> nn.Module:
    """An encoder body, (x (B, *shape), c (B, condition) or None) -> (B, out_features).

    `net` is a name, or a module of the user's own. `hidden` is obeyed exactly; None leaves it to
    the net, as does None for `activation`. `values` is a schema's, and
    `columns` are those of a mixed table, which only an mlp and a module of the user's own can read.
    """
    more = {"prepare": Embed(columns, missing)} if columns else {}
    if isinstance(net, nn.Module):
        return CustomEncoder(net, shape, condition, missing, values, **more)
    hidden = default_hidden(net, shape) if hidden is None else _sizes(hidden)
    kind, _ = BODIES[_known(net)]
    if columns and kind is not MLPEncoder:
        raise LatentryError(f"the net {net} cannot read a table of mixed columns: use the net mlp")
    act = activation or ACTIVATION[net]
    return kind(shape, hidden, condition, act, missing, values, **more)


def build_decoder(
    net: str | nn.Module,
    shape: tuple[int, ...],
    n_params: int,
    latent: int,
    hidden: Sequence[int] | None = None,
    condition: int = 0,
    activation: str | None = None,
    grid: bool = False,
) -> nn.Module:
    """A decoder body, z (N, latent + condition) -> (N, n_params, *shape).

    `hidden` is in the order of the decoder's own layers (an encoder's reversed, for a mirrored
    pair); None mirrors the encoder's default. With `grid`, the net conv takes z as numbers for
    each position of its encoder's grid.
    """
    if isinstance(net, nn.Module):
        return CustomDecoder(net, latent, n_params, shape, condition)
    hidden = default_hidden(net, shape)[::-1] if hidden is None else _sizes(hidden)
    act = activation or ACTIVATION[_known(net)]
    if grid and net == "conv":
        return ConvDecoder(latent, n_params, shape, hidden, condition, act, grid)
    _, kind = BODIES[net]
    return kind(latent, n_params, shape, hidden, condition, act)


def _known(net: str) -> str:
    if net not in NETS:
        known = ", ".join(("auto", *NETS))
        raise LatentryError(f"no net {net!r}.{suggest(net, NETS)} Known: {known}")
    return net


def _sizes(hidden: Sequence[int]) -> tuple[int, ...]:
    if any(size < 1 for size in hidden):
        raise LatentryError(f"hidden sizes must be 1 or more, not {tuple(hidden)}")
    return tuple(hidden)
