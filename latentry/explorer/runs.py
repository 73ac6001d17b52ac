"""A run that is being explored: its model, its rows, and what is computed of them when asked.

Requests are answered by several threads at once. Means of the posterior and of p(x | z) are pure
functions of the weights and need no lock; whatever draws noise shares one source of it in the
process (`core.noise`, torch's generator), so it holds `NOISE`, for a block of rows at a time so
that a hand on the map never waits for a long computation.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core import geometry
from ..core.bounds import elbo
from ..core.columns import errors, located
from ..core.scores import passes
from ..data.arrays import is_missing, known
from ..data.datasets import Dataset
from ..estimator import Estimator
from ..inputs import read_condition
from ..opening import Opening, load_run, open_for
from .pictures import Screen
from .refusals import Missing, Refused

NOISE = threading.Lock()
"""Held while noise is drawn."""

BLOCK = 256
"""Rows computed while a lock is held."""
MOST_LABELS = 50
"""More classes than these have no names on the map."""
ROWS_FOR_KL = 1024
ACTIVE = 0.01
"""Variance of the posterior mean above which a dimension of a VAE is active (Burda et al., 2016,
arXiv 1509.00519); for a model without a prior, as a share of the largest variance."""


class Shown:
    """One run with the rows that are shown of it, numbered from 0.

    x (N, ...): the rows in the layout and units of the data, those of a mixed table as its schema
    packs them; labels (N,) or None; condition (N,) or
    (N, C) or None; codes (N, D): the posterior means.
    """

    def __init__(
        self,
        name: str,
        est: Estimator,
        x: np.ndarray,
        labels: np.ndarray | None = None,
        condition: np.ndarray | None = None,
    ) -> None:
        self.name, self.est, self.x, self.condition = name, _without_names(est), x, condition
        self.screen = Screen(est.schema_, x)
        self.labels = labels
        self.label_names, self.classes = _classes(labels)
        self.usual = _usual(est, condition)
        self.codes = self.est.transform(x, condition=condition).astype(np.float64)
        self.dims = self._dims()
        self._known: dict[str, np.ndarray] | None = None
        self._computing = threading.Lock()

    # -------------------------------------------------------------------------- rows and conditions

    def __len__(self) -> int:
        return len(self.x)

    def rows(self, asked: Sequence[int]) -> np.ndarray:
        """The row numbers as an array; raises Missing for one that is not shown."""
        rows = np.asarray(asked, dtype=np.int64)
        beyond = rows[(rows < 0) | (rows >= len(self))]
        if len(beyond):
            raise Missing(
                f"There is no row {beyond[0]}; the {len(self):,} rows shown count from 0 to"
                f" {len(self) - 1}."
            )
        return rows

    def label(self, row: int) -> str | None:
        """The label of a row, as text."""
        if self.labels is None or is_missing(self.labels[row]):
            return None
        return str(self.labels[row])

    def given(self, asked: Any, n: int, rows: np.ndarray | None = None) -> Any:
        """The condition of n samples, as estimators take it.

        What was asked for, or that of the `rows`, or the most usual one; None for a model without
        a condition, which refuses to be asked for one.
        """
        if asked is None and self.condition is not None and rows is not None:
            return self.condition[rows]
        value = self.usual if asked is None else asked
        if value is None:
            return None
        if isinstance(value, list):
            return np.repeat(np.asarray([value], dtype=float), n, axis=0)
        return np.asarray([value] * n)

    # -------------------------------------------------------------------------- what the model does

    def encode(self, x: np.ndarray, condition: Any) -> np.ndarray:
        """The posterior means (N, D) of samples in the data's layout."""
        return self.est.transform(x, condition=condition).astype(np.float64)

    def decode(self, codes: np.ndarray, condition: Any) -> np.ndarray:
        """The mean of p(x | z) for codes (N, D), in the data's layout."""
        if codes.shape[1] != self.est.model_.latent:
            raise Refused(
                f"A code of this run has {self.est.model_.latent} numbers;"
                f" {codes.shape[1]} were given."
            )
        return self.est.inverse_transform(codes, condition=condition)

    def draw(self, n: int, condition: Any, temperature: float, seed: int) -> np.ndarray:
        """N codes (n, D) from the prior, at a temperature."""
        with NOISE:
            return self.est.draw_codes(n, condition=condition, temperature=temperature, seed=seed)

    def path(
        self, kind: str, a: np.ndarray, b: np.ndarray, steps: int, condition: Any
    ) -> np.ndarray:
        """Codes (steps, D) from a to b (D,), under the condition of one sample."""
        device = next(self.est.model_.parameters()).device
        c = read_condition(self.est, condition, 1)
        c = None if c is None else c.to(device)

        def mean(z: Tensor) -> Tensor:
            return located(self.est.model_.decode(z, None if c is None else c.expand(len(z), -1)))

        start = torch.as_tensor(a, dtype=torch.float32, device=device)
        end = torch.as_tensor(b, dtype=torch.float32, device=device)
        return geometry.path(kind, start, end, steps, mean).cpu().numpy()

    # -------------------------------------------------------------------------------------- figures

    def figures(self, x: np.ndarray, condition: Any) -> dict[str, np.ndarray]:
        """For each sample its "score", "reconstruction error" and, where there is one, its "kl".

        score: the ELBO in nats from one draw, or log p(x | z) at the code for a model without a
        bound. reconstruction error: the mean squared error over the observed entries of the
        reconstruction from the posterior mean, in the model's scale. kl: KL(q(z|x) || p(z)).
        """
        found: dict[str, list[Tensor]] = {}
        for start in range(0, len(x), BLOCK):
            rows = slice(start, start + BLOCK)
            given = None if condition is None else condition[rows]
            for name, values in self._block(x[rows], given).items():
                found.setdefault(name, []).append(values.double().cpu())
        return {name: torch.cat(parts).numpy() for name, parts in found.items()}

    @torch.inference_mode()
    def _block(self, x: np.ndarray, condition: Any) -> dict[str, Tensor]:
        est, model = self.est, self.est.model_
        ((t, c),) = est._batches(x, condition)
        square = errors(model.decode(model.encode(t, c).mean, c), t)
        error = square.nan_to_num().flatten(1).sum(1) / (~t.isnan()).flatten(1).sum(1).clamp(min=1)
        with NOISE:
            (r,) = passes(model, t, c, 1, 0)
            score = elbo(r) if model.has_bound else -r.distortion[0]
            found = {
                "score": score + est.scaler_.log_det_observed(t),
                "reconstruction error": error,
            }
            return {**found, "kl": r.rate} if model.has_bound else found

    @property
    def known(self) -> dict[str, np.ndarray]:
        """The figures of all shown rows, computed when they are first asked for."""
        with self._computing:
            if self._known is None:
                self._known = self.figures(self.x, self.condition)
        return self._known

    def of_row(self, row: int) -> dict[str, float]:
        """The figures of one row, without waiting for those of all."""
        if self._known is not None:
            return {name: float(values[row]) for name, values in self._known.items()}
        at = slice(row, row + 1)
        given = None if self.condition is None else self.condition[at]
        return {name: float(v[0]) for name, v in self.figures(self.x[at], given).items()}

    @torch.inference_mode()
    def errors(self, rows: np.ndarray) -> np.ndarray:
        """The squared error of each entry of rows (N,), in the model's scale, (N, *shape)."""
        given = None if self.condition is None else self.condition[rows]
        parts = [
            errors(self.est.model_.decode(self.est.model_.encode(t, c).mean, c), t)
            for t, c in self.est._batches(self.x[rows], given)
        ]
        return torch.cat(parts).cpu().numpy()

    # ------------------------------------------------------------------------------- the dimensions

    def _dims(self) -> list[dict[str, Any]]:
        """The latent dimensions by KL, highest first; by spread where there is no KL."""
        z, kl = self.codes, self._kl()
        variance = z.var(0)
        least = ACTIVE if self.est.model_.has_bound else ACTIVE * max(float(variance.max()), 1e-12)
        dims = []
        for i in np.argsort(-(variance if kl is None else kl), kind="stable").tolist():
            mean, std, active = float(z[:, i].mean()), float(z[:, i].std()), variance[i] > least
            reach = 3 * std if active or not self.est.model_.has_prior else 3.0
            low = min(float(z[:, i].min()), mean - reach)
            high = max(float(z[:, i].max()), mean + reach)
            if high - low < 1e-6:
                low, high = mean - 1, mean + 1
            figures = {"mean": mean, "std": std, "low": low, "high": high}
            rounded = {name: float(f"{value:.6g}") for name, value in figures.items()}
            each = None if kl is None else float(f"{kl[i]:.6g}")
            dims.append({"index": i, "kl": each, **rounded, "active": bool(active)})
        return dims

    @torch.inference_mode()
    def _kl(self) -> np.ndarray | None:
        """The mean KL of each dimension (D,) over some rows, or None where there is none."""
        if not self.est.model_.has_bound:
            return None
        rows = spread(len(self), ROWS_FOR_KL)
        given = None if self.condition is None else self.condition[rows]
        parts = []
        for t, c in self.est._batches(self.x[rows], given, rows=BLOCK):
            with NOISE:
                (r,) = passes(self.est.model_, t, c, 1, 0)
                parts.append(r.rates)
        if any(part.shape[1] != self.est.model_.latent for part in parts):
            return None
        return torch.cat(parts).mean(0).double().cpu().numpy()


