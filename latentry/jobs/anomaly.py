"""Finding anomalies: a scikit-learn outlier detector over any model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.utils.validation import check_is_fitted

from ..building import seed
from ..data.datasets import Dataset
from ..errors import LatentryError, suggest
from ..estimator import Estimator, option
from ..inputs import read_rows, read_training
from .defaults import Detective, networks
from .keeping import Kept
from .scoring import OF_SPACE, Reference, check_score
from .thresholds import Scale, conformal_threshold, p_values

if TYPE_CHECKING:
    import pandas as pd

    from .pyod import PyODDetector

AUTO = {"reconstruction": 1.0, "row-neighbours": 2.0, "core-row-neighbours": 4.0}
"""The weights of scoring="auto".

Reconstruction and near neighbours find the most where the training rows are normal; neighbours
among the core of these rows find what lies together with others of its kind.
"""
THRESHOLDS = ("auto", "quantile", "conformal")
USUAL_SHARE = 0.1
"""The share of anomalies that a far neighbour allows for where contamination="auto"."""
REFERENCE_ROWS = 20_000


@dataclass(eq=False, repr=False)
class AnomalyDetector(Kept, OutlierMixin, BaseEstimator):
    """Tells strange rows from normal ones, by how a model of the training rows sees them.

    The training rows may be all normal, or hold a few anomalies. A score is larger for more normal
    rows, as in scikit-learn, and is a row's own: it does not depend on the rows it comes with.

    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> detector = AnomalyDetector(members=1, random_state=0).fit(X)
    >>> detector.predict([[0.0, 0.0, 0.0], [9.0, -9.0, 9.0]])
    array([ 1, -1])
    """

    model: Estimator | None = option(None, "any model of the zoo; None for networks that suit")
    contamination: float | str = option(
        0.1, "share of anomalies among the training rows, up to 0.5; auto where it is not known"
    )
    scoring: str = option(
        "auto",
        "auto (reconstruction and neighbours, standardised and averaged), reconstruction,"
        " reconstruction-probability, elbo, likelihood, kl, mahalanobis, neighbours, ...",
    )
    threshold: float | str = option(
        "auto",
        "quantile (the contamination of the training rows), conformal (the false alarms of held-out"
        " rows), a score, or auto: quantile where the contamination is known",
    )
    false_alarms: float = option(0.05, "share of normal rows that a conformal threshold may flag")
    members: int = option(4, "networks, of different seeds, whose scores are averaged")
    calibration: float = option(0.1, "share of the rows held out for p-values; 0 for none")
    neighbours: int = option(1, "near neighbours that count")
    random_state: Any = option(None, "seed; the same seed gives the same detector")

    # ------------------------------------------------------------------------------------- fitting

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn what is normal from the rows X (N, ...); y is not looked at.

        Raises LatentryError for options or rows that cannot work.
        """
        self.check()
        rows = self._read_training(X)
        self.seed_ = seed(self.random_state)
        learn, held = self._split(len(rows), self.seed_)
        taken = np.random.default_rng(self.seed_).permutation(learn)[:REFERENCE_ROWS]
        self._usual = _part(rows, np.sort(taken))
        self.weights_ = dict(AUTO) if self.scoring == "auto" else {self.scoring: 1.0}
        hows = tuple(self.weights_)
        self._refer(self._asked(self._train(_part(rows, learn), self.seed_), hows))
        self.scales_ = {how: [Scale.of(each) for each in self._each(self._usual, how)]
                        for how in hows}  # fmt: skip
        self.training_scores_ = self._scores(rows)
        self.calibration_scores_ = np.sort(self.training_scores_[held])
        self.offset_ = self._offset()
        return self

    def _train(self, rows: Dataset, first: int) -> list[Estimator]:
        if self.model is None:
            made: list[Estimator] = list(
                networks(len(rows), int(np.prod(rows.x.shape[1:])), self.members)
            )
        else:
            made = [cast(Estimator, clone(self.model)) for _ in range(self.members)]
        for i, est in enumerate(made):
            est.set_params(random_state=(first + i) % 2**31).fit(rows)
        return made

    def _refer(self, asked: Iterable[tuple[Estimator, tuple[str, ...]]]) -> None:
        """Hold rows against the usual ones, as each of the members sees them."""
        share = USUAL_SHARE if self.contamination == "auto" else float(self.contamination)
        self.references_ = [
            Reference(est, self._usual, hows, self.neighbours, share, self.seed_)
            for est, hows in asked
        ]

    def _asked(
        self, made: list[Estimator], hows: tuple[str, ...]
    ) -> Iterator[tuple[Estimator, tuple[str, ...]]]:
        """Each member with the scores that it is asked for.

        The distances between rows are the same for all of them.
        """
        for i, est in enumerate(made):
            yield est, tuple(h for h in hows if not i or OF_SPACE.get(h, ("",))[0] != "rows")

    def _split(self, n: int, first: int) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of the rows that are learned from, and of those held out, in rising order."""
        held = round(n * self.calibration)
        order = np.random.default_rng(first).permutation(n)
        return np.sort(order[held:]), np.sort(order[:held])

    def _offset(self) -> float:
        """The score below which a row is an anomaly."""
        if not isinstance(self.threshold, str):
            return float(self.threshold)
        how = self.threshold
        if how == "auto":
            how = "conformal" if self.contamination == "auto" else "quantile"
        if how == "quantile":
            return float(np.quantile(-self.training_scores_, float(self.contamination)))
        limit = conformal_threshold(self.calibration_scores_, self.false_alarms)
        if not np.isfinite(limit):
            needed = int(np.ceil(1 / self.false_alarms)) - 1
            raise LatentryError(
                f"false_alarms={self.false_alarms} takes at least {needed} held-out rows, and there"
                f" are {len(self.calibration_scores_)}; give more rows or a larger calibration=."
            )
        return -limit

    # ------------------------------------------------------------------------------------- scoring

    def score_samples(self, X: Any) -> np.ndarray:
        """How normal each row is, (N,): larger for more normal.

        With scoring="auto" a weighted mean of standardised scores, about 0 for usual rows. Any
        other score is the mean over the members, negated, in nats or the units of `Space`.
        """
        return -self._scores(self._read(X))

    def decision_function(self, X: Any) -> np.ndarray:
        """`score_samples` less the threshold, (N,): negative for anomalies."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """+1 for normal rows and -1 for anomalies, (N,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def p_values(self, X: Any) -> np.ndarray:
        """The conformal p-value of each row, (N,): how likely a normal row is at least as strange.

        It holds for any model, provided that the held-out rows are normal: to flag the rows whose
        p-value is at most a raises false alarms at a rate of at most a. Where some of them are
        anomalies, p-values err on the side of caution. See `latentry.jobs.thresholds.p_values`.
        """
        check_is_fitted(self)
        if not len(self.calibration_scores_):
            raise LatentryError(
                "p-values take held-out rows, and none were; fit with calibration=0.1 or so."
            )
        return p_values(self.calibration_scores_, -self.score_samples(X))

    def explain(self, X: Any, *, excess: bool = False) -> pd.DataFrame:
        """What each column contributes to the strangeness of each row, (N, columns), in nats.

        The contribution is -log p(x_d | z) at the row's code, averaged over the members: a row
        sums to its score where that is "reconstruction". With `excess`, what is above the mean
        of the reference rows, so that columns of different units can be compared.
        """
        import pandas as pd

        rows = self._read(X)
        values = self._contributions(rows)
        if excess:
            values = values - self._contributions(self._usual).mean(0)
        names = self.schema_.columns or [f"x{i}" for i in range(values.shape[1])]
        return pd.DataFrame(values, columns=list(names))

    def as_pyod(self) -> PyODDetector:
        """The detector with PyOD's conventions: 1 is an anomaly, larger is stranger."""
        from .pyod import PyODDetector

        return PyODDetector(self)

    # ------------------------------------------------------------------------------------ internal

    def _scores(self, rows: Dataset) -> np.ndarray:
        """How strange each row is, (N,)."""
        if self.scoring != "auto":
            return np.mean(self._each(rows, self.scoring), axis=0)
        total = np.zeros(len(rows))
        for how, weight in self.weights_.items():
            each = zip(self.scales_[how], self._each(rows, how), strict=True)
            total += weight * np.mean([scale(scores) for scale, scores in each], axis=0)
        return total / sum(self.weights_.values())

    def _each(self, rows: Dataset, how: str) -> list[np.ndarray]:
        """The score of each row, (N,), by each of the members that are asked for it."""
        return [each.scores(rows, how) for each in self.references_ if how in each.hows]

    def _contributions(self, rows: Dataset) -> np.ndarray:
        return np.mean([each.contributions(rows) for each in self.references_], axis=0)

    def _read_training(self, X: Any) -> Dataset:
        """The rows as an array, and what they are, in the way that the model reads them."""
        reader: Any = Detective() if self.model is None else clone(self.model)
        array, self.schema_ = read_training(reader, X)
        self.n_features_in_ = reader.n_features_in_
        if hasattr(reader, "feature_names_in_"):
            self.feature_names_in_ = reader.feature_names_in_
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self._dataset(array, getattr(X, "levels", None))

    def _read(self, X: Any) -> Dataset:
        """Rows like those of training."""
        check_is_fitted(self)
        return self._dataset(read_rows(cast(Any, self), X, reset=False)[0])

    def _dataset(self, array: np.ndarray, levels: int | None = None) -> Dataset:
        schema = self.schema_
        if self.model is None and array.dtype.kind in "iub":
            array = array.astype(np.float64)  # whole numbers are measured like any others
        known = schema if schema.kind == "table" else None
        return Dataset("rows", array, columns=schema.columns, levels=levels, schema=known)

    def _to_keep(self) -> dict[str, Any]:
        kept = super()._to_keep()
        kept["references_"] = [(each.est, each.hows) for each in self.references_]
        kept["scales_"] = {n: [astuple(each) for each in of] for n, of in self.scales_.items()}
        return kept | {"_usual": self._usual.x, "levels": self._usual.levels}

    def _come_back(self, kept: dict[str, Any]) -> None:
        usual, levels, members = (kept.pop(n) for n in ("_usual", "levels", "references_"))
        scales = {name: [Scale(*each) for each in of] for name, of in kept.pop("scales_").items()}
        super()._come_back(kept | {"scales_": scales})
        self._usual = self._dataset(usual, levels)
        self._refer(members)

    def check(self) -> None:
        """Raise LatentryError for options that make no sense."""
        if self.model is not None and not isinstance(self.model, Estimator):
            raise LatentryError(
                f"model={self.model!r} is no model; give one such as latentry.VAE(), or None."
            )
        check_score(self.scoring, ("auto",))
        if self.contamination != "auto":
            _share("contamination", self.contamination, 0.5, " (or 'auto')", whole=True)
        _share("false_alarms", self.false_alarms, 1.0)
        if self.calibration != 0:
            _share("calibration", self.calibration, 0.9, " (or 0)")
        for name in ("members", "neighbours"):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
                raise LatentryError(f"{name}={value!r}: it is a whole number of at least 1.")
        self._check_threshold()

    def _check_threshold(self) -> None:
        how = self.threshold
        if isinstance(how, Real) and not isinstance(how, bool) and np.isfinite(float(how)):
            return
        if how not in THRESHOLDS:
            raise LatentryError(
                f"threshold={how!r} is no threshold; give a score, or one of"
                f" {', '.join(THRESHOLDS)}." + suggest(str(how), THRESHOLDS)
            )
        if how == "quantile" and self.contamination == "auto":
            raise LatentryError(
                "threshold='quantile' needs a contamination, which is 'auto'; give a share such as"
                " 0.1, or threshold='conformal'."
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _part(rows: Dataset, which: np.ndarray) -> Dataset:
    """Some of the rows."""
    return replace(rows, x=rows.x[which])


def _share(name: str, value: Any, most: float, also: str = "", *, whole: bool = False) -> None:
    """Raise unless 0 < value < most (value <= most where `whole`)."""
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not (number and float(value) > 0 and (value <= most if whole else value < most)):
        raise LatentryError(f"{name}={value!r}: it is a share above 0, up to {most:g}{also}.")
