"""Codes drawn evenly over the space that data were encoded into, as a metric measures it.

Chadebec, Thibeau-Sutre, Burgos & Allassonniere, 2022, arXiv 2105.00026: where codes of data lie,
M(z) = G(z)^-1 is large, and codes are drawn by Hamiltonian Monte Carlo from the density

    p(z) in proportion to sqrt(det M(z)) on a bounded set,

with H(z, v) = -log det(M(z)) / 2 + |v|^2 / 2. A model that learned a metric (`core.riemannian`)
has M(z) = sum_i L_i L_i^T exp(-|z - c_i|^2 / T^2) + lambda I. For any other with Gaussian
posteriors, their own precisions make one, after Chadebec & Allassonniere, 2022, arXiv 2209.07370:

    M(z) = sum_i S_i^-1 exp(-(z - m_i)^T S_i^-1 (z - m_i) / rho^2) + lambda I

where N(m_i, S_i) is the posterior of row i, and rho the median distance, by these precisions, of an
m_i to the nearest other, so that the share of most rows reaches their neighbours.
"""

from __future__ import annotations

import torch
from torch import Tensor

from . import noise
from .samplers import Codes, OfRows

MOST_CENTRES = 500
FLOOR = 1e-3
"""lambda, of the metric that is made of posteriors."""
MOVES, LEAPS = 40, 8
"""Proposals that each code is the end of, and steps of the leapfrog in each."""
TUNING, WANTED = 40, 0.8
"""Proposals in which the step is set so that this share of them is accepted."""
CHAINS = 256
"""Codes that move together."""


class Roaming(OfRows):
    """Metric-aware draws; a condition says where they start, the metric is one for all."""

    is_density = tempers = False
    places: Tensor
    parts: Tensor
    sharp: Tensor
    reach: Tensor
    floor: Tensor
    size: Tensor

    def __init__(self, latent: int, condition: int = 0) -> None:
        super().__init__(latent, condition)
        self.register_buffer("places", torch.zeros(1, latent))
        self.register_buffer("parts", torch.eye(latent)[None])
        self.register_buffer("sharp", torch.ones(1, latent))
        for name in ("reach", "floor", "size"):
            self.register_buffer(name, torch.ones(()))

    def fit(self, codes: Codes, seed: int) -> None:
        kept = self.remember(codes)
        if codes.metric is None:
            assert kept.loc is not None
            assert kept.spread is not None
            self.centres = kept.loc
            self._of_posteriors(kept.loc, kept.spread)
        else:
            metric, like = codes.metric, codes.z
            self.centres = kept.z
            self.places, self.parts = metric.centres, metric.parts
            self.sharp = torch.ones_like(metric.centres)
            self.reach, self.floor = like.new_tensor(metric.reach), like.new_tensor(metric.floor)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self._tune()

    def _of_posteriors(self, loc: Tensor, spread: Tensor) -> None:
        rows = torch.linspace(0, len(loc) - 1, min(len(loc), MOST_CENTRES)).long()
        self.places, self.sharp = loc[rows], spread[rows].square().reciprocal()
        self.parts = torch.diag_embed(self.sharp)
        away = self._away(self.places).fill_diagonal_(torch.inf)
        nearest = away.amin(1)
        known = nearest.isfinite() & (nearest > 0)
        square = nearest[known].median() if known.any() else away.new_ones(())
        self.reach, self.floor = square.sqrt(), loc.new_tensor(FLOOR)

    def _away(self, z: Tensor) -> Tensor:
        """The squared distances of codes (N, D) from the centres, (N, M)."""
        middle = self.places.mean(0)  # about it, squares are small and little is rounded away
        z, places = z - middle, self.places - middle
        ends = (self.sharp * places.square()).sum(1)
        found = z.square() @ self.sharp.T - 2 * z @ (self.sharp * places).T + ends
        return found.clamp(min=0)

    def log_volume(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Log det(M(z)) / 2 of codes (N, D), (N,), and its gradient by z, (N, D)."""
        w = torch.exp(-self._away(z) / self.reach**2)
        mixed = (w @ self.parts.flatten(1)).unflatten(-1, self.parts.shape[1:])
        eye = torch.eye(self.latent, dtype=z.dtype, device=z.device)
        factor = torch.linalg.cholesky_ex(mixed + self.floor * eye)[0]
        trace = torch.cholesky_inverse(factor).flatten(1) @ self.parts.flatten(1).T
        # The gradient of w_i is -2 w_i P_i (z - c_i) / rho^2, P_i diagonal.
        share = trace * w
        slope = z * (share @ self.sharp) - share @ (self.sharp * self.places)
        return factor.diagonal(dim1=-2, dim2=-1).log().sum(-1), -slope / self.reach**2

    def _move(self, z: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
        """One proposal for each code (N, D), taken or not; and the share that was taken."""
        v = noise.normal((1, *z.shape), z)[0]
        value, slope = self.log_volume(z)
        energy, y = value - 0.5 * v.square().sum(1), z
        after = value
        for _ in range(LEAPS):
            v = v + 0.5 * size * slope
            y = y + size * v
            after, slope = self.log_volume(y)
            v = v + 0.5 * size * slope
        gain = after - 0.5 * v.square().sum(1) - energy
        inside = ((y >= self._low) & (y <= self._high)).all(1)
        luck = noise.uniform((1, len(z)), z)[0].clamp(min=1e-30).log()
        taken = (luck < gain) & inside
        return torch.where(taken[:, None], y, z), taken.float().mean()

    @property
    def _low(self) -> Tensor:
        return self.centres.amin(0)

    @property
    def _high(self) -> Tensor:
        return self.centres.amax(0)

    def _tune(self) -> None:
        z = self.centres[self.pick(64, self.given[:1].expand(64, -1))]
        size = 0.3 * self.reach * self.sharp.rsqrt().median()
        for _ in range(TUNING):
            z, share = self._move(z, size)
            size = size * torch.where(share > WANTED, 1.1, 1 / 1.1)
        self.size = size

    def log_prob(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        raise NotImplementedError("the volume of the bounded set is not known")

    def draw(self, n: int, c: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        starts = self.centres[self.pick(n, c)]
        found = []
        for z in starts.split(CHAINS):
            for _ in range(MOVES):
                z, _ = self._move(z, self.size)
            found.append(z)
        return torch.cat(found)