def _without_names(est: Estimator) -> Estimator:
    """The estimator, taking rows whose columns are in its order and carry no names."""
    if hasattr(est, "feature_names_in_"):
        est = copy.copy(est)
        del est.feature_names_in_
    return est


def spread(n: int, most: int) -> np.ndarray:
    """At most `most` of n row numbers, in rising order, the same ones each time."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, most, replace=False))


def _classes(labels: np.ndarray | None) -> tuple[list[str] | None, np.ndarray | None]:
    """The names of the classes and the index of each row's; None where labels are no classes."""
    if labels is None:
        return None, None
    if labels.dtype.kind == "f":
        whole = np.isfinite(labels).all() and (labels % 1 == 0).all()
        if not whole:
            return None, None
    values = labels.astype(np.int64) if labels.dtype.kind == "f" else labels
    if values.dtype == object:
        values = np.where(known(values), values, "missing").astype(str)
    distinct, index = np.unique(values, return_inverse=True)
    if len(distinct) > MOST_LABELS:
        return None, None
    return [str(each) for each in distinct], index.reshape(-1)


def _usual(est: Estimator, condition: np.ndarray | None) -> Any:
    """What a conditional model is told where nothing else is said: a class, or a list of numbers.

    The most frequent class of the rows, or the mean of real values.
    """
    if est.condition_ is None:
        return None
    if est.condition_.kind == "real":
        return list(est.condition_.mean)
    known = est.condition_
    first = 0 if condition is None else int(known.pack(condition).sum(0).argmax())
    return known.classes[first]


