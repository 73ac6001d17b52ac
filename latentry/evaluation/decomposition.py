"""What the rate is made of, how the likelihood's estimate settles, and the rate-distortion point.

Averaged over the rows x_1 .. x_N, the rate splits exactly (Hoffman & Johnson, 2016, "ELBO surgery:
yet another way to carve up the variational evidence lower bound", NIPS workshop):

    mean KL(q(z|x_n) || p(z)) = I(n; z) + KL(q(z) || p(z)),   q(z) = 1/N sum_n q(z|x_n),

and for a prior with independent dimensions (Chen et al., 2018, arXiv 1802.04942)

    KL(q(z) || p(z)) = KL(q(z) || prod_d q(z_d)) + sum_d KL(q(z_d) || p(z_d)).

All figures are in nats, means over the rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from ..core import noise
from ..core.bounds import log_mean_exp
from ..core.models import Inference
from ..core.scores import passes
from ..errors import LatentryError
from .likelihood import has_likelihood
from .subject import Subject

NUMBERS_AT_ONCE = 1 << 22
"""Log densities held at a time while a mixture is summed: 32 MiB of them."""
SETTLED = 0.1
"""Nats for each row: an estimate that still falls by less is called settled."""

PARTS = ("rate", "index_code_mi", "marginal_kl", "total_correlation", "dimension_wise_kl")


@torch.inference_mode()
def decompose(
    est: Subject, X: Any, *, condition: Any = None, rows: int = 2048, seed: int = 0
) -> dict[str, Any]:
    """The rate and its parts, in nats, over at most `rows` rows of X drawn without replacement.

    rate: mean KL(q(z|x) || p(z)), in closed form where there is one.
    index_code_mi: I(n; z), what a code tells about which row it came from; at most log(rows).
    marginal_kl: KL(q(z) || p(z)), the gap between all codes together and the prior.
    total_correlation: KL(q(z) || prod_d q(z_d)), how far the dimensions are from independent.
    dimension_wise_kl: sum_d KL(q(z_d) || p(z_d)); None for a prior whose dimensions are dependent.
    rows: how many were used.

    rate = index_code_mi + marginal_kl, and marginal_kl = total_correlation + dimension_wise_kl.
    q(z) is the mixture of all the rows' posteriors, none left out; the expectation over it takes
    one draw from each row's posterior, so marginal_kl and dimension_wise_kl, which are
    differences, can come out slightly below zero.

    A conditional model's q(z|x, c) are mixed over the conditions as well, and each row's prior is
    p(z|c). Where that prior does depend on c, marginal_kl and dimension_wise_kl are no divergences
    but what remains of the rate (marginal_kl + I(c; z) is then the mean KL(q(z|c) || p(z|c))).

    All parts are None for a model without a prior, or whose posterior is not a Gaussian with
    independent dimensions.
    """
    X, condition = _some(X, condition, rows, seed)
    found = _codes(est, X, condition, seed)
    if found is None:
        return {**dict.fromkeys(PARTS), "rows": len(X)}
    own = _log_normal(found.z, found.loc, found.scale).sum(1)
    joint, each = _log_mixture(found)
    rate = float(found.rate.mean())
    information = float((own - joint).mean())
    correlation = float((joint - each).mean())
    marginal = rate - information
    return {
        "rate": rate,
        "index_code_mi": information,
        "marginal_kl": marginal,
        "total_correlation": correlation,
        "dimension_wise_kl": marginal - correlation if found.factorised else None,
        "rows": len(X),
    }


@dataclass
class _Codes:
    """Each row's Gaussian posterior, one draw from it, and its KL to the prior, in float64."""

    loc: Tensor
    scale: Tensor
    z: Tensor
    rate: Tensor
    factorised: bool


def _codes(est: Subject, X: np.ndarray, condition: Any, seed: int) -> _Codes | None:
    """What `_Codes` holds for the rows of X; None where there is no prior or no such posterior."""
    if not est.model_.has_bound:
        return None
    parts: list[tuple[Tensor, ...]] = []
    factorised = True
    for x, c in est._batches(X, condition):
        with noise.per_row(x, seed):
            r = est.model_.infer(x, c, 1)
        normal = _factorised(r.q)
        if normal is None:
            return None
        factorised &= isinstance(r.p, Independent)
        parts.append((normal.loc, normal.scale, r.z[0], r.rate))
    loc, scale, z, rate = (torch.cat(part).double().cpu() for part in zip(*parts, strict=True))
    return _Codes(loc, scale, z, rate, factorised)


def _factorised(q: Distribution | None) -> Normal | None:
    """The normal distributions of the single dimensions, where q is made of such."""
    if isinstance(q, Independent) and isinstance(q.base_dist, Normal):
        return q.base_dist
    return None


def _log_normal(z: Tensor, loc: Tensor, scale: Tensor) -> Tensor:
    """Log density of each number under its normal distribution."""
    return -0.5 * ((z - loc) / scale) ** 2 - torch.log(scale) - 0.5 * math.log(2 * math.pi)


