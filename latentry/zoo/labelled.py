"""Models that learn from labels, of which some may be unknown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ..building import Plan
from ..core.bounds import Elbo
from ..core.classes import ClassHead, Classification, ClassVAE
from ..core.models import LatentModel
from ..core.objective import Objective
from ..core.schedules import linear
from ..data.labels import Classes, Labels
from ..errors import LatentryError
from ..estimator import Estimator, option
from .checks import at_least

UNNAMED = 10
"""Classes where neither a label nor the user says how many."""


@dataclass(eq=False, repr=False)
class SemiSupervisedVAE(Estimator):
    """Semi-supervised VAE (M2): a class beside the code, learned from few labels and many rows.

    Kingma, Rezende, Mohamed & Welling, 2014, https://arxiv.org/abs/1406.5298

    `fit(X, y)` with -1 (or NaN, None) where the class is unknown, then `predict`, `predict_proba`,
    and `sample(n, label=class)`. A code is `latent` numbers and, behind them, the probability of
    each class. Without any label the classes are clusters, which bear numbers. Training decodes
    every row once for each class, and so costs as many times what a VAE does. The paper's `alpha`
    is 0.1; where labels are rare, more keeps the classes from becoming clusters of another kind.
    """

    classes: int | None = option(None, "classes where y is not given; without it, 10")
    alpha: float = option(10.0, "weight of the classifier's own loss, for each row of the data")

    def infer_labels(self, y: Any) -> Labels | None:
        return Classes.infer(y)

    def _classes(self) -> tuple[Any, ...]:
        labels = getattr(self, "labels_", None)
        if isinstance(labels, Classes):
            return labels.values
        count = UNNAMED if self.classes is None else self.classes
        at_least("classes", count, 1)
        return tuple(range(count))

    @property
    def classes_(self) -> np.ndarray:
        """The classes, in the order of `predict_proba`'s columns."""
        return np.asarray(self._classes())

    def build(self, plan: Plan) -> LatentModel:
        classes = len(self._classes())
        posterior = ClassHead(plan.encoder(), classes, self.latent)
        likelihood = plan.likelihood(plan.decoder(self.latent + classes))
        return ClassVAE(plan.encoder(), posterior, likelihood, self.latent, classes, plan.condition)

    def objective(self) -> Objective:
        at_least("alpha", self.alpha, 0.0)
        bound = Elbo(linear(0.0, 1.0, self.warmup), settled=self.warmup)
        labels = getattr(self, "labels_", None)
        if not isinstance(labels, Classes):
            return Objective(bound)
        return Objective(bound, Classification(self.alpha, labels.share))

    @torch.inference_mode()
    def predict_proba(self, X: Any, *, condition: Any = None) -> np.ndarray:
        """q(y | x) of each row, (N, classes), in the order of `classes_`."""
        found = []
        for x, c in self._batches(X, condition):
            assert isinstance(self.model_, ClassVAE)
            found.append(self.model_.classify(x, c).softmax(-1).cpu())
        return torch.cat(found).numpy()

    def predict(self, X: Any, *, condition: Any = None) -> np.ndarray:
        """The most probable class of each row, (N,)."""
        return self.classes_[self.predict_proba(X, condition=condition).argmax(1)]

    def sample(
        self,
        n: int = 1,
        *,
        label: Any = None,
        condition: Any = None,
        seed: int | None = None,
        how: Literal["auto", "mean", "draw"] = "auto",
        temperature: float = 1.0,
    ) -> np.ndarray:
        """As `Estimator.sample`; `label` is the class that all samples are of, or one for each."""
        self._label = None if label is None else self._one_hot(label, n)
        try:
            return super().sample(
                n, condition=condition, seed=seed, how=how, temperature=temperature
            )
        finally:
            del self._label

    def _draw(
        self, n: int, condition: Any, seed: int | None, temperature: float
    ) -> tuple[Tensor, Tensor | None]:
        z, c = super()._draw(n, condition, seed, temperature)
        label = getattr(self, "_label", None)
        if label is not None:
            z = torch.cat([z[:, : self.latent], label.to(z)], 1)
        return z, c

    def _one_hot(self, label: Any, n: int) -> Tensor:
        values = self._classes()
        wanted = [label] * n if np.ndim(label) == 0 else list(label)
        unknown = [v for v in wanted if v not in values]
        if unknown or len(wanted) != n:
            what = f"{unknown[0]!r} is no class" if unknown else f"{len(wanted)} for {n} samples"
            raise LatentryError(
                f"label: {what}; give one of {', '.join(map(str, values[:20]))}, or one for each"
                " sample."
            )
        return torch.eye(len(values))[[values.index(v) for v in wanted]]