def open_run(folder: Path, name: str, data: str | None, data_dir: Path | None, most: int) -> Shown:
    """A run with at most `most` rows of its own data, or of `data`, spread over all of them."""
    est, info = load_run(folder)
    dataset, condition = open_for(est, folder, info, data, Opening(), data_dir)
    rows = spread(len(dataset), most)
    labels = None if dataset.labels is None else np.asarray(dataset.labels)[rows]
    c = None if condition is None else np.asarray(condition)[rows]
    return Shown(name, est, _in_order(est, dataset, rows), labels, c)


def _in_order(est: Estimator, dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """The rows with their columns as the model was trained on them, in the data's units."""
    packed = est.schema_.pack(np.asarray(dataset.x[rows]), columns=dataset.columns)
    return packed.numpy() if est.schema_.kind == "table" else est.schema_.unpack(packed)


def warm_up() -> None:
    """Load what the first geodesic would wait for: torch imports a compiler with its optimisers."""
    ends = torch.zeros(1), torch.ones(1)
    geometry.geodesic(lambda z: z, *ends, points=3, iterations=1)


def names(folders: Sequence[Path]) -> list[str]:
    """A short name for each run: its folder's, with as many parents as it takes to tell apart."""
    parts = [folder.resolve().parts for folder in folders]
    for depth in range(1, max((len(p) for p in parts), default=1) + 1):
        found = ["/".join(p[-depth:]) for p in parts]
        if len(set(found)) == len(set(parts)):
            return found
    return [str(folder) for folder in folders]