def _log_mixture(found: _Codes) -> tuple[Tensor, Tensor]:
    """Log q(z_n) and sum_d log q(z_nd) of each draw under the mixture over all rows, both (N,)."""
    n, width = found.loc.shape
    at_once = max(1, NUMBERS_AT_ONCE // (n * width))
    joint, each = [], []
    for z in found.z.split(at_once):
        terms = _log_normal(z[:, None], found.loc, found.scale)  # (B, N, D)
        joint.append(torch.logsumexp(terms.sum(2), 1))
        each.append(torch.logsumexp(terms, 1).sum(1))
    return torch.cat(joint) - math.log(n), torch.cat(each) - width * math.log(n)


# --------------------------------------------------------------------------------- the likelihood


@torch.inference_mode()
def convergence(
    est: Subject,
    X: Any,
    *,
    condition: Any = None,
    draws: Sequence[int] = (10, 100, 1000),
    rows: int = 256,
    seed: int = 0,
) -> dict[str, Any]:
    """How the importance-weighted estimate of -log p(x) settles with the number of draws.

    nll: for each k in `draws`, the mean bound in nats (Burda et al., 2016, arXiv 1509.00519). The
        draws of the largest k are shared out among smaller ones, so that those are averages over
        several bounds.
    effective_draws: the mean effective sample size, (sum w)^2 / sum w^2, at the largest k: how many
        draws do the work (Kong, 1992, technical report 348, University of Chicago).
    gain: by how much nll falls from the second largest k to the largest; None for a single k.
    verdict: the same in a sentence.

    Over at most `rows` rows of X, drawn without replacement. All None but the verdict for a model
    whose numbers are no likelihood. Raises LatentryError for a k below 1.
    """
    counts = sorted(set(draws))
    if not counts or counts[0] < 1:
        raise LatentryError(f"draws={tuple(draws)}: give numbers of draws of at least 1.")
    if not has_likelihood(est):
        said = "This model's numbers are no likelihood of the data, so there is nothing to settle."
        nothing = dict.fromkeys(counts)
        return {"nll": nothing, "effective_draws": None, "gain": None, "verdict": said}
    X, condition = _some(X, condition, rows, seed)
    weights, jacobian = _log_weights(est, X, condition, counts[-1], seed)
    nll = {k: float(-(_bound(weights, k) + jacobian).mean()) for k in counts}
    total = 2 * torch.logsumexp(weights, 0) - torch.logsumexp(2 * weights, 0)
    effective = float(total.exp().mean())
    gain = nll[counts[-2]] - nll[counts[-1]] if len(counts) > 1 else None
    verdict = _verdict(counts, gain, effective)
    return {"nll": nll, "effective_draws": effective, "gain": gain, "verdict": verdict}


def _log_weights(
    est: Subject, X: np.ndarray, condition: Any, draws: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Log importance weights (draws, N) and the log determinant of the data's scale (N,)."""
    weights, jacobian = [], []
    for x, c in est._batches(X, condition, rows=64):
        parts = [r.log_weight for r in passes(est.model_, x, c, draws, seed)]
        weights.append(torch.cat(parts).double().cpu())
        jacobian.append(est.scaler_.log_det_observed(x).double().cpu())
    return torch.cat(weights, 1), torch.cat(jacobian)


def _bound(weights: Tensor, k: int) -> Tensor:
    """The importance-weighted bound with k draws, averaged over the groups of k there are, (N,)."""
    groups = len(weights) // k
    grouped = weights[: groups * k].reshape(groups, k, -1)
    return log_mean_exp(grouped, 1).mean(0)


def _verdict(counts: list[int], gain: float | None, effective: float) -> str:
    work = f"{effective:.3g} of {counts[-1]} draws do the work"
    if gain is None:
        return f"One number of draws says nothing about how the estimate settles; {work}."
    step = f"from {counts[-2]} to {counts[-1]} draws"
    if gain < SETTLED:
        return f"Settled: {step} the nll falls by {max(gain, 0.0):.3f} nats; {work}."
    return (
        f"Not settled: {step} the nll still falls by {gain:.2f} nats, so the true value is lower;"
        f" {work}. Take more draws."
    )


# ------------------------------------------------------------------------------- rate, distortion


@torch.inference_mode()
def rate_distortion(est: Subject, X: Any, condition: Any = None) -> dict[str, float | None]:
    """The model's point in the rate-distortion plane (Alemi et al., 2018, arXiv 1711.00464).

    rate: mean KL(q(z|x) || p(z)), nats; None for a model without a prior.
    distortion: mean -E log p(x|z) with one draw for each row, nats per unit of the data.
    """
    rate, distortion = [], []
    for r, jacobian in _single_passes(est, X, condition):
        distortion.append((r.distortion[0] - jacobian).double().cpu())
        if est.model_.has_bound:
            rate.append(r.rate.double().cpu())
    return {
        "rate": float(torch.cat(rate).mean()) if rate else None,
        "distortion": float(torch.cat(distortion).mean()),
    }


def _single_passes(est: Subject, X: Any, condition: Any) -> Iterator[tuple[Inference, Tensor]]:
    for x, c in est._batches(X, condition):
        for r in passes(est.model_, x, c, 1, 0):
            yield r, est.scaler_.log_det_observed(x)


def _some(X: Any, condition: Any, rows: int, seed: int) -> tuple[np.ndarray, Any]:
    """At most `rows` rows of X in their order, with their conditions."""
    array = np.asarray(X)
    if rows < 2:
        raise LatentryError(f"rows={rows} is too few to measure on; give at least 2.")
    if len(array) <= rows:
        return array, condition
    picked = np.sort(np.random.default_rng(seed).choice(len(array), rows, replace=False))
    if np.ndim(condition) and len(condition) == len(array):
        condition = np.asarray(condition)[picked]
    return array[picked], condition
