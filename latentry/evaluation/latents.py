"""What the codes are worth: which are used, how they fill the prior, what can be read from them.

Shapes: X rows in any layout, codes Z (N, D), labels (N,).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from .likelihood import ACTIVE
from .points import model_rows, nearest, points
from .subject import Subject

Sizes: TypeAlias = Sequence[int | None]

SIZES: Sizes = (100, 1000, None)
"""Numbers of labelled rows from which labels are learned; None stands for all."""
NEIGHBOURS = 5
"""Neighbours that vote on a label, or that should stay neighbours."""
PAIRWISE_ROWS = 2000
"""Rows at most where each is held against each."""
MOST_ROWS = 5000
"""Rows at most where each is held against the rows of a data set."""


def active_units(Z: np.ndarray) -> int:
    """How many dimensions of the codes Z (N, D), posterior means, vary by more than 0.01.

    Burda et al., 2016, arXiv 1509.00519: a dimension that the model does not use has the same
    posterior, the prior, for every row, and its mean does not move.
    """
    return int((np.asarray(Z, np.float64).var(0) > ACTIVE).sum())


def aggregate_gap(codes: np.ndarray, draws: np.ndarray, how: str = "mmd") -> float:
    """How far codes drawn from q(z | x) over the data, (N, D), lie from draws of the prior, (M, D).

    "mmd" : the squared maximum mean discrepancy, without bias (Gretton et al., 2012), so that it is
        about 0, and may be below, where both have one law; at most 2. The kernel is the mean of
        inverse multiquadratics at seven scales from 0.1 to 10 times that of the draws, which for
        N(0, I) is the choice of Tolstikhin et al., 2018, arXiv 1711.01558.
    "frechet" : the squared 2-Wasserstein distance between the two Gaussians that have the means and
        the covariances of both (Dowson & Landau, 1982), which sees nothing beyond those moments.
    """
    a, b = np.asarray(codes, np.float64), np.asarray(draws, np.float64)
    if how == "frechet":
        return _frechet(a, b)
    if how != "mmd":
        raise ValueError(f"no gap {how!r}: mmd or frechet")
    scale = 2 * b.var(0).sum()
    own = [_off_diagonal_mean(_kernel(x, x, scale)) for x in (a, b)]
    return own[0] + own[1] - 2 * float(_kernel(a, b, scale).mean())


def _kernel(a: np.ndarray, b: np.ndarray, scale: float) -> np.ndarray:
    from scipy.spatial.distance import cdist

    square = cdist(a, b, "sqeuclidean")
    sizes = [s * scale for s in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)]
    return np.mean([size / (size + square) for size in sizes], axis=0)


def _off_diagonal_mean(k: np.ndarray) -> float:
    return float((k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)))


def _frechet(a: np.ndarray, b: np.ndarray) -> float:
    shift = ((a.mean(0) - b.mean(0)) ** 2).sum()
    one, two = np.atleast_2d(np.cov(a.T)), np.atleast_2d(np.cov(b.T))
    # The trace of (C1 C2)^(1/2) is the sum of the roots of the eigenvalues of C1 C2.
    roots = np.sqrt(np.clip(np.linalg.eigvals(one @ two).real, 0, None)).sum()
    return float(shift + np.trace(one) + np.trace(two) - 2 * roots)


def holes(
    est: Subject, X: Any, *, condition: Any = None, n: int = 1000, seed: int = 0
) -> float | None:
    """The share of `n` draws of codes that decode to something far from all data.

    The rows are split at random into two halves. "Far" is a distance to the nearest row of the
    first half that only 1 in 100 reconstructions of rows of the second half exceed, each from one
    draw of q(z | x). A model whose codes fill its prior therefore has 0.01, however well it
    reconstructs. Distances are those of `points`, what is decoded is the mean of p(x | z), and
    codes come from where `sample` takes them: the prior, or the density fitted to an autoencoder's
    codes. With a condition, draws are made given those of the rows. None below 8 rows.
    """
    x, c = model_rows(est, X, condition)
    order = np.random.default_rng(seed).permutation(len(x))[: 2 * MOST_ROWS]
    if len(order) < 8:
        return None
    first, second = np.array_split(order, 2)
    asked = np.random.default_rng(seed).choice(order, n)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        again, made = (
            torch.cat([_decoded(est, part.to(x.device), x, c, of) for part in _parts(rows)])
            for rows, of in ((second, "rows"), (asked, "prior"))
        )
    reference = points(est.schema_, x)[first]
    limit = np.quantile(nearest(points(est.schema_, again), reference), 0.99)
    return float((nearest(points(est.schema_, made), reference) > limit).mean())


def _parts(rows: np.ndarray) -> Sequence[Tensor]:
    return torch.from_numpy(rows).split(1024)


@torch.inference_mode()
def _decoded(est: Subject, rows: Tensor, x: Tensor, c: Tensor | None, of: str) -> Tensor:
    """What one code for each row decodes to, drawn from its posterior or the prior."""
    model = est.model_
    given = None if c is None else c[rows]
    if of == "rows":
        z = model.encode(x[rows], given).rsample()
    elif est.sampler_ is not None:
        z = model.embed(est.sampler_.draw(len(rows), given))
    else:
        z = model.draw(len(rows), given)
    return model.decode(z, given).mean


def linear_probe(
    Z_train: np.ndarray,
    y_train: np.ndarray,
    Z_test: np.ndarray,
    y_test: np.ndarray,
    sizes: Sizes = SIZES,
    seed: int = 0,
) -> dict[int | None, float | None]:
    """The accuracy on the test codes of a logistic regression that saw so many labelled codes.

    Codes are standardised first. Where there are fewer rows than a size asks for, or only one
    class among them, the accuracy is None. After Alain & Bengio, 2017, arXiv 1610.01644.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def model(_: int) -> Any:
        return make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))

    with warnings.catch_warnings():
        # Classes that a line separates have no best weights; the accuracy settles all the same.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return _accuracies(model, Z_train, y_train, Z_test, y_test, sizes, seed)


