"""Posteriors that are a Gaussian's draws, carried through invertible maps: normalizing flows.

    z_0 ~ N(mu(x), diag sigma(x)^2),   z_t = f_t(z_{t-1}; x),
    log q(z_T | x) = log q(z_0 | x) - sum_t log |det df_t / dz_{t-1}|

* Planar and radial maps, whose parameters are the encoder's: Rezende & Mohamed, 2015,
  arXiv 1505.05770. Their appendix says which parameters make them invertible.
* Inverse autoregressive maps, which look at x through features of the encoder: Kingma et al., 2016,
  arXiv 1606.04934.

Shapes: z (K, B, D), and what the encoder says to one map, `given` (B, P).
"""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Distribution

from .carried import POINTS, Carried, even_points
from .posteriors import Posterior, normal_of

Point = tuple[Tensor, Tensor]
"""Codes (K, B, D), and the log |det df/dz| of the map there (K, B)."""

LEAST_ALPHA = 1e-3
"""The least radius of a radial map, in the units of a code: below, it would be a spike."""
LEAST_SLOPE = 1e-6
"""The least slope of a map along any line: at 0 it has no inverse."""
HALVINGS = 50
"""Halvings of an interval that take it below what float32 can tell apart."""


class Flow(nn.Module, abc.ABC):
    """An invertible map of codes that depends on x by `size` numbers from the encoder."""

    def __init__(self, latent: int, size: int) -> None:
        super().__init__()
        self.latent, self.size = latent, size

    @abc.abstractmethod
    def forward(self, z: Tensor, given: Tensor) -> Point:
        """f(z), and its log |det df/dz|."""

    @abc.abstractmethod
    def inverse(self, y: Tensor, given: Tensor) -> Point:
        """The z with f(z) = y, and the same log determinant as `forward` has there."""

    def first(self) -> Tensor:
        """What the encoder shall say at first, (P,): about the identity."""
        return torch.zeros(self.size)


# --------------------------------------------------------------------------------- planar, radial


class Planar(Flow):
    """f(z) = z + u tanh(w.z + b): codes are pressed or spread along u, about the plane w.z = -b.

    It is invertible where w.u > -1, which u' = u + (m(w.u) - w.u) w / |w|^2 holds to with
    m(a) = log(1 + e^a) - 1; det df/dz = 1 + (1 - tanh^2) w.u'.
    """

    def __init__(self, latent: int) -> None:
        super().__init__(latent, 2 * latent + 1)

    def first(self) -> Tensor:
        w = F.normalize(torch.randn(self.latent), dim=0)
        # m(log(e - 1)) is 0, which makes u' of this u nothing at all.
        return torch.cat([w, math.log(math.e - 1) * w, torch.zeros(1)])

    def _parts(self, given: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The vectors w and u' (B, D), 1 + w.u' > 0 (B,) and b (B,)."""
        w, u, b = given.split([self.latent, self.latent, 1], -1)
        dot = (w * u).sum(-1, keepdim=True)
        slope = F.softplus(dot) + LEAST_SLOPE
        u = u + (slope - 1 - dot) * w / w.square().sum(-1, keepdim=True).clamp(min=1e-12)
        return w, u, slope[..., 0], b[..., 0]

    def forward(self, z: Tensor, given: Tensor) -> Point:
        w, u, slope, b = self._parts(given)
        return self._at((w * z).sum(-1), z, u, slope, b, 1.0)

    def inverse(self, y: Tensor, given: Tensor) -> Point:
        w, u, slope, b = self._parts(given)
        height = (w * y).sum(-1)
        a = self._height(height, slope - 1, b)
        # A step of Newton's from there, which has the right gradient as well.
        h = torch.tanh(a + b)
        a = a - (a + (slope - 1) * h - height) / (h * h + (1 - h * h) * slope).detach()
        return self._at(a, y, u, slope, b, -1.0)

    def _at(self, a: Tensor, z: Tensor, u: Tensor, slope: Tensor, b: Tensor, sign: float) -> Point:
        """Codes moved by u' or back, where w.z is, or was, `a`; log (1 + (1 - tanh^2) w.u')."""
        h = torch.tanh(a + b)
        return z + sign * u * h[..., None], torch.log(h * h + (1 - h * h) * slope)

    @torch.no_grad()
    def _height(self, height: Tensor, dot: Tensor, b: Tensor) -> Tensor:
        """The a with a + dot tanh(a + b) = height, which rises with a: by halving an interval."""
        low, high = height - dot.abs(), height + dot.abs()
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            below = middle + dot * torch.tanh(middle + b) < height
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return 0.5 * (low + high)


class Radial(Flow):
    """f(z) = z + beta (z - m) / (alpha + |z - m|): codes are drawn to a point m or driven off it.

    It is invertible where beta > -alpha, which beta = log(1 + e^b) - alpha holds to.
    """

    def __init__(self, latent: int) -> None:
        super().__init__(latent, latent + 2)

    def first(self) -> Tensor:
        # alpha = log(1 + e^a) + least = 1, and beta = 0.
        a, b = (math.log(math.expm1(r)) for r in (1 - LEAST_ALPHA, 1.0))
        return torch.cat([torch.randn(self.latent), torch.tensor([a, b])])

    def _parts(self, given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The point m (B, D), alpha (B,) and alpha + beta > 0, (B,)."""
        centre, a, b = given.split([self.latent, 1, 1], -1)
        alpha = F.softplus(a[..., 0]) + LEAST_ALPHA
        return centre, alpha, F.softplus(b[..., 0]) + LEAST_SLOPE

    def forward(self, z: Tensor, given: Tensor) -> Point:
        centre, alpha, total = self._parts(given)
        away = z - centre
        # The root's derivative at 0 is infinite, and 0 is where it is never needed.
        r = away.square().sum(-1).clamp(min=1e-20).sqrt()
        push = (total - alpha) / (alpha + r)
        return z + push[..., None] * away, self._log_det(alpha, total, r)

    def _log_det(self, alpha: Tensor, total: Tensor, r: Tensor) -> Tensor:
        """(D - 1) log(1 + beta/(alpha + r)) + log(1 + alpha beta/(alpha + r)^2), both above 0."""
        across = torch.log((r + total) / (alpha + r))
        # 1 + alpha beta / (alpha + r)^2 = (r^2 + 2 alpha r + alpha (alpha + beta)) / (alpha + r)^2
        along = torch.log((r * (r + 2 * alpha) + alpha * total) / (alpha + r).square())
        return (self.latent - 1) * across + along

    def inverse(self, y: Tensor, given: Tensor) -> Point:
        centre, alpha, total = self._parts(given)
        away = y - centre
        far = away.square().sum(-1).clamp(min=1e-20).sqrt()
        # far = r (r + alpha + beta) / (r + alpha): the positive root r of a quadratic equation.
        half = 0.5 * (total - far)
        root = torch.sqrt(half.square() + alpha * far)
        r = torch.where(half > 0, alpha * far / (half + root), root - half)
        z = centre + (r / far)[..., None] * away
        return z, self._log_det(alpha, total, r)


