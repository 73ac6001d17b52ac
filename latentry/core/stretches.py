"""Distributions of one cell of a table: of a number on its column's own scale, and of a level."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Size, Tensor

from ..lookup import at, place
from .distributions import OneNumber, Shape

AT_ONCE = 2**24
"""Logits of a column of very many levels that are held at a time: 64 MB."""


class Stretches(OneNumber):
    """A mixture of logistic distributions on a line, some stretches of which are single values.

    `logits`, `loc` and `log_scale` are (..., C, M) for C columns. A point of a stretch that is an
    atom has the probability of the whole stretch, F(hi) - F(lo); any other the density at it. With
    sigmoids, F(hi) - F(lo) = S(hi) S(-lo) (1 - e^(lo - hi)), exact for any parameters.

    ends (C, Q) : the rising ends of the stretches, inf beyond the last
    atoms (3, C, Q + 1) : whether the stretch after so many ends is an atom (1 or 0), its lo and hi
    """

    def __init__(
        self, logits: Tensor, loc: Tensor, log_scale: Tensor, ends: Tensor, atoms: Tensor
    ) -> None:
        super().__init__(logits[..., 0], loc[..., 0], log_scale[..., 0])
        self.log_weight = torch.log_softmax(logits, -1)
        self.loc, self.log_scale = loc, log_scale
        self.ends, self.atoms = ends, atoms

    @property
    def mean(self) -> Tensor:
        """On the line, where it lies in the middle of probability rather than of the data."""
        return (self.log_weight.exp() * self.loc).sum(-1)

    @property
    def mode(self) -> Tensor:
        """The middle of the heaviest component."""
        return self.loc.gather(-1, self.log_weight.argmax(-1, keepdim=True))[..., 0]

    def log_prob(self, value: Tensor) -> Tensor:
        index = place(self.ends, value, right=True)
        atom = at(self.atoms[0], index) > 0
        lo = torch.where(atom, at(self.atoms[1], index), value)[..., None]
        hi = torch.where(atom, at(self.atoms[2], index), value)[..., None]
        inverse = torch.exp(-self.log_scale)
        sides = F.logsigmoid((hi - self.loc) * inverse) + F.logsigmoid((self.loc - lo) * inverse)
        # 1 stands for the width of what is no atom, where it would be 0.
        atom = atom[..., None]
        width = torch.log(-torch.expm1(-torch.where(atom, hi - lo, 1.0) * inverse))
        inner = torch.where(atom, width, -self.log_scale)
        return torch.logsumexp(self.log_weight + sides + inner, -1)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        with torch.no_grad():
            shape = self._extended_shape(Size(sample_shape))
            which = _pick(self.log_weight.expand(*shape, -1))[..., None]
            loc = self.loc.expand(*shape, -1).gather(-1, which)[..., 0]
            log_scale = self.log_scale.expand(*shape, -1).gather(-1, which)[..., 0]
            u = torch.rand(shape, dtype=loc.dtype, device=loc.device)
            return loc + torch.exp(log_scale) * torch.logit(u, eps=1e-7)


class Choice(OneNumber):
    """The number 0 .. L - 1 of a level, by logits (..., C, L), -inf for levels a column lacks."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__(logits[..., 0])
        self.log_p = torch.log_softmax(logits, -1)

    @property
    def mode(self) -> Tensor:
        return self.log_p.argmax(-1).to(self.log_p.dtype)

    @property
    def mean(self) -> Tensor:
        """The mode: levels have no mean."""
        return self.mode

    def log_prob(self, value: Tensor) -> Tensor:
        k = _level(value, self.log_p.shape[-1])
        k = k.expand(torch.broadcast_shapes(k.shape, self.batch_shape))[..., None]
        return self.log_p.expand(*k.shape[:-1], -1).gather(-1, k)[..., 0]

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        with torch.no_grad():
            shape = self._extended_shape(Size(sample_shape))
            return _pick(self.log_p.expand(*shape, -1)).to(self.log_p.dtype)


class WideChoice(OneNumber):
    """`Choice` for one column of very many levels: the logit of level k is h . table_k + base_k.

    h (..., R) is all that is held for each row; logits are made for some rows at a time.

    table (L, R), base (L,)
    """

    def __init__(self, h: Tensor, table: Tensor, base: Tensor) -> None:
        super().__init__(h[..., :1])
        self.h, self.table, self.base = h, table, base

    @property
    def mode(self) -> Tensor:
        return self._each(lambda logits: logits.argmax(-1))

    @property
    def mean(self) -> Tensor:
        """The mode: levels have no mean."""
        return self.mode

    def log_prob(self, value: Tensor) -> Tensor:
        k = _level(value, len(self.table))[..., 0]
        own = (self.h * self.table[k]).sum(-1) + self.base[k]
        return own[..., None] - self._each(lambda logits: torch.logsumexp(logits, -1))

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        with torch.no_grad():
            shape = self._extended_shape(Size(sample_shape))
            wide = self.h.expand(*shape[:-1], self.h.shape[-1])
            return WideChoice(wide, self.table, self.base)._each(_pick)

    def _each(self, of: Callable[[Tensor], Tensor]) -> Tensor:
        """A function of every row's logits (n, L) -> (n,), as (..., 1)."""
        flat = self.h.reshape(-1, self.h.shape[-1])
        some = flat.split(max(1, AT_ONCE // len(self.table)))
        made = torch.cat([of(torch.addmm(self.base, part, self.table.T)) for part in some])
        return made.to(self.h.dtype).reshape(self.batch_shape)


def _level(value: Tensor, levels: int) -> Tensor:
    return value.round().long().clamp(0, levels - 1)


def _pick(logits: Tensor) -> Tensor:
    """A draw of an index with these log-probabilities, by Gumbel's trick."""
    noise = torch.empty_like(logits, memory_format=torch.contiguous_format).exponential_()
    return (logits - torch.log(noise)).argmax(-1)


UNIT_LOGISTIC = math.sqrt(3) / math.pi
"""The scale of a logistic distribution of variance 1."""
