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
"""Numbers about a column of very many levels that are held at a time: 64 MB."""


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
    """`Choice` for one column of very many levels, which stand in groups of neighbours.

    log p(k) = log p(group of k) + log p(k | its group), each a softmax of logits that are a product
    with h: what a row costs are the groups and the levels of one of them, rather than all levels
    (Goodman, 2001, arXiv cs/0108006). h (..., R) is all that is held for each row.

    groups (G, R), table (G, S, R) : the vectors of the groups and of their levels
    base (G, S) : the logits of the levels at h = 0, -inf where a group has none; those of the
        groups are their sums of probabilities
    """

    def __init__(self, h: Tensor, groups: Tensor, table: Tensor, base: Tensor, size: int) -> None:
        super().__init__(h[..., :1])
        self.h, self.groups, self.table, self.base, self.size = h, groups, table, base, size

    @property
    def mode(self) -> Tensor:
        def likeliest(h: Tensor) -> Tensor:
            inner = torch.einsum("nr,gsr->ngs", h, self.table) + self.base
            each = torch.log_softmax(inner, -1) + self._log_groups(h)[..., None]
            return each.flatten(1).argmax(-1)

        return self._each(likeliest, self.h, self.base.numel())

    @property
    def mean(self) -> Tensor:
        """The mode: levels have no mean."""
        return self.mode

    def log_prob(self, value: Tensor) -> Tensor:
        k = _level(value, self.size)[..., 0]
        lead = torch.broadcast_shapes(k.shape, self.batch_shape[:-1])
        h = self.h.expand(*lead, -1)
        # Draws for the same row ask about one level: its group is looked up once for all of them.
        k = k.expand(lead[len(lead) - k.ndim :]).reshape(-1)
        h = h.reshape(-1, len(k), h.shape[-1])
        n = max(1, AT_ONCE // self.table[0].numel())
        made = [self._log_prob(*some) for some in zip(h.split(n, 1), k.split(n), strict=True)]
        return torch.cat(made, 1).to(h.dtype).reshape(*lead, 1)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        def drawn(h: Tensor) -> Tensor:
            group = _pick(self._log_groups(h))
            return group * self.base.shape[1] + _pick(self._log_levels(h[None], group)[0])

        with torch.no_grad():
            shape = self._extended_shape(Size(sample_shape))
            h = self.h.expand(*shape[:-1], -1)
            return self._each(drawn, h, self.table[0].numel())

    def _log_prob(self, h: Tensor, k: Tensor) -> Tensor:
        """Log p of levels (n,) for each of K vectors of their rows, h (K, n, R) -> (K, n)."""
        group, place = k // self.base.shape[1], k % self.base.shape[1]
        index = torch.stack([group, place]).expand(len(h), -1, -1)[..., None]
        outer = self._log_groups(h).gather(-1, index[:, 0])
        return (outer + self._log_levels(h, group).gather(-1, index[:, 1]))[..., 0]

    def _log_groups(self, h: Tensor) -> Tensor:
        """Log p of the groups, (..., G)."""
        return torch.log_softmax(h @ self.groups.T + self.base.logsumexp(-1), -1)

    def _log_levels(self, h: Tensor, group: Tensor) -> Tensor:
        """Log p of the levels given groups (n,), h (K, n, R) -> (K, n, S)."""
        table = F.embedding(group, self.table.flatten(1)).unflatten(1, self.table.shape[1:])
        return torch.log_softmax(torch.einsum("knr,nsr->kns", h, table) + self.base[group], -1)

    def _each(self, of: Callable[[Tensor], Tensor], h: Tensor, each: int) -> Tensor:
        """A function of some rows (n, R) -> (n,) that holds `each` numbers a row, as (..., 1)."""
        some = h.reshape(-1, h.shape[-1]).split(max(1, AT_ONCE // each))
        made = torch.cat([of(part) for part in some])
        return made.to(h.dtype).reshape(*h.shape[:-1], 1)


def _level(value: Tensor, levels: int) -> Tensor:
    return value.round().long().clamp(0, levels - 1)


def _pick(logits: Tensor) -> Tensor:
    """A draw of an index with these log-probabilities, by Gumbel's trick."""
    noise = torch.empty_like(logits, memory_format=torch.contiguous_format).exponential_()
    return (logits - torch.log(noise)).argmax(-1)


UNIT_LOGISTIC = math.sqrt(3) / math.pi
"""The scale of a logistic distribution of variance 1."""
