"""Whether a code keeps the factors that made the data apart, where those are known.

Codes Z are (N, D); factors F are (N, K), one class for each row and factor, as whole numbers whose
order is that of the factor's values. Factors with more than 64 values are put into ten bins with
equally many rows, and factors with one value only are left out. All scores lie from 0 to 1.

No score proves that a code is disentangled: Locatello et al., 2019 (arXiv 1811.12359) show how far
they disagree with each other, and that chance decides much of each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import LatentryError

Represent = Callable[[int, int, int, np.random.Generator], np.ndarray]
"""represent(factor, groups, rows, rng) -> codes (groups, rows, D), where the rows of a group share
one value of the factor and are random otherwise."""

BINS = 20
"""Bins of equal width into which a dimension of the code is cut for its mutual information."""
MOST_VALUES = 64
QUANTILES = 10
GROUP = 64
"""Rows, or pairs of rows, behind one decision of the BetaVAE and FactorVAE scores."""
DEAD = 0.01
"""A dimension is dead when its variance is below this share of the largest one."""


def disentanglement(Z: Any, F: Any, seed: int = 0) -> dict[str, float]:
    """Every score of codes Z (N, D) for factors F (N, K).

    Keys: mig, dci_disentanglement, dci_completeness, dci_informativeness, sap, beta_vae,
    factor_vae. Raises LatentryError for fewer than 20 rows and where no factor varies.
    """
    codes, factors = _checked(Z, F)
    represent, count = by_rows(codes, factors), factors.shape[1]
    return {
        "mig": mig(codes, factors),
        **{f"dci_{name}": value for name, value in dci(codes, factors, seed).items()},
        "sap": sap(codes, factors, seed),
        "beta_vae": beta_vae_score(represent, count, seed=seed),
        "factor_vae": factor_vae_score(represent, count, seed=seed),
    }


def _checked(Z: Any, F: Any) -> tuple[np.ndarray, np.ndarray]:
    codes, table = np.asarray(Z, dtype=np.float64), np.asarray(F)
    if codes.ndim != 2 or table.ndim != 2 or len(codes) != len(table):
        raise LatentryError(
            f"The codes have the shape {codes.shape} and the factors {table.shape}; give (N, D)"
            f" and (N, K) with the same rows."
        )
    if len(codes) < 20:
        raise LatentryError(f"{len(codes)} rows are too few for factor scores; give at least 20.")
    columns = [_classes(column) for column in table.T]
    varying = [column for column in columns if column.max() > 0]
    if not varying:
        raise LatentryError("No factor takes more than one value; give factors that vary.")
    return codes, np.stack(varying, axis=1)


def _classes(column: np.ndarray) -> np.ndarray:
    """A factor's values as classes 0, 1, ..., in their order."""
    values, classes = np.unique(column, return_inverse=True)
    if len(values) <= MOST_VALUES:
        return classes
    edges = np.quantile(classes, np.arange(1, QUANTILES) / QUANTILES)
    return np.unique(np.searchsorted(edges, classes, side="right"), return_inverse=True)[1]


# ---------------------------------------------------------------------------- scores from one table


def mig(Z: Any, F: Any) -> float:
    """Mutual information gap (Chen et al., 2018, arXiv 1802.04942).

    For each factor: the mutual information with the dimension that tells most about it, less that
    of the second one, as a share of the factor's entropy; the mean over factors. Dimensions are cut
    into 20 bins of equal width. With few rows all informations come out too high, yet their gap
    hardly changes.
    """
    from sklearn.metrics import mutual_info_score

    codes, factors = _checked(Z, F)
    cut = np.stack([_binned(dimension) for dimension in codes.T], axis=1)
    gaps = []
    for factor in factors.T:
        known = [*sorted((mutual_info_score(factor, d) for d in cut.T), reverse=True), 0.0]
        share = np.bincount(factor) / len(factor)
        entropy = -np.sum(share[share > 0] * np.log(share[share > 0]))
        gaps.append((known[0] - known[1]) / entropy)
    return float(np.mean(gaps))


def _binned(dimension: np.ndarray) -> np.ndarray:
    edges = np.linspace(dimension.min(), dimension.max(), BINS + 1)
    return np.searchsorted(edges[1:-1], dimension, side="right")


def dci(Z: Any, F: Any, seed: int = 0) -> dict[str, float]:
    """Disentanglement, completeness and informativeness (Eastwood & Williams, 2018).

    https://openreview.net/forum?id=By-7dz-AZ. A random forest predicts each factor from the code on
    seven tenths of the rows. Its importances (D, K) say which dimension matters for which factor.
    "disentanglement": 1 less the normalised entropy of a dimension's importances over the factors,
    weighted by how much the dimension matters. "completeness": the same for a factor's importances
    over the dimensions. "informativeness": the accuracy on the other rows, mean over factors (the
    authors give an error; chance is the share of the commonest value).
    """
    from sklearn.ensemble import RandomForestClassifier

    codes, factors = _checked(Z, F)
    learn, test = _halves(len(codes), 0.7, seed)
    importances, accuracies = [], []
    for factor in factors.T:
        # Every split sees every dimension: forests that hide some hand importance to the useless.
        every: Any = None
        forest = RandomForestClassifier(20, max_features=every, max_depth=12, random_state=seed)
        forest.fit(codes[learn], factor[learn])
        importances.append(forest.feature_importances_)
        accuracies.append(np.mean(forest.predict(codes[test]) == factor[test]))
    by_dimension = np.stack(importances, axis=1)
    weight = by_dimension.sum(1) / max(by_dimension.sum(), 1e-12)
    return {
        "disentanglement": float(np.sum(weight * _concentration(by_dimension))),
        "completeness": float(np.mean(_concentration(by_dimension.T))),
        "informativeness": float(np.mean(accuracies)),
    }


