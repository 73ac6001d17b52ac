"""Where the randomness of a model comes from.

Every part of a model draws its noise here and nowhere else, so that two promises can be kept for
all models at once:

* **A share of a batch is a share of its noise.** Under `shared(rank, world)` each process draws
  the noise of the whole batch and keeps its own rows, so that several processes together compute
  the gradient that one process would.
* **A row's score is its own.** Under `per_row(x, seed)` the noise of a row is a function of the
  seed, the row's content and the position within the row, so that a score does not depend on the
  order or the batches in which rows arrive, while different rows still get independent noise.

Otherwise the noise comes from torch's own generator.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor


class Source(Protocol):
    """Makes noise of a shape (K, B, ...): K draws for each of B rows."""

    def normal(self, shape: torch.Size, like: Tensor) -> Tensor: ...
    def uniform(self, shape: torch.Size, like: Tensor) -> Tensor: ...


_source: Source | None = None


def normal(shape: torch.Size | tuple[int, ...], like: Tensor) -> Tensor:
    """Standard normal noise of shape (K, B, ...), on the device and in the type of `like`."""
    if _source is None:
        return torch.randn(shape, dtype=like.dtype, device=like.device)
    return _source.normal(torch.Size(shape), like)


def uniform(shape: torch.Size | tuple[int, ...], like: Tensor) -> Tensor:
    """Noise uniform on [0, 1), of shape (K, B, ...), on the device and in the type of `like`."""
    if _source is None:
        return torch.rand(shape, dtype=like.dtype, device=like.device)
    return _source.uniform(torch.Size(shape), like)


@contextmanager
def use(source: Source | None) -> Iterator[None]:
    """Draw from `source` inside the block."""
    global _source
    before, _source = _source, source
    try:
        yield
    finally:
        _source = before


def shared(rank: int, world: int):
    """Inside the block, draw for the whole batch and keep the rows of process `rank` of `world`."""
    return use(_Shared(rank, world) if world > 1 else None)


def per_row(x: Tensor, seed: int, start: int = 0):
    """Inside the block, the noise of each row of `x` (B, ...) follows from its content.

    `start` is the number of draws a row has had before: draws start..start+K-1 are made, so that
    many draws can be taken a block at a time.
    """
    return use(_PerRow(row_keys(x, seed), start))


class _Shared:
    def __init__(self, rank: int, world: int) -> None:
        self.rank, self.world = rank, world

    def _keep(self, draw, shape: torch.Size, like: Tensor) -> Tensor:
        k, b, *rest = shape
        whole = draw((k, b * self.world, *rest), dtype=like.dtype, device=like.device)
        return whole[:, self.rank * b : (self.rank + 1) * b]

    def normal(self, shape: torch.Size, like: Tensor) -> Tensor:
        return self._keep(torch.randn, shape, like)

    def uniform(self, shape: torch.Size, like: Tensor) -> Tensor:
        return self._keep(torch.rand, shape, like)


def _signed(value: int) -> int:
    """A 64-bit pattern as the signed integer that torch.int64 holds."""
    return value - (1 << 64) if value >= 1 << 63 else value


# Constants of the SplitMix64 generator (Steele, Lea & Flood, 2014).
_GOLDEN = _signed(0x9E3779B97F4A7C15)
_MIX1 = _signed(0xBF58476D1CE4E5B9)
_MIX2 = _signed(0x94D049BB133111EB)


def _shift(h: Tensor, bits: int) -> Tensor:
    """Logical shift to the right (torch shifts int64 arithmetically)."""
    return h.bitwise_right_shift(bits).bitwise_and_((1 << (64 - bits)) - 1)


def _mix(h: Tensor) -> Tensor:
    """SplitMix64's finaliser: every bit of the result depends on every bit of `h`."""
    h = (h ^ _shift(h, 30)).mul_(_MIX1)
    h = h.bitwise_xor_(_shift(h, 27)).mul_(_MIX2)
    return h.bitwise_xor_(_shift(h, 31))


def row_keys(x: Tensor, seed: int) -> Tensor:
    """A 64-bit key for each row of `x` (B, ...), from its content and the seed, shape (B,)."""
    rows = x.detach().reshape(x.shape[0], -1).to(torch.float32).contiguous()
    bits = rows.view(torch.int32).to(torch.int64)
    counters = torch.arange(1, bits.shape[1] + 1, device=x.device, dtype=torch.int64)
    weights = _mix((counters + _signed(seed % (1 << 64))) * _GOLDEN) | 1
    return _mix((bits * weights).sum(1) + _signed((seed * 0x2545F4914F6CDD1D) % (1 << 64)))


class _PerRow:
    """Counter-based noise: position i of row b is a hash of (key of b, i)."""

    def __init__(self, keys: Tensor, start: int) -> None:
        self.keys, self.start, self.calls = keys, start, 0

    def _bits(self, shape: torch.Size, halves: int) -> tuple[Tensor, int]:
        """Hashes of shape (K, B, n), n = half the row's numbers when a hash makes two of them."""
        k, b, *rest = shape
        if b != len(self.keys):
            raise RuntimeError(f"noise of shape {tuple(shape)} asked for {len(self.keys)} rows")
        width = math.prod(rest)
        n = -(-width // halves)
        self.calls += 1  # a model's second request must not repeat its first
        device = self.keys.device
        draw = torch.arange(self.start, self.start + k, device=device) * _GOLDEN + self.calls
        place = torch.arange(1, n + 1, device=device)
        counter = _mix(_mix(draw)[:, None] + place * _MIX1)
        return _mix(counter[:, None, :] ^ self.keys[:, None]), width

    def uniform(self, shape: torch.Size, like: Tensor) -> Tensor:
        bits, _ = self._bits(shape, 1)
        u = _shift(bits, 40).to(torch.float32).mul_(2.0**-24)
        return u.reshape(shape).to(like.dtype)

    def normal(self, shape: torch.Size, like: Tensor) -> Tensor:
        """Box and Muller's pair from the two halves of each hash."""
        bits, width = self._bits(shape, 2)
        u = _shift(bits, 40).to(torch.float32).add_(0.5).mul_(2.0**-24)
        v = (bits & 0xFFFFFF).to(torch.float32).mul_(2.0 * math.pi * 2.0**-24)
        radius = u.log_().mul_(-2.0).sqrt_()
        pair = torch.cat([radius * v.cos(), radius * v.sin()], -1)
        return pair[..., :width].reshape(shape).to(like.dtype)
