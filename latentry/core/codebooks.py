"""Codebooks: vectors that stand for all those that are nearest to them.

A posterior with a codebook takes the nearest of K vectors for each of the `groups` parts of what
the encoder says (van den Oord et al., 2017, arXiv 1711.00937). With a `depth` above 1, what is left
over is looked up in a second codebook, and so on (Zeghidour et al., 2021, arXiv 2107.03312; Lee et
al., 2022, arXiv 2203.01941): the vector is the sum of those found.

No gradient passes through the choice, so the codebooks follow the encoder in one of two ways: as
moving averages of the vectors that chose them, or by a loss of their own.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn

from .discrete import Certain, CodePosterior, straight_through
from .models import Inference, LatentModel
from .objective import Penalty

DECAY = 0.99
"""Of the moving averages: van den Oord et al., appendix A.1."""
DEAD = 0.03
"""A vector chosen less often than this share of the mean is put where the data are."""
ROUNDS = 10
"""Of the k-means that places the first vectors."""

FOLLOWINGS = ("ema", "loss")


class Codebook(nn.Module):
    """`depth` codebooks of K vectors of W numbers, (depth, K, W), one for each residual.

    following: "ema" or "loss", which is how the vectors are learned. Vectors that nothing chooses
    any more start anew at a random vector of the batch (Dhariwal et al., 2020, arXiv 2005.00341).
    """

    uses: Tensor
    sums: Tensor

    def __init__(self, size: int, width: int, depth: int = 1, following: str = "ema") -> None:
        super().__init__()
        first = torch.randn(depth, size, width)
        # How often each vector is chosen in a step, and the sum of what chose it: averages both.
        self.register_buffer("uses", torch.ones(depth, size))
        self.register_buffer("sums", first.clone())
        self.moved = nn.Parameter(torch.zeros_like(first)) if following == "loss" else None

    @property
    def depth(self) -> int:
        """How many codebooks there are."""
        return len(self.sums)

    @property
    def vectors(self) -> Tensor:
        """All vectors, (depth, K, W)."""
        means = self.sums / self.uses[..., None]
        return means if self.moved is None else means + self.moved

    def forward(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """For h (..., W): codes (..., depth), what each looked for and what it found, (..., depth,
        W). A gradient reaches h through the second, the vectors through the third.
        """
        codes, wanted, found = [], [], []
        for vectors in self.vectors:
            code = nearest(h, vectors)
            codes.append(code)
            wanted.append(h)
            found.append(vectors[code])
            h = h - found[-1].detach()
        return torch.stack(codes, -1), torch.stack(wanted, -2), torch.stack(found, -2)

    def embed(self, codes: Tensor) -> Tensor:
        """The sum of the vectors of codes (..., depth), (..., W)."""
        return sum_of([v[code] for v, code in zip(self.vectors, codes.unbind(-1), strict=True)])

    @torch.no_grad()
    def start(self, h: Tensor) -> None:
        """Place the vectors by k-means (Lloyd, 1982) of h (N, W), each depth on what is left."""
        for depth in range(self.depth):
            vectors = kmeans(h, self.uses.shape[1])
            self.sums[depth], self.uses[depth] = vectors, 1.0
            h = h - vectors[nearest(h, vectors)]

    @torch.no_grad()
    def follow(self, codes: Tensor, wanted: Tensor) -> None:
        """Take a batch into account: its codes (N, depth) and what they looked for (N, depth, W).

        N is counted over all processes, which end with the same vectors.
        """
        index, h = codes.T, wanted.transpose(0, 1).float()
        uses = torch.zeros_like(self.uses).scatter_add_(1, index, torch.ones_like(h[..., 0]))
        sums = torch.zeros_like(self.sums).scatter_add_(1, index[..., None].expand_as(h), h)
        others = self._strangers(h)
        seen = over_processes(torch.cat([uses[..., None], sums, others], -1))
        uses, sums, others = seen.split([1, *[self.sums.shape[-1]] * 2], -1)
        # With codebooks that have a loss of their own, only the uses are followed: the sums stay
        # where they were put, as an anchor that the gradient moves the vectors from.
        new_uses = torch.lerp(uses[..., 0], self.uses, DECAY)
        if self.moved is None:
            new_sums = torch.lerp(sums, self.sums, DECAY)
        else:
            new_sums = self.sums / self.uses[..., None] * new_uses[..., None]
            others = others - self.moved
        even = new_uses.mean(1, keepdim=True)
        dead = new_uses < DEAD * even
        new_uses = torch.where(dead, even, new_uses)
        new_sums = torch.where(dead[..., None], others * new_uses[..., None], new_sums)
        ok = torch.isfinite(seen.sum())  # a step that is not finite leaves all as it was
        self.uses.copy_(torch.where(ok, new_uses, self.uses))
        self.sums.copy_(torch.where(ok, new_sums, self.sums))

    def _strangers(self, h: Tensor) -> Tensor:
        """For each vector a random one of h (depth, N, W), N over all processes, (depth, K, W);
        zero where another process has it.
        """
        rank, world = place()
        count = h.shape[1]
        # torch's generator is seeded alike in all processes: each picks the same vectors.
        pick = (torch.rand(self.uses.shape, device=h.device) * (count * world)).long()
        pick = pick.clamp(max=count * world - 1) - rank * count
        mine = (pick >= 0) & (pick < count)
        at = pick.clamp(0, count - 1)[..., None].expand(-1, -1, h.shape[-1])
        return torch.where(mine[..., None], h.gather(1, at), 0.0)


def nearest(h: Tensor, vectors: Tensor) -> Tensor:
    """Which of `vectors` (K, W) is nearest to each of h (..., W), whole numbers (...)."""
    with torch.no_grad(), torch.autocast(h.device.type, enabled=False):
        h, vectors = h.detach().float(), vectors.detach().float()
        return (vectors.square().sum(1) - 2 * h @ vectors.T).argmin(-1)


def kmeans(h: Tensor, size: int) -> Tensor:
    """`size` centres of h (N, W), found in a few rounds from rows spread evenly over it."""
    # Rows that are equal, or too few of them, would give equal centres: they are told apart.
    spread = h.std(0, correction=0).mean() if len(h) > 1 else h.new_tensor(1.0)
    fixed = torch.Generator().manual_seed(0)
    jitter = torch.randn(size, h.shape[1], generator=fixed).to(h.device)
    centres = h[torch.linspace(0, len(h) - 1, size, device=h.device).long()]
    centres = centres + (1e-3 * spread + 1e-6) * jitter
    for _ in range(ROUNDS):
        index = nearest(h, centres)
        count = torch.zeros(size, device=h.device).index_add_(0, index, torch.ones_like(h[:, 0]))
        total = torch.zeros_like(centres).index_add_(0, index, h)
        mean = total / count.clamp(min=1)[:, None]
        centres = torch.where(count[:, None] > 0, mean, centres)
    return centres


def place() -> tuple[int, int]:
    """The number of this process, and how many train together."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def over_processes(message: Tensor) -> Tensor:
    """The sum of `message` over all processes that train together."""
    if place()[1] > 1:
        dist.all_reduce(message)
    return message