def knn_accuracy(
    Z_train: np.ndarray,
    y_train: np.ndarray,
    Z_test: np.ndarray,
    y_test: np.ndarray,
    sizes: Sizes = SIZES,
    seed: int = 0,
) -> dict[int | None, float | None]:
    """The accuracy on the test codes of a vote of the five nearest of so many labelled codes.

    None as for `linear_probe`. Distances are those of the latent space as it is.
    """
    from sklearn.neighbors import KNeighborsClassifier

    def model(rows: int) -> Any:
        return KNeighborsClassifier(n_neighbors=min(NEIGHBOURS, rows))

    return _accuracies(model, Z_train, y_train, Z_test, y_test, sizes, seed)


def _accuracies(
    model: Any,
    Z_train: np.ndarray,
    y_train: np.ndarray,
    Z_test: np.ndarray,
    y_test: np.ndarray,
    sizes: Sizes,
    seed: int,
) -> dict[int | None, float | None]:
    found: dict[int | None, float | None] = {}
    order = _in_shares(y_train, seed)
    for size in sizes:
        rows = order[:size]
        found[size] = None
        if len(rows) >= (size or 2) and len(np.unique(y_train[rows])) > 1:
            fitted = model(len(rows)).fit(Z_train[rows], y_train[rows])
            found[size] = float(fitted.score(Z_test, y_test))
    return found


def _in_shares(y: np.ndarray, seed: int) -> np.ndarray:
    """A random order of the rows of which any first part has the classes in about their shares.

    One row of each class comes first, so that no class is missing.
    """
    order = np.random.default_rng(seed).permutation(len(y))
    _, index, counts = np.unique(y[order], return_inverse=True, return_counts=True)
    place = np.empty(len(y))
    for k, count in enumerate(counts):
        place[index == k] = np.arange(count) / count
    return order[np.argsort(place, kind="stable")]


def trustworthiness(X: np.ndarray, Z: np.ndarray, k: int = NEIGHBOURS) -> float | None:
    """Whether the k nearest codes of a row are neighbours among the data too: 1 if all are.

    An intruder counts by how far down the list of neighbours in the data (N, E) it stands (Venna &
    Kaski, 2001); random codes give about 0.5. None where k is not below half the rows.
    """
    from sklearn.manifold import trustworthiness as measure

    X, Z = (np.asarray(a, np.float64).reshape(len(a), -1) for a in (X, Z))
    return float(measure(X, Z, n_neighbors=k)) if 2 * k < len(X) else None


def continuity(X: np.ndarray, Z: np.ndarray, k: int = NEIGHBOURS) -> float | None:
    """Whether the k nearest rows of the data (N, E) have codes nearby: 1 if all have.

    Trustworthiness with the two spaces in each other's place (Venna & Kaski, 2001).
    """
    return trustworthiness(Z, X, k)