# -------------------------------------------------------------------------------- autoregressive


class Masked(nn.Linear):
    """A linear layer in which some inputs do not reach some outputs: `mask` (outputs, inputs).

    It works in whatever precision its input has.
    """

    mask: Tensor

    def __init__(self, mask: Tensor, bias: bool = True) -> None:
        super().__init__(mask.shape[1], mask.shape[0], bias)
        self.register_buffer("mask", mask.float(), persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias.to(input.dtype)
        return F.linear(input, (self.weight * self.mask).to(input.dtype), bias)


class Autoregression(nn.Module):
    """A net of which output d sees the inputs before d alone, and all of a context.

    Germain et al., 2015, arXiv 1502.03509. z (..., D), context (B, C) -> (..., outputs, D).
    """

    def __init__(self, latent: int, context: int, hidden: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.latent, self.outputs = latent, outputs
        inputs = torch.arange(1, latent + 1)
        # Units of degree m see the inputs up to m; degree 0 (in one dimension) none at all.
        degrees = [torch.arange(n) % max(latent - 1, 1) + min(1, latent - 1) for n in hidden]
        masks = [b[:, None] >= a[None] for a, b in zip([inputs, *degrees], degrees, strict=False)]
        self.hidden = nn.ModuleList(Masked(mask) for mask in masks)
        self.context = Masked(torch.ones(hidden[0], context), bias=False)
        self.last = Masked((inputs[:, None] > degrees[-1][None]).repeat(outputs, 1))

    def forward(self, z: Tensor, context: Tensor) -> Tensor:
        first, *more = self.hidden
        h = F.elu(first(z) + self.context(context))
        for layer in more:
            h = F.elu(layer(h))
        return self.last(h).to(z.dtype).unflatten(-1, (self.outputs, self.latent))


class InverseAutoregressive(Flow):
    """f(z)_d = g_d z_d + (1 - g_d) m_d with gates g = sigmoid(s), and m, s functions of z_<d and x.

    All D come at once, and log |det df/dz| = sum_d log g_d. `reverse` takes the dimensions from the
    last to the first.
    """

    GATE = 2.0
    """The gate's input at first: 0.88 of a code stays what it was."""

    def __init__(self, latent: int, context: int, hidden: Sequence[int], reverse: bool) -> None:
        super().__init__(latent, context)
        self.reverse = reverse
        self.net = Autoregression(latent, context, hidden, 2)

    def _ordered(self, z: Tensor) -> Tensor:
        return z.flip(-1) if self.reverse else z

    def _parts(self, z: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """Both m and s, (K, B, D), in the order of this map."""
        m, s = self.net(z, given).unbind(-2)
        return m, s + self.GATE

    def forward(self, z: Tensor, given: Tensor) -> Point:
        z = self._ordered(z)
        m, s = self._parts(z, given)
        # z g + m (1 - g), where 1 - sigmoid(s) is sigmoid(-s).
        y = z * torch.sigmoid(s) + m * torch.sigmoid(-s)
        return self._ordered(y), F.logsigmoid(s).sum(-1)

    def inverse(self, y: Tensor, given: Tensor) -> Point:
        y = self._ordered(y)
        done: list[Tensor] = []
        s = y
        for d in range(self.latent):
            z = torch.cat([*done, torch.zeros_like(y[..., d:])], -1)
            m, s = self._parts(z, given)
            g = s[..., d : d + 1]
            rest = y[..., d : d + 1] - m[..., d : d + 1] * torch.sigmoid(-g)
            done.append(rest / torch.sigmoid(g))
        return self._ordered(torch.cat(done, -1)), F.logsigmoid(s).sum(-1)


# -------------------------------------------------------------------------------------- posterior


class Flowed(Carried):
    """A Gaussian carried through flows; `givens` is what the encoder says to each, (B, P)."""

    def __init__(self, base: Distribution, flows: Sequence[Flow], givens: Sequence[Tensor]) -> None:
        super().__init__(base)
        self.steps = list(zip(flows, givens, strict=True))
        self._moments: Point | None = None

    def carry(self, z0: Tensor) -> Point:
        z, gain = z0, z0.new_zeros(())
        for flow, given in self.steps:
            z, log_det = flow(z, given)
            gain = gain + log_det
        return z, gain.expand(z.shape[:-1])

    def log_prob(self, value: Tensor) -> Tensor:
        """Log q(z) for any z (..., B, D): takes the inverse of each map."""
        z, gain = value, value.new_zeros(())
        for flow, given in reversed(self.steps):
            z, log_det = flow.inverse(z, given)
            gain = gain + log_det
        return self.base.log_prob(z) - gain

    def _of_points(self) -> Point:
        """Mean and variance over where evenly spread points are carried, (B, D).

        In double precision, where the device has it: a mean of many is otherwise different in its
        last digit with the rows that it comes with.
        """
        if self._moments is None:
            loc, scale = self.base.mean, self.base.stddev
            exact = loc.dtype if loc.device.type == "mps" else torch.float64
            z = loc.to(exact) + scale.to(exact) * even_points(POINTS, loc).to(exact)[:, None]
            with torch.autocast(loc.device.type, enabled=False):
                for flow, given in self.steps:
                    z = flow(z, given.to(exact))[0]
            self._moments = z.mean(0).to(loc), z.var(0, correction=0).to(loc)
        return self._moments

    @property
    def mean(self) -> Tensor:
        """Over `POINTS` fixed points for the Gaussian's: exact where the flow is affine."""
        return self._of_points()[0]

    @property
    def variance(self) -> Tensor:
        """Over `POINTS` fixed points for the Gaussian's."""
        return self._of_points()[1]


class FlowPosterior(Posterior):
    """A Gaussian posterior whose draws are carried through flows that look at x as well.

    With `shared`, all flows are given the same features; else each has its own numbers.
    """

    def __init__(
        self, body: nn.Module, latent: int, flows: Sequence[Flow], shared: bool = False
    ) -> None:
        super().__init__(body, latent)
        self.flows = nn.ModuleList(flows)
        self.shared = shared
        said = list(flows[:1] if shared else flows)
        self.sizes = [2 * latent, *(flow.size for flow in said)]
        self.head = nn.Linear(int(body.out_features), sum(self.sizes))  # pyright: ignore[reportArgumentType]
        self._begin([flow.first() for flow in said])

    @torch.no_grad()
    def _begin(self, first: Sequence[Tensor]) -> None:
        """Let the flows begin as what their first numbers make them, for every x about the same."""
        if self.shared:
            return
        own = slice(2 * self.latent, None)
        self.head.weight[own] *= 0.1
        self.head.bias[own] = torch.cat(list(first))

    def forward(self, x: Tensor, c: Tensor | None = None) -> Distribution:
        out = self.head(self.body(x, c)).float()
        normal, *givens = out.split(self.sizes, -1)
        base = normal_of(normal)
        flows: list[Flow] = list(self.flows)  # pyright: ignore[reportAssignmentType]
        return Flowed(base, flows, givens * len(flows) if self.shared else givens)
