"""Tables with cells taken out, and what fills them beside latentry: for tables_imputation.py.

Cells go missing in three ways (Muzellec et al., 2020, arXiv 2002.03860, section 5): "mcar" at
random; "mar" by a logistic function of columns that are always seen, a third of all; "mnar" by one
of the cell's own value. The methods need scikit-learn only. Numbers are standardised for them by
the cells that are there; levels become columns of 0 and 1, of which the largest is read back, or
codes, of which a classifier predicts one where columns are filled in a chain: as columns of 0 and 1
they would explain each other there, and stay what they were at first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import norm, rankdata
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.linear_model import BayesianRidge
from sklearn.preprocessing import OneHotEncoder

MECHANISMS = ("mcar", "mar", "mnar")
PEERS = ("mean", "knn", "mice", "missforest")
SLOPE = 1.5
"""How much a standard deviation adds to the logit of a cell's being missing."""
TREES, ROUNDS = 30, 5
"""Trees of a forest, and how often missForest goes over the columns."""


def levels_of(table: pd.DataFrame) -> list[str]:
    """The columns of levels: all that are no numbers."""
    return [name for name in table if not pd.api.types.is_numeric_dtype(table[name])]


def gaps(table: pd.DataFrame, mechanism: str, share: float, seed: int) -> np.ndarray:
    """Which cells go missing, (N, D) bool: a `share` of each column's that can; MAR leaves a third.

    A value's size is its normal score among its column's; a level's is drawn for each of them.
    """
    rng = np.random.default_rng([seed, MECHANISMS.index(mechanism), round(100 * share)])
    if mechanism == "mcar":
        return rng.random(table.shape) < share
    sizes = np.column_stack([_sizes(table[name], rng) for name in table])
    gone = np.zeros(table.shape, dtype=bool)
    can = np.arange(table.shape[1])
    if mechanism == "mar":
        seen = rng.choice(can, max(1, len(can) // 3), replace=False)
        can = np.setdiff1d(can, seen)
    for j in can:
        cause = sizes[:, j]
        if mechanism == "mar":
            mixed = sizes[:, seen] @ rng.normal(size=len(seen))
            cause = (mixed - mixed.mean()) / mixed.std()
        shift = brentq(lambda b, c=cause: expit(SLOPE * c + b).mean() - share, -50, 50)
        gone[:, j] = rng.random(len(table)) < expit(SLOPE * cause + shift)
    return gone


def _sizes(column: pd.Series, rng: np.random.Generator) -> np.ndarray:
    """Scores of mean 0 and variance 1."""
    values = column.to_numpy()
    if not pd.api.types.is_numeric_dtype(column):
        names, values = np.unique(values.astype(str), return_inverse=True)
        values = rng.normal(size=len(names))[values]
    scores = norm.ppf((rankdata(values) - 0.5) / len(values))
    return (scores - scores.mean()) / max(scores.std(), 1e-9)


# ----------------------------------------------------------------------------------------- methods


class Coding:
    """Tables with gaps as numbers (N, E) with NaN, and back."""

    def __init__(self, holey: pd.DataFrame, one_hot: bool) -> None:
        self.like, self.one_hot = holey, one_hot
        self.levels = {n: sorted(holey[n].dropna().unique()) for n in levels_of(holey)}
        numbers = holey.drop(columns=list(self.levels)).astype(float)
        self.middle, self.scale = numbers.mean(), numbers.std(ddof=0).replace(0.0, 1.0)

    def encode(self) -> np.ndarray:
        parts = []
        for name, column in self.like.items():
            if name not in self.levels:
                scaled = (column.astype(float) - self.middle[name]) / self.scale[name]
                parts.append(scaled.to_numpy()[:, None])
                continue
            codes = pd.Categorical(column, self.levels[name]).codes.astype(float)
            known = np.eye(len(self.levels[name]))[codes.astype(int)] if self.one_hot else codes
            parts.append(np.where(codes[:, None] < 0, np.nan, known.reshape(len(codes), -1)))
        return np.concatenate(parts, 1)

    def decode(self, rows: np.ndarray) -> pd.DataFrame:
        made, at = {}, 0
        for name in self.like:
            if name not in self.levels:
                made[name] = rows[:, at] * self.scale[name] + self.middle[name]
                at += 1
                continue
            known = np.array(self.levels[name], dtype=object)
            width = len(known) if self.one_hot else 1
            part = rows[:, at : at + width]
            codes = part.argmax(1) if self.one_hot else np.rint(part[:, 0]).astype(int)
            made[name] = known[codes.clip(0, len(known) - 1)]
            at += width
        return pd.DataFrame(made)


class Chained(RegressorMixin, BaseEstimator):
    """One method for levels, whose codes are whole numbers, and one for all other numbers.

    dummies : whether codes are columns of 0 and 1 where they are what is looked at
    """

    def __init__(self, numbers: Any, levels: Any, dummies: bool = False) -> None:
        self.numbers, self.levels, self.dummies = numbers, levels, dummies

    def fit(self, X: np.ndarray, y: np.ndarray) -> Chained:
        codes = (np.rint(X) == X).all(0) & self.dummies
        self.seen_ = ColumnTransformer(
            [("levels", OneHotEncoder(handle_unknown="ignore", sparse_output=False), codes)],
            remainder="passthrough",
        )
        kind = self.levels if (y == np.rint(y)).all() else self.numbers
        self.fitted_ = clone(kind).fit(self.seen_.fit_transform(X), y)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.fitted_.predict(self.seen_.transform(X))


def fill(method: str, holey: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The table as a peer fills it.

    mean: means and the most frequent levels; knn: the five nearest rows, levels as columns of 0
    and 1; mice: chained Bayesian ridge regressions, for levels linear discriminants; missforest:
    chained forests of extra trees, for levels of classifiers, whose splits look at a square root of
    the columns as missForest's do (Stekhoven & Buehlmann, 2012).
    """
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer, KNNImputer

    coding = Coding(holey, one_hot=method in ("mean", "knn"))
    rows = coding.encode()
    if method == "mean":
        # The largest of the levels' shares is the most frequent one's.
        return coding.decode(np.where(np.isnan(rows), np.nanmean(rows, 0), rows))
    if method == "knn":
        return coding.decode(np.asarray(KNNImputer().fit_transform(rows)))
    given: dict[str, Any] = {"random_state": seed}
    if method == "missforest":
        trees = {"n_estimators": TREES, "max_features": "sqrt", "random_state": seed}
        forests = ExtraTreesRegressor(**trees), ExtraTreesClassifier(**trees)
        given |= {"estimator": Chained(*forests), "max_iter": ROUNDS}
    elif coding.levels:
        linear = Chained(BayesianRidge(), LinearDiscriminantAnalysis(), dummies=True)
        given |= {"estimator": linear}
    if coding.levels:  # codes stay whole numbers from the start
        given |= {"initial_strategy": "most_frequent"}
    return coding.decode(np.asarray(IterativeImputer(**given).fit_transform(rows)))
