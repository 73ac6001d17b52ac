"""A user's own modules as the bodies of an encoder or a decoder."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..errors import LatentryError
from .columns import Embed
from .inputs import Prepare, known_condition


def _try(role: str, module: nn.Module, example: Tensor) -> Tensor:
    """What the module makes of an example, without a trace of the trial in its state."""
    training = module.training
    module.eval()
    try:
        with torch.no_grad():
            out = module(example)
    except Exception as error:
        raise LatentryError(
            f"your {role} failed on a batch of shape {tuple(example.shape)} "
            f"({type(error).__name__}: {error}): it is called as module(batch) with that shape"
        ) from error
    finally:
        module.train(training)
    if not isinstance(out, Tensor):
        raise LatentryError(
            f"your {role} returned a {type(out).__name__}: it must return one tensor"
        )
    if out.ndim < 2 or out.shape[0] != example.shape[0]:
        raise LatentryError(
            f"your {role} turned a batch of shape {tuple(example.shape)} into one of shape "
            f"{tuple(out.shape)}: it must return one row for each row"
        )
    return out


class CustomEncoder(nn.Module):
    """x (B, *shape) and c (B, C) -> features (B, out_features), by the module's own output.

    The module is called with x alone, and what it returns is flattened; a condition stands beside
    it. With `missing`, it sees 0 where x is NaN and, as in the other nets, as many channels again
    that say which entries were seen. Rows of a mixed table are what `prepare` makes of them.
    """

    def __init__(
        self,
        module: nn.Module,
        shape: tuple[int, ...],
        condition: int = 0,
        missing: bool = False,
        values: str = "real",
        prepare: Embed | None = None,
    ) -> None:
        super().__init__()
        self.module, self.condition = module, condition
        self.prepare = prepare or Prepare(values, missing)
        out = _try("encoder", module, self.prepare(torch.zeros(2, *shape)))
        self.out_features = out.flatten(1).shape[1] + condition

    def forward(self, x: Tensor, c: Tensor | None = None) -> Tensor:
        h = self.module(self.prepare(x)).flatten(1)
        if self.condition:
            h = torch.cat([h, known_condition(c, h, self.condition)], 1)
        return h


class CustomDecoder(nn.Module):
    """z (N, D + C) -> parameters (N, n_params, *shape), by the module's own output.

    It is used as it is where the module makes n_params * prod(shape) numbers for each row (all of
    a sample's first parameters, then all of its second, ...); else a linear layer follows it.
    """

    def __init__(
        self,
        module: nn.Module,
        latent: int,
        n_params: int,
        shape: tuple[int, ...],
        condition: int = 0,
    ) -> None:
        super().__init__()
        self.module = module
        self.out_shape = (n_params, *shape)
        out = _try("decoder", module, torch.zeros(2, latent + condition))
        features, needed = out.flatten(1).shape[1], math.prod(self.out_shape)
        self.head = nn.Identity() if features == needed else nn.Linear(features, needed)

    def forward(self, z: Tensor) -> Tensor:
        return self.head(self.module(z).flatten(1)).unflatten(1, self.out_shape)