def sum_of(parts: list[Tensor]) -> Tensor:
    """Their sum."""
    return torch.stack(parts).sum(0)


class Nearest(Certain):
    """The code that codebooks find, with what was looked for and what was found."""

    def __init__(self, value: Tensor, codes: Tensor, wanted: Tensor, found: Tensor) -> None:
        super().__init__(value, codes.flatten(-2))
        self.by_group, self.wanted, self.found = codes, wanted, found


class CodebookPosterior(CodePosterior):
    """q(code | x) = 1 for the nearest vectors of a codebook that all groups share.

    groups: those of `width` numbers, at each position where there is a grid. A code has depth
    symbols for each of its groups, which stand together.
    """

    def __init__(self, body: nn.Module, width: int, groups: int, book: Codebook) -> None:
        super().__init__(body, width)
        self.groups, self.book = groups * self.positions, book

    def forward(self, x: Tensor, c: Tensor | None = None) -> Nearest:
        h = self.features(x, c)
        codes, wanted, found = self.book(h.unflatten(-1, (self.groups, -1)))
        value = straight_through(h, found.sum(-2).flatten(-2))
        return Nearest(value, codes, wanted, found)

    def embed(self, codes: Tensor) -> Tensor:
        by_group = codes.unflatten(-1, (self.groups, self.book.depth))
        return self.book.embed(by_group).flatten(-2)

    @torch.no_grad()
    def begin(self, x: Tensor) -> None:
        self.book.start(self.features(x, None).unflatten(-1, (self.groups, -1)).flatten(0, 1))


class Commitment(Penalty):
    """beta |h - sg(e)|^2, which keeps the encoder near the codebook, and the codebook's learning.

    Summed over a code's groups and depths, averaged over rows; in squared units of a code. Where
    the codebook is learned by a loss, |sg(h) - e|^2 is added; else it follows by moving averages,
    in training only.
    """

    def __init__(self, beta: float) -> None:
        super().__init__()
        self.beta = beta

    def forward(self, r: Inference, model: LatentModel, done: Tensor) -> Tensor:
        q, book = r.q, model.get_submodule("posterior.book")
        assert isinstance(q, Nearest)
        assert isinstance(book, Codebook)
        loss = self.beta * (q.wanted - q.found.detach()).square().flatten(1).sum(1).mean()
        if book.moved is not None:
            loss = loss + (q.wanted.detach() - q.found).square().flatten(1).sum(1).mean()
        if model.training:
            book.follow(q.by_group.flatten(0, 1), q.wanted.detach().flatten(0, 1))
        return loss
