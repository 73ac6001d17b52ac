"""How strange a row is to a fitted model, in several ways, and which columns make it so.

Every score is larger for stranger rows and belongs to its row alone: it depends neither on the
order nor on the batch in which rows come.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from ..core.scores import passes
from ..errors import LatentryError, suggest
from ..estimator import Estimator
from ..evaluation.detection import anomaly_scores

DRAWS = 16
"""Codes drawn for each row where a score is a mean over draws."""
ITSELF = 1e-4
"""What is nearer than this, in the columns' units per dimension, is the same row."""
RIDGE = 1e-3
"""The share by which the variances of codes are raised, as these may lie in a subspace."""
LEVELS = 64
"""Levels of a column that are told apart where rows are compared; further ones are alike."""
SKETCH = 1000
"""Reference rows among which a far neighbour is looked for: its rank scales with their number."""
LARGEST = float(np.finfo(np.float32).max)
CORE = 0.7
"""The share of the reference rows, those with the nearest far neighbours, that are the core."""


class Space:
    """The distance of points to their neighbours among reference points, in one space.

    points (N, D): the reference. A column's unit is the geometric mean of its standard deviation
    and its range: by the former alone, one that rarely varies would outweigh all others, by the
    latter one value far out would make the others alike. `near` is how many neighbours count as
    near, `share` how large a part of the reference points a far neighbour leaves nearer. A point
    of the reference is not its own neighbour, so that rows seen in training score as if each had
    been left out.
    """

    def __init__(self, points: np.ndarray, near: int, share: float, seed: int) -> None:
        self.mean, spread = points.mean(0), np.sqrt(points.std(0) * np.ptp(points, axis=0))
        self.spread = np.where(spread > 0, spread, 1.0)
        self.points = (points - self.mean) / self.spread
        few = np.random.default_rng(seed).permutation(len(points))[:SKETCH]
        self.near, self.far = near, max(near, round(share * len(few)))
        self.all = NearestNeighbors().fit(self.points)
        self.few = NearestNeighbors().fit(self.points[few])

    def place(self, points: np.ndarray) -> np.ndarray:
        """Points (N, D) on the scale of the reference."""
        return (points - self.mean) / self.spread

    def nearest(self, points: np.ndarray) -> np.ndarray:
        """The mean distance to the nearest neighbours, (N,): Angiulli & Pizzuti, 2002 (PKDD)."""
        return self._distances(self.all, self.place(points), self.near).mean(1)

    def farther(self, points: np.ndarray) -> np.ndarray:
        """The distance to the far neighbour, (N,): Ramaswamy et al., 2000 (SIGMOD).

        Anomalies that resemble one another are near neighbours of one another; one that leaves
        more of the rows nearer than there are anomalies is none of them.
        """
        return self._distances(self.few, self.place(points), self.far)[:, -1]

    @cached_property
    def core(self) -> NearestNeighbors:
        """The reference points with the nearest far neighbours, the rest set aside.

        Anomalies among the reference rows are then nobody's neighbours, as in estimates from a
        trimmed sample: Rousseeuw, 1985, "Multivariate estimation with high breakdown point".
        """
        far = self._distances(self.few, self.points, self.far)[:, -1]
        return NearestNeighbors().fit(self.points[far <= np.quantile(far, CORE)])

    def nearest_core(self, points: np.ndarray) -> np.ndarray:
        """The mean distance to the nearest neighbours among the core, (N,)."""
        return self._distances(self.core, self.place(points), self.near).mean(1)

    def mahalanobis(self, points: np.ndarray) -> np.ndarray:
        """The Mahalanobis distance from the mean of the reference, (N,)."""
        covariance = np.atleast_2d(np.cov(self.points.T, bias=True))
        variances = covariance.diagonal()
        ridge = np.diag(RIDGE * np.where(variances > 0, variances, 1.0))
        precision = np.linalg.inv(covariance + ridge)
        z = self.place(points)
        return np.sqrt(np.einsum("ni,ij,nj->n", z, precision, z))

    def _distances(self, tree: NearestNeighbors, z: np.ndarray, k: int) -> np.ndarray:
        """To the k nearest (or as many as there are) in rising order, the point itself left out."""
        most = tree.n_samples_fit_
        found, _ = tree.kneighbors(z, min(k + 1, most))
        if found.shape[1] == 1:
            return found
        itself = found[:, :1] < ITSELF * np.sqrt(z.shape[1])
        return np.where(itself, found[:, 1:], found[:, :-1])


