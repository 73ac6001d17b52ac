"""Paths between two codes: straight, around the origin, or the shortest by the decoder's measure.

A decoder g maps the latent space into the space of the data, and so carries the distances there
back to the codes: a small step dz is as long as J dz, where J is the Jacobian of g (the pullback
metric; Arvanitidis et al., 2018, arXiv 1710.11379; Shao et al., 2018, arXiv 1711.08014). The
straight line between two codes is seldom the shortest path by this measure; the geodesic is.

Shapes: codes a and b (..., D), a path (T, ..., D) with both ends, a decoder (..., D) -> (..., *E).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import LatentryError, suggest

Decode = Callable[[Tensor], Tensor]
"""The mean of p(x | z) for codes (..., D), (..., *E), differentiable."""

PATHS = ("straight", "spherical", "geodesic")

SEGMENTS = 24
"""A geodesic is sought with at least so many pieces: coarse ones cut through its bends."""

ITERATIONS = 40
"""Steps of the minimiser; a decoder of a few layers needs about half of them."""


def path(kind: str, a: Tensor, b: Tensor, steps: int, decode: Decode) -> Tensor:
    """`steps` codes from a to b (..., D), both included, along one of `PATHS`: (steps, ..., D).

    The straight and the spherical path do not look at `decode`.
    Raises LatentryError for another kind of path and for fewer than 2 steps.
    """
    if kind not in PATHS:
        raise LatentryError(
            f"path={kind!r} is no way from one code to another: {', '.join(PATHS[:-1])} or"
            f" {PATHS[-1]}.{suggest(str(kind), PATHS)}"
        )
    if steps < 2:
        raise LatentryError(f"steps={steps} is too few; a path has at least 2.")
    if kind == "geodesic":
        return geodesic(decode, a, b, steps)
    t = torch.linspace(0, 1, steps, dtype=a.dtype, device=a.device)
    return straight(a, b, t) if kind == "straight" else spherical(a, b, t)


def straight(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """(1 - t) a + t b for shares t (T,) of the way, (T, ..., D)."""
    t = t.reshape(-1, *(1,) * a.ndim)
    return (1 - t) * a + t * b


def spherical(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """The path that turns evenly from the direction of a to that of b, (T, ..., D).

    The direction moves on a great circle (Shoemake, 1985, "Animating rotation with quaternion
    curves") and the norm from |a| to |b|, evenly in t (T,), so that a path between draws of N(0, I)
    stays where such draws are (White, 2016, arXiv 1609.04468). Codes with the same or the opposite
    direction, or at the origin, have no one great circle: their path is the straight one.
    """
    sizes = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    tiny = torch.finfo(a.dtype).tiny
    u, v = a / sizes[0].clamp(min=tiny), b / sizes[1].clamp(min=tiny)
    # Half angles from both the sum and the difference stay exact where the cosine is near 1 or -1.
    angle = 2 * torch.atan2((u - v).norm(dim=-1, keepdim=True), (u + v).norm(dim=-1, keepdim=True))
    near = math.sqrt(torch.finfo(a.dtype).eps)
    flat = (angle < near) | (angle > math.pi - near) | (sizes[0] <= tiny) | (sizes[1] <= tiny)
    sine = torch.where(flat, torch.ones_like(angle), angle.sin())
    share = t.reshape(-1, *(1,) * a.ndim)
    turn = (((1 - share) * angle).sin() * u + (share * angle).sin() * v) / sine
    round_ = turn * ((1 - share) * sizes[0] + share * sizes[1])
    return torch.where(flat, straight(a, b, t), round_)


def geodesic(
    decode: Decode, a: Tensor, b: Tensor, points: int, iterations: int = ITERATIONS
) -> Tensor:
    """The shortest path from a to b (..., D) that is found by the decoder's measure, (points, ...).

    It minimises the energy sum_i |g(z_{i+1}) - g(z_i)|^2 over the points between the ends (Shao et
    al., 2018, arXiv 1711.08014), from the straight line on, with L-BFGS; a path of least energy is
    a shortest one that is walked at an even speed. At least `SEGMENTS` pieces are optimised, of
    which `points` points are kept. The result is a local minimum, never longer than what it starts
    from. The measure is that of the decoder's mean alone, which says nothing about where data are:
    a geodesic may cross a region without any (Hauberg, 2018, arXiv 1806.04994).
    """
    every = math.ceil(SEGMENTS / (points - 1))
    t = torch.linspace(0, 1, every * (points - 1) + 1, dtype=a.dtype, device=a.device)
    with torch.inference_mode(False), torch.enable_grad():
        lines = straight(a.detach().clone(), b.detach().clone(), t)
        if len(lines) > 2:
            # One pair at a time: the minimiser learns the bends of one path far sooner than those
            # of several at once.
            for line in lines.flatten(1, -2).unbind(1) if a.ndim > 1 else [lines]:
                line[1:-1] = _least_energy(decode, line, iterations)
    return lines[::every]


def _least_energy(decode: Decode, line: Tensor, iterations: int) -> Tensor:
    """The inner points (T - 2, D) of the path of least energy that starts out as `line` (T, D)."""
    spread = _even_coordinates(len(line) - 2, line)
    bend = torch.zeros_like(line[1:-1], requires_grad=True)
    with torch.no_grad():
        first = energy(decode, line)
    scale = float(first) or 1.0  # so that the minimiser's tolerances fit any unit of the data

    def bent() -> Tensor:
        return torch.cat([line[:1], line[1:-1] + spread @ bend, line[-1:]])

    def closure() -> Tensor:
        loss = energy(decode, bent()) / scale
        # Only the path is moved: the decoder's own parameters get no gradient.
        (bend.grad,) = torch.autograd.grad(loss, bend)
        return loss

    torch.optim.LBFGS([bend], max_iter=iterations, line_search_fn="strong_wolfe").step(closure)
    with torch.no_grad():
        found = bent()
        return (found if energy(decode, found) < first else line)[1:-1]


def _even_coordinates(n: int, like: Tensor) -> Tensor:
    """M (n, n) such that, in a flat space, the energy of the inner points M u is |u|^2.

    Neighbouring points pull at each other, so that a bend moves through a chain of n points in
    about n^2 steps of a gradient method; in these coordinates the energy is round and it takes few.
    """
    kind = {"dtype": like.dtype, "device": like.device}
    off = torch.diag(torch.ones(n - 1, **kind), 1)
    chain = torch.linalg.cholesky(2 * torch.eye(n, **kind) - off - off.T)
    return torch.linalg.solve_triangular(chain.T, torch.eye(n, **kind), upper=True)


def energy(decode: Decode, path: Tensor) -> Tensor:
    """The sum of the squared steps of the decoded path (T, ..., D), (...)."""
    return _steps(decode, path).square().sum(-1).sum(0)


def path_length(decode: Decode, path: Tensor) -> Tensor:
    """The length of the decoded path (T, ..., D), as a chain of straight pieces, (...).

    In the units of what `decode` gives.
    """
    return _steps(decode, path).norm(dim=-1).sum(0)


def _steps(decode: Decode, path: Tensor) -> Tensor:
    """From each decoded point to the next, (T - 1, ..., size of a sample)."""
    decoded = decode(path)
    return decoded.flatten(path.ndim - 1).diff(dim=0)
