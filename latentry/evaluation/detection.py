"""Finding anomalies: how strange each row is to a model, and how well that tells them apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..core.scores import passes
from ..errors import LatentryError, suggest
from .subject import Subject

HOW = ("reconstruction", "reconstruction+kl", "likelihood", "kl")
NEEDS_PRIOR = HOW[1:]
DRAWS = 16
"""Draws for each row of the importance-weighted score."""


def anomaly_scores(est: Subject, X: Any, how: str, *, condition: Any = None) -> np.ndarray:
    """How strange each row is, (N,) float64 in nats, larger for stranger.

    "reconstruction": -log p(x|z) at the mean of q(z|x) (with a Gaussian likelihood: the squared
        error but for a constant and a factor). An & Cho, 2015, SNU technical report 2015-2, take
        the mean over draws of z instead.
    "reconstruction+kl": the negative ELBO with one draw: reconstruction and rate together.
    "likelihood": the negative importance-weighted bound with 16 draws, -log p(x) but for its gap.
    "kl": KL(q(z|x) || p(z)) alone: how unusual the code is.

    Raises LatentryError for another `how`, and for all but the first with a model without a prior.
    """
    if how not in HOW:
        raise LatentryError(
            f"how={how!r} is no way to score anomalies; there are {', '.join(HOW)}."
            + suggest(how, HOW)
        )
    if how in NEEDS_PRIOR and not est.model_.has_bound:
        raise LatentryError(
            f"how={how!r} needs a prior, which this model lacks; take how='reconstruction'."
        )
    if how == "reconstruction":
        return _distortions(est, X, condition)
    if how == "kl":
        return _rates(est, X, condition)
    draws = DRAWS if how == "likelihood" else 1
    return -est.score_samples(X, draws=draws, condition=condition).astype(np.float64)


def detection(
    est: Subject, X: Any, is_anomaly: Any, *, condition: Any = None
) -> dict[str, float | None]:
    """The AUROC of each way to score, by its name; None for the ways that need a missing prior.

    is_anomaly: (N,) true for the rows that should score highest, such as those of a class that the
    model was not trained on.
    """
    truth = _truth(is_anomaly, len(X))
    return {
        how: None
        if how in NEEDS_PRIOR and not est.model_.has_bound
        else auroc(anomaly_scores(est, X, how, condition=condition), truth)
        for how in HOW
    }


def auroc(scores: Any, is_anomaly: Any) -> float:
    """The chance that an anomaly scores higher than a normal row (ties count half).

    1 is perfect, 0.5 is chance: Hanley & McNeil, 1982, Radiology 143(1). Raises LatentryError where
    there are not both kinds of rows, or a score is not finite.
    """
    from sklearn.metrics import roc_auc_score

    values, truth = _scored(scores, is_anomaly)
    return float(roc_auc_score(truth, values))


def average_precision(scores: Any, is_anomaly: Any) -> float:
    """The mean precision over the anomalies in the order of their scores; chance is their share.

    Davis & Goadrich, 2006 (ICML). Raises LatentryError as `auroc` does.
    """
    from sklearn.metrics import average_precision_score

    values, truth = _scored(scores, is_anomaly)
    return float(average_precision_score(truth, values))


def _scored(scores: Any, is_anomaly: Any) -> tuple[np.ndarray, np.ndarray]:
    values = np.asarray(scores, dtype=np.float64)
    truth = _truth(is_anomaly, len(values))
    if not np.isfinite(values).all():
        raise LatentryError(
            f"{int((~np.isfinite(values)).sum())} of {len(values)} anomaly scores are not finite;"
            " leave those rows out."
        )
    return values, truth


def _truth(is_anomaly: Any, rows: int) -> np.ndarray:
    truth = np.asarray(is_anomaly).astype(bool)
    if truth.shape != (rows,):
        raise LatentryError(
            f"is_anomaly has the shape {truth.shape}; give true or false for each of {rows} rows."
        )
    if truth.all() or not truth.any():
        raise LatentryError(
            f"{int(truth.sum())} of {rows} rows are anomalies; to tell them apart takes both kinds."
        )
    return truth


@torch.inference_mode()
def _distortions(est: Subject, X: Any, condition: Any) -> np.ndarray:
    parts = []
    for x, c in est._batches(X, condition):
        px = est.model_.decode(est.model_.encode(x, c).mean, c)
        parts.append(-px.log_prob(x) - est.scaler_.log_det_observed(x))
    return torch.cat(parts).double().cpu().numpy()


@torch.inference_mode()
def _rates(est: Subject, X: Any, condition: Any) -> np.ndarray:
    parts = [r.rate for x, c in est._batches(X, condition) for r in passes(est.model_, x, c, 1, 0)]
    return torch.cat(parts).double().cpu().numpy()
