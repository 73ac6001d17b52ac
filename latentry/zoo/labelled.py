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
from ..core.embedding import JointEmbedding, LabelEmbedding, LabelNets, best_cut
from ..core.models import LatentModel
from ..core.objective import Objective
from ..core.schedules import linear
from ..data.labels import Classes, Labels, sets_of
from ..errors import LatentryError
from ..estimator import ROWS_AT_ONCE, Estimator, option
from ..training.sources import Source
from .autoencoders import AE
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
    A code that is cheap from the beginning says by itself what class a sample is of, and the
    decoder never listens to y: so the KL weighs `pressure` times as much at first, and falls to
    its own weight during `warmup`.
    """

    classes: int | None = option(None, "classes where y is not given; without it, 10")
    alpha: float = option(10.0, "weight of the classifier's own loss, for each row of the data")
    pressure: float = option(10.0, "weight of the KL at first, which makes the class be used")
    warmup: float = option(0.5, "share of all steps over which the weight of the KL falls to 1")

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
        at_least("pressure", self.pressure, 0.0)
        bound = Elbo(linear(self.pressure, 1.0, self.warmup), settled=self.warmup)
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
        sampler: str | None = None,
    ) -> np.ndarray:
        """As `Estimator.sample`; `label` is the class that all samples are of, or one for each."""
        self._label = None if label is None else self._one_hot(label, n)
        try:
            return super().sample(
                n,
                condition=condition,
                seed=seed,
                how=how,
                temperature=temperature,
                sampler=sampler,
            )
        finally:
            del self._label

    def _draw(
        self, n: int, condition: Any, seed: int | None, temperature: float, sampler: str | None
    ) -> tuple[Tensor, Tensor | None]:
        z, c = super()._draw(n, condition, seed, temperature, sampler)
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


@dataclass(eq=False, repr=False)
class C2AE(AE):
    """C2AE: samples and their sets of labels share one code, from which labels are predicted.

    Yeh, Wu, Ko & Wang, 2017, https://arxiv.org/abs/1707.00418

    `fit(X, Y)` with Y (N, labels) of 0 and 1, NaN where that is unknown (or y (N,), one class for
    each row), then `predict`, `predict_sets` and `f1`. The paper has no decoder of samples; here
    one learns from codes that it does not influence. Without labels it is an autoencoder.
    """

    alpha: float = option(10.0, "weight of the ranking of labels")
    spread: float = option(0.5, "weight of uncorrelated codes of unit variance")
    label_hidden: int = option(128, "units of the hidden layer of the labels' nets")

    def infer_labels(self, y: Any) -> Labels | None:
        return sets_of(y)

    @property
    def names_(self) -> tuple[Any, ...]:
        """The labels, in the order of `predict`'s columns; none where none were learned."""
        labels = getattr(self, "labels_", None)
        if labels is None:
            return ()
        return labels.values if isinstance(labels, Classes) else labels.names

    def build(self, plan: Plan) -> LatentModel:
        at_least("label_hidden", self.label_hidden, 1)
        posterior = self.build_posterior(plan.encoder())
        likelihood = plan.likelihood(plan.decoder(self.latent))
        count = len(self.names_)
        nets = LabelNets(count, self.latent, self.label_hidden) if count else None
        return LabelEmbedding(posterior, likelihood, nets, plan.condition)

    def objective(self) -> Objective:
        at_least("alpha", self.alpha, 0.0)
        at_least("spread", self.spread, 0.0)
        return JointEmbedding(self.alpha, self.spread)

    @torch.no_grad()
    def complete(self, source: Source) -> None:
        """Set the score from which on a label is given to the best one for the training rows."""
        model = self.model_
        assert isinstance(model, LabelEmbedding)
        if model.nets is None:
            return
        scores, labels = [], []
        for raw, c in source.all(ROWS_AT_ONCE):
            assert c is not None
            given = c.to(self._device)
            scores.append(model.scores(self.scaler_(raw.to(self._device)), given))
            labels.append(given[:, -model.nets.labels :])
        model.nets.cut.copy_(best_cut(torch.cat(scores), torch.cat(labels)))

    @torch.inference_mode()
    def decision_function(self, X: Any, *, condition: Any = None) -> np.ndarray:
        """The score of each label, (N, labels): above 0 it is given."""
        found = []
        for x, c in self._batches(X, condition):
            model = self.model_
            assert isinstance(model, LabelEmbedding)
            if model.nets is None:
                raise LatentryError("this C2AE was fitted without labels; fit it with fit(X, Y).")
            found.append((model.scores(x, c) - model.nets.cut).cpu())
        return torch.cat(found).numpy()

    def predict(self, X: Any, *, condition: Any = None) -> np.ndarray:
        """Which labels each row has, (N, labels) of 0 and 1."""
        return (self.decision_function(X, condition=condition) > 0).astype(np.int64)

    def predict_sets(self, X: Any, *, condition: Any = None) -> list[tuple[Any, ...]]:
        """The names of the labels of each row."""
        names = self.names_
        found = self.predict(X, condition=condition)
        return [tuple(names[i] for i in np.flatnonzero(row)) for row in found]

    def f1(self, X: Any, Y: Any, *, condition: Any = None) -> dict[str, float]:
        """The F1 score of `predict`: "micro" over all known labels, "macro" the mean of each's."""
        from sklearn.metrics import f1_score

        found = self.predict(X, condition=condition)
        assert self.labels_ is not None
        truth = self.labels_.pack(Y, len(found)).numpy()
        seen = ~np.isnan(truth)
        each = [
            f1_score(truth[s, i], found[s, i], zero_division=0.0)  # pyright: ignore[reportArgumentType]
            for i, s in enumerate(seen.T)
        ]
        return {
            "micro": float(f1_score(truth[seen], found[seen])),
            "macro": float(np.mean(each)),
        }