class Reference:
    """A fitted model and the rows that strange rows are held against.

    X: the reference rows. near, share: see `Space`. `hows` are the scores that will be asked for.
    """

    def __init__(
        self, est: Estimator, X: Any, hows: tuple[str, ...], near: int, share: float, seed: int
    ) -> None:
        self.est, self.hows = est, hows
        wanted = {OF_SPACE[how][0] for how in hows if how in OF_SPACE}
        self.spaces = {
            name: Space(self._points(X, name), near, share, seed) for name in sorted(wanted)
        }

    def scores(self, X: Any, how: str) -> np.ndarray:
        """How strange each row is, (N,) float64, larger for stranger; `how` is one of SCORES."""
        if how in OF_MODEL:
            return _finite(OF_MODEL[how](self, X))
        space, distance = OF_SPACE[how]
        return _finite(distance(self.spaces[space], self._points(X, space)))

    def contributions(self, X: Any) -> np.ndarray:
        """-log p(x_d | z) of each column at the mean code, (N, D), in nats per unit of the data.

        A row sums to its score "reconstruction"; a missing entry contributes 0.
        """
        est = self.est
        parts = []
        with torch.inference_mode():
            for x, c in est._batches(X):
                px: Any = est.model_.decode(est.model_.encode(x, c).mean, c)
                if not hasattr(px, "log_probs"):
                    raise LatentryError(
                        f"the likelihood {est.likelihood_} gives no log-probability for each"
                        " column, so rows cannot be explained; use another likelihood."
                    )
                each = -px.log_probs(x).double() - est.scaler_.log_dets_observed(x)
                parts.append(each.flatten(1))
        return _finite(torch.cat(parts).cpu().numpy())

    @torch.inference_mode()
    def _points(self, X: Any, space: str) -> np.ndarray:
        """Where rows lie among the "codes", or among the "rows" themselves, missing ones filled."""
        if space == "codes":
            return self.est.transform(X).astype(np.float64)
        parts = [self._filled(x, c) for x, c in self.est._batches(X)]
        return torch.cat(parts).double().cpu().numpy()

    def _filled(self, x: Tensor, c: Tensor | None) -> Tensor:
        """Rows in the model's scale, (B, D), with the mean of p(x|z) where they are missing."""
        unseen = torch.isnan(x)
        if unseen.any():
            model = self.est.model_
            x = torch.where(unseen, model.decode(model.encode(x, c).mean, c).mean, x)
        return x.flatten(1) if self.est.schema_.kind != "table" else self._measurable(x)

    def _measurable(self, x: Tensor) -> Tensor:
        """Rows (B, D) of a table with a 0 or 1 for each of a column's first levels.

        Standardised, they give the distance of correspondence analysis, in which a rare level is
        far from the others: Greenacre, 1984, "Theory and Applications of Correspondence Analysis".
        """
        parts = []
        for i, column in enumerate(self.est.schema_.learned):
            if column.ordered:
                parts.append(x[:, i : i + 1])
            else:
                levels = torch.arange(min(column.size, LEVELS), device=x.device)
                parts.append((x[:, i : i + 1] == levels).to(x.dtype))
        return torch.cat(parts, 1)


def _finite(scores: np.ndarray) -> np.ndarray:
    """Scores, with what float32 cannot hold at its end: such rows are strange, but comparable."""
    return np.clip(scores, -LARGEST, LARGEST)


@torch.inference_mode()
def _probability(reference: Reference, X: Any) -> np.ndarray:
    """-E[log p(x|z)] over draws of q(z|x): An & Cho, 2015, SNU technical report 2015-2."""
    est, parts = reference.est, []
    for x, c in est._batches(X):
        total = sum(r.distortion.sum(0) for r in passes(est.model_, x, c, DRAWS, 0))
        parts.append(total / DRAWS - est.scaler_.log_det_observed(x))
    return torch.cat(parts).double().cpu().numpy()


def _evaluated(how: str) -> Callable[[Reference, Any], np.ndarray]:
    """A score that needs the model alone."""
    return lambda reference, X: anomaly_scores(reference.est, X, how)


OF_MODEL: dict[str, Callable[[Reference, Any], np.ndarray]] = {
    "reconstruction": _evaluated("reconstruction"),
    "reconstruction-probability": _probability,
    "elbo": _evaluated("reconstruction+kl"),
    "likelihood": _evaluated("likelihood"),
    "kl": _evaluated("kl"),
}
"""Scores that a model gives by itself, in nats, by name."""
OF_SPACE: dict[str, tuple[str, Callable[[Space, np.ndarray], np.ndarray]]] = {
    "mahalanobis": ("codes", Space.mahalanobis),
    "neighbours": ("codes", Space.nearest),
    "far-neighbours": ("codes", Space.farther),
    "core-neighbours": ("codes", Space.nearest_core),
    "row-neighbours": ("rows", Space.nearest),
    "far-row-neighbours": ("rows", Space.farther),
    "core-row-neighbours": ("rows", Space.nearest_core),
}
"""Scores that are a distance in a space, in its columns' units, by name."""
SCORES = (*OF_MODEL, *OF_SPACE)


def check_score(how: Any, more: tuple[str, ...]) -> None:
    """Raise LatentryError for what is no way to score."""
    known = (*more, *SCORES)
    if how not in known:
        raise LatentryError(
            f"scoring={how!r} is no way to score anomalies; there are {', '.join(known)}."
            + suggest(str(how), known)
        )