def cluster_agreement(Z: np.ndarray, labels: np.ndarray, seed: int = 0) -> dict[str, float]:
    """Whether k-means on the codes, with as many clusters as classes, finds the classes.

    nmi : mutual information of clusters and classes over the mean of their entropies, 0 to 1
        (Strehl & Ghosh, 2002)
    ari : share of pairs that both put together or apart, corrected for chance (Hubert & Arabie,
        1985): 0 for chance, 1 for the same groups
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    groups = min(len(np.unique(labels)), len(np.unique(Z, axis=0)))
    found = KMeans(groups, init="k-means++", n_init="auto", random_state=seed).fit_predict(
        np.asarray(Z, np.float64)
    )
    return {
        "nmi": float(normalized_mutual_info_score(labels, found)),
        "ari": float(adjusted_rand_score(labels, found)),
    }


def class_index(labels: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """For labels that name classes, the numbers of the rows that have one and their classes.

    None without labels, for one class only, and for real numbers or names that hardly repeat.
    """
    if labels is None:
        return None
    values = np.asarray(labels)
    known = np.array([v is not None and v == v for v in values.tolist()], dtype=bool)
    rows = np.flatnonzero(known)
    if values.dtype.kind == "f" and not (values[rows] == np.rint(values[rows])).all():
        return None
    names = values[rows] if values.dtype.kind != "O" else values[rows].astype(str)
    distinct, index = np.unique(names, return_inverse=True)
    return (rows, index) if 1 < len(distinct) <= max(2, len(rows) // 2) else None


def latents(
    est: Subject, X: Any, labels: Any = None, *, condition: Any = None, seed: int = 0
) -> dict[str, float | None]:
    """All of these figures, as a flat dict; None for what the model or the data does not have.

    active_units, trustworthiness, continuity, and what is learned from labels are of the posterior
    means, aggregate_gap (the squared MMD) of one draw from the posterior for each row. Probes learn
    from seven tenths of the rows and are judged on the others, so probe_all and knn_all saw seven
    tenths of what was given. Where rows are held against each other, at most 2,000 are drawn.
    """
    x, c = model_rows(est, X, condition)
    Z = est.transform(X, condition=condition).astype(np.float64)
    some = np.random.default_rng(seed).permutation(len(Z))[:PAIRWISE_ROWS]
    few = torch.from_numpy(some).to(x.device)
    data = points(est.schema_, x)[some]
    found: dict[str, float | None] = {
        "active_units": float(active_units(Z)) if len(Z) > 1 else None,
        "aggregate_gap": _gap(est, x[few], None if c is None else c[few], seed),
        "holes": holes(est, X, condition=condition, seed=seed),
    }
    found |= _by_labels(Z, class_index(labels), seed)
    found["trustworthiness"] = trustworthiness(data, Z[some])
    found["continuity"] = continuity(data, Z[some])
    return found


@torch.inference_mode()
def _gap(est: Subject, x: Tensor, c: Tensor | None, seed: int) -> float | None:
    """`aggregate_gap` of one draw of the posterior for each row of x (N, *shape)."""
    model = est.model_
    if not model.has_prior or len(x) < 2:
        return None
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        codes, draws = model.encode(x, c).rsample(), model.draw(len(x), c)
    return aggregate_gap(codes.double().cpu().numpy(), draws.double().cpu().numpy())


def _by_labels(
    Z: np.ndarray, classes: tuple[np.ndarray, np.ndarray] | None, seed: int
) -> dict[str, float | None]:
    names = {size: "all" if size is None else str(size) for size in SIZES}
    keys = [f"{kind}_{name}" for kind in ("probe", "knn") for name in names.values()]
    found: dict[str, float | None] = dict.fromkeys([*keys, "nmi", "ari"])
    if classes is None:
        return found
    rows, y = classes
    codes = Z[rows]
    order = _in_shares(y, seed)
    test = np.zeros(len(y), dtype=bool)
    test[order[math.ceil(0.7 * len(y)) :]] = True
    both = codes[~test], y[~test], codes[test], y[test]
    if test.any():
        for kind, measure in (("probe", linear_probe), ("knn", knn_accuracy)):
            for size, value in measure(*both, seed=seed).items():
                found[f"{kind}_{names[size]}"] = value
    some = order[:MOST_ROWS]
    return found | cluster_agreement(codes[some], y[some], seed)