def _concentration(rows: np.ndarray) -> np.ndarray:
    """1 less the entropy of each row, as a share of the largest it could have; 1 for one column."""
    if rows.shape[1] == 1:
        return np.ones(len(rows))
    share = rows / np.maximum(rows.sum(1, keepdims=True), 1e-12)
    entropy = -np.sum(share * np.log(np.maximum(share, 1e-300)), axis=1)
    return 1 - entropy / np.log(rows.shape[1])


def _halves(n: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(seed).permutation(n)
    return order[: round(share * n)], order[round(share * n) :]


def sap(Z: Any, F: Any, seed: int = 0) -> float:
    """Separated attribute predictability (Kumar et al., 2018, arXiv 1711.00848).

    For each factor: the balanced accuracy with which the best single dimension predicts it, less
    that of the second best; the mean over factors. A dimension predicts by thresholds, as many as
    tell the factor's values apart, set on half of the rows and judged on the others; a dead
    dimension predicts nothing. A useless dimension still has the accuracy of chance, so that a
    perfect code scores 1 less the mean of 1 / (values of a factor).
    """
    codes, factors = _checked(Z, F)
    learn, test = _halves(len(codes), 0.5, seed)
    alive = np.flatnonzero(_alive(codes.var(0)))
    gaps = []
    for factor in factors.T:
        found = [_by_thresholds(codes[:, d], factor, learn, test) for d in alive]
        first, second = sorted([*found, *[0.0] * max(0, 2 - len(found))], reverse=True)[:2]
        chance = 1 / len(np.unique(factor))
        gaps.append(first - max(second, chance))
    return float(np.mean(np.maximum(gaps, 0)))


def _by_thresholds(
    dimension: np.ndarray, factor: np.ndarray, learn: np.ndarray, test: np.ndarray
) -> float:
    """Balanced accuracy of thresholds on one dimension."""
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(
        max_leaf_nodes=int(factor.max()) + 1, class_weight="balanced", random_state=0
    )
    guess = tree.fit(dimension[learn, None], factor[learn]).predict(dimension[test, None])
    right, every = (
        np.bincount(factor[test], weights, minlength=factor.max() + 1)
        for weights in (guess == factor[test], None)
    )
    return float(np.mean(right[every > 0] / every[every > 0]))


def _alive(variance: np.ndarray) -> np.ndarray:
    return (variance > DEAD * variance.max()) & (variance > 0)


# ------------------------------------------------------------- scores from rows that share a factor


def by_rows(Z: Any, F: Any) -> Represent:
    """Groups of codes that share a factor's value, drawn with replacement from a table of rows.

    Where the factors of the table depend on each other (anything but a full grid), rows that share
    one factor also have more of the others in common than the scores assume.
    """
    codes, factors = _checked(Z, F)
    orders = np.argsort(factors, axis=0, kind="stable")

    def represent(factor: int, groups: int, rows: int, rng: np.random.Generator) -> np.ndarray:
        column = factors[:, factor]
        counts = np.bincount(column)
        starts = np.cumsum(counts) - counts
        value = rng.choice(np.flatnonzero(counts >= min(2, counts.max())), groups)[:, None]
        within = (rng.random((groups, rows)) * counts[value]).astype(int)
        return codes[orders[starts[value] + within, factor]]

    return represent


def beta_vae_score(
    represent: Represent, factors: int, *, decisions: int = 1500, seed: int = 0
) -> float:
    """How often a linear classifier names the factor that pairs of rows share.

    Higgins et al., 2017, https://openreview.net/forum?id=Sy2fzU9gl. It sees the mean of |z - z'|
    over 64 pairs, learns from two thirds of `decisions` such means, and is judged on the others.
    Chance is 1 / factors.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(seed)
    each = max(6, decisions // factors)
    means = []
    for factor in range(factors):
        pairs = represent(factor, each * GROUP, 2, rng)
        means.append(np.abs(pairs[:, 0] - pairs[:, 1]).reshape(each, GROUP, -1).mean(1))
    x, y = np.concatenate(means), np.repeat(np.arange(factors), each)
    if factors == 1:
        return 1.0
    learn, test = _halves(len(x), 2 / 3, seed)
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    return float(classifier.fit(x[learn], y[learn]).score(x[test], y[test]))


def factor_vae_score(
    represent: Represent, factors: int, *, decisions: int = 1200, seed: int = 0
) -> float:
    """How often the dimension that varies least names the factor that rows share.

    Kim & Mnih, 2018, arXiv 1802.05983. Dimensions are scaled to variance 1, and dead ones have no
    vote. Of 64 rows that share a factor the dimension of least variance casts one vote; each
    dimension then stands for the factor it voted for most among two thirds of `decisions` votes,
    and is judged on the others. Chance is 1 / factors.
    """
    rng = np.random.default_rng(seed)
    each = max(6, decisions // factors)
    every = np.concatenate([represent(k, 1000, 1, rng)[:, 0] for k in range(factors)])
    spread = every.var(0)
    alive = _alive(spread)
    votes = []
    for factor in range(factors):
        within = represent(factor, each, GROUP, rng).var(1) / np.where(alive, spread, 1)
        votes.append(np.where(alive, within, np.inf).argmin(1))
    x, y = np.concatenate(votes), np.repeat(np.arange(factors), each)
    learn, test = _halves(len(x), 2 / 3, seed)
    table = np.zeros((len(spread), factors))
    np.add.at(table, (x[learn], y[learn]), 1)
    return float(np.mean(table.argmax(1)[x[test]] == y[test]))
