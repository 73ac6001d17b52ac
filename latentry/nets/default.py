"""Which net suits what a sample is, and how it is built from a name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from torch import nn

from ..errors import LatentryError, suggest
from .conv import ConvDecoder, ConvEncoder, default_widths
from .custom import CustomDecoder, CustomEncoder
from .mlp import MLPDecoder, MLPEncoder

NETS = ("mlp", "conv")
"""Every net by its name."""
CONV_FROM = 1024
"""Images of more numbers than this get the net conv by default.

Below, as for 28 x 28 grey pixels, an mlp explains images as well at a twentieth of the time.
"""
ACTIVATION = {"mlp": "relu", "conv": "silu"}
"""Each net's activation by default."""
HIDDEN = (400,)
"""The hidden layers of an mlp by default."""


class Sample(Protocol):
    """What is asked of a schema: whether a sample is a "vector" or an "image", and its shape."""

    @property
    def kind(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...


def default(schema: Sample) -> tuple[str, str]:
    """The net that "auto" stands for, and a sentence that says why."""
    if schema.kind != "image":
        return "mlp", "net mlp, because samples are vectors"
    size = f"images of {schema.shape[1]} x {schema.shape[2]} pixels"
    if math.prod(schema.shape) <= CONV_FROM:
        return "mlp", f"net mlp, because {size} are small"
    return "conv", f"net conv, because samples are {size}"


def default_hidden(net: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """An encoder's hidden sizes where none are given: units of an mlp, channels of a conv."""
    return default_widths(shape) if _known(net) == "conv" else HIDDEN


def build_encoder(
    net: str | nn.Module,
    shape: tuple[int, ...],
    values: str = "real",
    hidden: Sequence[int] | None = None,
    condition: int = 0,
    missing: bool = False,
    activation: str | None = None,
) -> nn.Module:
    """An encoder body, (x (B, *shape), c (B, condition) or None) -> (B, out_features).

    `net` is a name, or a module of the user's own. `hidden` is obeyed exactly; None leaves it to
    the net, as does None for `activation`. `values` is a schema's.
    """
    if isinstance(net, nn.Module):
        return CustomEncoder(net, shape, condition, missing, values)
    hidden = default_hidden(net, shape) if hidden is None else _sizes(hidden)
    kind = ConvEncoder if _known(net) == "conv" else MLPEncoder
    return kind(shape, hidden, condition, activation or ACTIVATION[net], missing, values)


def build_decoder(
    net: str | nn.Module,
    shape: tuple[int, ...],
    n_params: int,
    latent: int,
    hidden: Sequence[int] | None = None,
    condition: int = 0,
    activation: str | None = None,
) -> nn.Module:
    """A decoder body, z (N, latent + condition) -> (N, n_params, *shape).

    `hidden` is in the order of the decoder's own layers (an encoder's reversed, for a mirrored
    pair); None mirrors the encoder's default.
    """
    if isinstance(net, nn.Module):
        return CustomDecoder(net, latent, n_params, shape, condition)
    hidden = default_hidden(net, shape)[::-1] if hidden is None else _sizes(hidden)
    kind = ConvDecoder if _known(net) == "conv" else MLPDecoder
    return kind(latent, n_params, shape, hidden, condition, activation or ACTIVATION[net])


def _known(net: str) -> str:
    if net not in NETS:
        known = ", ".join(("auto", *NETS))
        raise LatentryError(f"no net {net!r}.{suggest(net, NETS)} Known: {known}")
    return net


def _sizes(hidden: Sequence[int]) -> tuple[int, ...]:
    if any(size < 1 for size in hidden):
        raise LatentryError(f"hidden sizes must be 1 or more, not {tuple(hidden)}")
    return tuple(hidden)
