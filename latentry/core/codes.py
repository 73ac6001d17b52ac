"""Codes that are whole numbers: a row of L symbols, and the distribution that is learned of them.

Symbol l is one of 0 .. K_l - 1. A prior over such rows is a probability for each of them, and one
that is learned by p(k_1 .. k_L | c) = prod_l p(k_l | k_1 .. k_{l-1}, c) can be drawn from one
symbol after the other. van den Oord et al., 2017, arXiv 1711.00937 (section 3.2), fit it after the
codes, which are uniformly distributed a priori while they are learned.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Size, Tensor, nn
from torch.distributions import Distribution

from . import noise
from .priors import Prior

PATIENCE = 3
"""Epochs without a better held-out figure after which the fit of a prior stops."""
HELD_OUT = 0.1
BATCH = 128


def gumbel(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Gumbel noise of shape (K, B, ...): logits plus it have their maximum at a draw."""
    # Nearest to 0 and 1 the noise is cut off at about 16, which one draw in 10^7 would exceed.
    u = noise.uniform(shape, like).clamp(1e-7, 1 - 1e-7)
    return -torch.log(-torch.log(u))


class CodePrior(Prior):
    """prod_l p(k_l | k_<l, c) by a recurrent net (Cho et al., 2014, arXiv 1406.1078).

    sizes: how many values each of the L symbols can take. It is uniform until it is fitted, to
    the last digit, and no gradient of a bound reaches it.
    grid: the height and width of the grid whose positions the symbols stand at, row by row. The
    net then sees the neighbours among the symbols before one, where a row of them would be far
    behind (as the masks of van den Oord et al., 2016, arXiv 1601.06759, let theirs).
    """

    allowed: Tensor
    seen: Tensor

    def __init__(
        self,
        latent: int,
        sizes: Sequence[int],
        condition: int = 0,
        hidden: int = 64,
        grid: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(latent)
        self.sizes, self.most, self.condition = tuple(sizes), max(sizes), condition
        length = len(self.sizes)
        self.register_buffer("seen", seen_from(length, grid), persistent=False)
        # For each of those that are seen a table, whose last row stands for none.
        self.before = nn.Embedding(self.seen.shape[1] * (self.most + 1), hidden)
        self.place = nn.Parameter(torch.randn(length, hidden))
        self.given = nn.Linear(condition, hidden, bias=False) if condition else None
        # A cell, since a compiler refuses any model that has an nn.GRU within it.
        self.cell = nn.GRUCell(hidden, hidden)
        self.head = nn.Linear(hidden, self.most)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.bias = nn.Parameter(torch.zeros(length, self.most))
        reach = torch.tensor(self.sizes)[:, None] > torch.arange(self.most)
        self.register_buffer("allowed", reach, persistent=False)
        self.requires_grad_(False)

    @property
    def log_size(self) -> float:
        """The logarithm of how many codes there are, in nats."""
        return sum(math.log(size) for size in self.sizes)

    def forward(self, c: Tensor | None = None) -> CodeDistribution:
        # While the codes are learned their prior is uniform, whatever stands in here.
        return CodeDistribution(None if self.training else self, c, self.log_size, len(self.sizes))

    def log_prob(self, codes: Tensor, c: Tensor | None = None) -> Tensor:
        """Log p(codes | c) for whole numbers (N, L), (N,), in nats."""
        none = codes.new_full((len(codes), 1), self.most)
        steps = self._step(torch.cat([none, codes], 1), c, slice(None))
        state, states = None, []
        for step in steps.unbind(1):
            state = self.cell(step, state)
            states.append(state)
        logits = self._logits(torch.stack(states, 1), slice(None))
        return logits.log_softmax(-1).gather(-1, codes[..., None])[..., 0].sum(-1)

    def draw(self, n: int, c: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        """N codes (n, L), symbol by symbol, from p^(1/T), each step of it normalised."""
        device = self.bias.device
        codes = torch.full((n, 1 + len(self.sizes)), self.most, device=device)
        state = None
        for place in range(len(self.sizes)):
            at = slice(place, place + 1)
            state = self.cell(self._step(codes, c, at)[:, 0], state)
            logits = self._logits(state[:, None], at)
            noisy = logits + temperature * gumbel((1, *logits.shape), logits)[0]
            codes[:, place + 1] = noisy.argmax(-1)[:, 0]
        return codes[:, 1:]

    def _step(self, codes: Tensor, c: Tensor | None, at: slice) -> Tensor:
        """What the net sees at each place: symbols before it in `codes` (N, 1 + L), of which the
        first stands for none, where it is, and c.
        """
        steps = self.place[at]
        for table, seen in enumerate(self.seen[at].T):
            steps = steps + self.before(codes[:, seen] + table * (self.most + 1))
        if self.given is not None and c is not None:
            steps = steps + self.given(c.to(steps.dtype))[:, None]
        return steps

    def _logits(self, h: Tensor, at: slice) -> Tensor:
        return (self.head(h) + self.bias[at]).masked_fill(~self.allowed[at], -math.inf)


def seen_from(length: int, grid: tuple[int, int] | None) -> Tensor:
    """Which symbols each of L is told of beside what the net remembers, (L, n), counted from 1;
    0 for none. The one before it; on a grid those to its left and above too, of the same kind.
    """
    place = torch.arange(1, length + 1)
    if grid is None:
        return place[:, None] - 1
    height, width = grid
    around = F.pad(place.view(height, width, -1), (0, 0, 1, 1, 1, 0))
    left, above = around[1:, :width], around[:height]
    columns = [place.view_as(left) - 1, left, *(above[:, i : i + width] for i in range(3))]
    return torch.stack(columns, -1).flatten(0, 2)


class CodeDistribution(Distribution):
    """p(codes | c): event shape (L,), batch shape () or (B,); uniform where there is no `prior`."""

    arg_constraints = {}  # noqa: RUF012  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]

    def __init__(
        self, prior: CodePrior | None, c: Tensor | None, log_size: float, length: int
    ) -> None:
        batch = Size() if c is None else c.shape[:1]
        super().__init__(batch, Size((length,)), validate_args=False)
        self.prior, self.c, self.log_size = prior, c, log_size

    def log_prob(self, value: Tensor) -> Tensor:
        """Log p of codes (..., B, L), (..., B), in nats."""
        lead = value.shape[:-1]
        if self.prior is None:
            return torch.full(lead, -self.log_size, device=value.device)
        c = None if self.c is None else self.c.expand(*lead, -1).flatten(0, -2)
        return self.prior.log_prob(value.flatten(0, -2), c).unflatten(0, lead)


def fit_codes(
    prior: CodePrior,
    codes: Tensor,
    c: Tensor | None,
    *,
    seed: int,
    epochs: int = 20,
    lr: float = 2e-3,
) -> float:
    """Fit the prior to codes (N, S, L), S draws of each row's, given c (N, C) or None.

    A tenth of the rows is held out; the weights that are best for it are kept, and the fit stops
    when they are no more bettered. Returns the held-out mean of -log p, in nats. The work is a
    function of the seed, and leaves torch's own generators alone.
    """
    generator = torch.Generator().manual_seed(seed % 2**63)
    order = torch.randperm(len(codes), generator=generator).to(codes.device)
    held = int(HELD_OUT * len(codes))
    valid, train = (order[:held], order[held:]) if held else (order, order)

    def score(rows: Tensor, number: int) -> Tensor:
        return -prior.log_prob(codes[rows, number % codes.shape[1]], None if c is None else c[rows])

    @torch.no_grad()
    def judge() -> float:
        return float(torch.cat([score(rows, 0) for rows in valid.split(1024)]).mean())

    prior.train().requires_grad_(True)
    rule = torch.optim.Adam(prior.parameters(), lr)
    best, kept, since = judge(), copy.deepcopy(prior.state_dict()), 0
    for epoch in range(epochs):
        shuffled = torch.randperm(len(train), generator=generator).to(codes.device)
        for rows in train[shuffled].split(BATCH):
            rule.zero_grad()
            score(rows, epoch).mean().backward()
            nn.utils.clip_grad_norm_(prior.parameters(), 1.0)
            rule.step()
        value, since = judge(), since + 1
        if value < best:
            best, kept, since = value, copy.deepcopy(prior.state_dict()), 0
        if since >= PATIENCE:
            break
    prior.load_state_dict(kept)
    prior.eval().requires_grad_(False)
    return best


def one_hot(codes: Tensor, classes: int) -> Tensor:
    """Symbols (..., L) as L vectors with a single 1, one after the other, (..., L classes)."""
    return F.one_hot(codes, classes).flatten(-2).float()
