"""How well a model explains data: the bound and its parts, the likelihood, the use of the code.

All terms are sums over the dimensions of a sample and means over the samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Protocol

import torch
from torch import Tensor

from ..core.columns import errors
from ..core.models import LatentModel
from ..core.scores import log_likelihood, passes
from ..data.schema import Schema
from ..data.transforms import Transform

ACTIVE = 0.01
"""A latent dimension is active when its posterior mean varies more than this over the data."""


class Fitted(Protocol):
    """What is looked at of a fitted estimator."""

    model_: LatentModel
    schema_: Schema
    scaler_: Transform
    likelihood_: str


@torch.inference_mode()
def evaluate(
    est: Fitted, batches: Iterable[tuple[Tensor, Tensor | None]], *, draws: int = 100, seed: int = 0
) -> dict[str, Any]:
    """Every figure over batches of (x in the model's scale, condition).

    elbo: the evidence lower bound from one draw for each row; distortion and rate: its parts.
    nll: -log p(x) by importance sampling with `nll_draws` draws for each row (Burda et al., 2016,
        arXiv 1509.00519), an upper bound in expectation; nll_stderr: its standard error over rows.
    bits_per_dim: nll in bits for each dimension.
    mse: squared error of the reconstruction from the posterior mean, for each dimension, in the
        model's scale: columns in different units cannot be averaged in their own.
    active_units: dimensions whose posterior mean has a variance above 0.01 over the rows.
    latent_kl: the rate of each latent dimension.
    units: the unit of each of these. notes: what to know before comparing them.
    None stands for what the model does not have.
    """
    found = _Sums()
    for x, c in batches:
        found.add(est, x, c, draws, seed)
    return _report(est, found.means(), found, draws)


class _Sums:
    """Per-row figures, collected over batches."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Tensor]] = {}

    def _put(self, **figures: Tensor | None) -> None:
        for name, figure in figures.items():
            if figure is not None:
                self.rows.setdefault(name, []).append(figure.double().cpu())

    def add(self, est: Fitted, x: Tensor, c: Tensor | None, draws: int, seed: int) -> None:
        model = est.model_
        (r,) = passes(model, x, c, 1, seed)
        jacobian = est.scaler_.log_det_observed(x)
        code = model.encode(x, c).mean
        square = errors(model.decode(code, c), x)
        self._put(
            distortion=r.distortion[0] - jacobian,
            code=code,
            mse=square.nan_to_num().flatten(1).sum(1) / (~x.isnan()).flatten(1).sum(1).clamp(min=1),
        )
        if model.has_bound:
            nll = None
            if has_likelihood(est):
                nll = -log_likelihood(model, x, c, draws, seed) - jacobian
            each = r.rates if r.rates.shape[1] == r.z.shape[-1] else None
            self._put(rate=r.rate, nll=nll, latent_kl=each)

    def all(self, name: str) -> Tensor | None:
        return torch.cat(self.rows[name]) if name in self.rows else None

    def means(self) -> dict[str, float]:
        return {k: float(torch.cat(v).mean()) for k, v in self.rows.items() if v[0].ndim == 1}


NO_BOUND = "A model whose codes are points has no likelihood: elbo, rate and nll are null."


def asked(est: Fitted) -> str:
    """The kind of values (Schema.values) that the likelihood is asked about."""
    return "binary" if getattr(est, "binarize", False) else est.schema_.values


def has_likelihood(est: Fitted) -> bool:
    """Whether the model's numbers are log-likelihoods of the data, which others can be held to."""
    return est.model_.has_bound and est.model_.likelihood.is_density(asked(est))


def _report(est: Fitted, mean: dict[str, float], found: _Sums, draws: int) -> dict[str, Any]:
    model = est.model_
    dimensions = math.prod(est.schema_.shape)
    distortion = mean["distortion"]
    code, nll_rows, kl = found.all("code"), found.all("nll"), found.all("latent_kl")
    assert code is not None
    nll = mean.get("nll")
    values = asked(est)
    in_bits = nll is not None and (values != "levels" or model.likelihood.discrete)
    in_bits = in_bits and values != "mixed"  # a dimension is not like another there
    error = None
    if nll_rows is not None and len(nll_rows) > 1:
        error = float(nll_rows.std()) / math.sqrt(len(nll_rows))
    return {
        "elbo": -distortion - mean["rate"] if model.has_bound else None,
        "distortion": distortion,
        "rate": mean.get("rate"),
        "nll": nll,
        "nll_draws": None if nll is None else draws,
        "nll_stderr": error,
        "bits_per_dim": nll / dimensions / math.log(2) if in_bits and nll is not None else None,
        "mse": mean["mse"],
        "active_units": int((code.var(0) > ACTIVE).sum()) if len(code) > 1 else None,
        "latent_kl": None if kl is None else kl.mean(0).tolist(),
        "rows": len(code),
        "units": _units(est),
        "notes": _notes(est),
    }


def _units(est: Fitted) -> dict[str, str]:
    nats = "nats for each row"
    standardised = "columns" if est.schema_.kind == "vector" else "channels"
    scale = {
        "real": f"standardised {standardised}",
        "count": "counts",
        "mixed": "each column's own scale, 1 for another level",
    }.get(asked(est), "values scaled to [0, 1]")
    return {
        "elbo": f"{nats} (lower bound on log p(x), one draw)",
        "distortion": f"{nats} (-E log p(x|z), one draw)",
        "rate": f"{nats} (KL(q(z|x) || p(z)))",
        "nll": f"{nats} (-log p(x), importance-weighted bound)",
        "nll_draws": "draws for each row",
        "nll_stderr": f"{nats} (standard error over rows)",
        "bits_per_dim": "bits for each dimension",
        "mse": f"mean squared error for each dimension, in squared units of {scale}",
        "active_units": f"latent dimensions with variance of the posterior mean above {ACTIVE}",
        "latent_kl": "nats for each latent dimension",
        "rows": "rows",
    }


def _notes(est: Fitted) -> list[str]:
    model, values = est.model_, asked(est)
    said = [None if model.has_bound else NO_BOUND, model.likelihood.note(values)]
    return [note for note in said if note]
