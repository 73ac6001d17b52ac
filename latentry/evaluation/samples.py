"""Samples held against data: how far apart they are, what is missing, what is copied.

All functions take two sets of points, (N, F) and (M, F), in a feature space (see `features`);
samples of any other shape are flattened. The figures belong to that space: name it beside them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..errors import LatentryError
from .features import ClassifierFeatures, Features, network

ROWS = 5000
"""Figures that depend on the number of points take at most so many from each side."""

FEWEST = 10
"""Fewer samples than these on either side say nothing about a distribution."""


def samples(
    real: Any, fake: Any, *, features: Features, train: Any = None, seed: int = 0
) -> dict[str, Any]:
    """Every figure of samples `fake` (M, *shape) against rows `real` (N, *shape) in `features`.

    real: rows that neither the model nor the features learned from. train: the rows that the model
    learned from, for `copying`, which is None without them.
    Fréchet and kernel distance take all rows. The other figures move with the number of points, so
    they take equally many from each side, at most 5,000, drawn by `seed`.

    Gives frechet, kernel, precision, recall, density, coverage, two_sample_accuracy, copying (see
    the functions of these names) and feature_space, the name of the space.
    """
    a, b = _pair(features(real), features(fake))
    n = min(len(a), len(b), ROWS)
    if n < FEWEST:
        raise LatentryError(
            f"{len(a)} rows and {len(b)} samples are too few to compare; give at least {FEWEST}."
        )
    rng = np.random.default_rng(seed)
    some_a, some_b = rng.permutation(a)[:n], rng.permutation(b)[:n]
    return {
        "frechet": frechet_distance(a, b),
        "kernel": kernel_distance(a, b, seed=seed),
        **precision_recall(some_a, some_b),
        **density_coverage(some_a, some_b),
        "two_sample_accuracy": classifier_two_sample(some_a, some_b, seed=seed),
        "copying": None if train is None else copying(some_b, features(train), some_a),
        "feature_space": features.name,
    }


def frechet_distance(a: Any, b: Any) -> float:
    """The squared Fréchet distance between Gaussians with the means and covariances of a and b.

    |m_a - m_b|^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)), in squared units of the features; 0 is best.
    Heusel et al., 2017, arXiv 1706.08500; in Inception's features it is the FID. It is larger for
    fewer rows (Chong & Forsyth, 2020, arXiv 1911.07023): compare equal numbers only.

    tr (S_a S_b)^(1/2) is the sum of the singular values of R_a R_b^T, where R^T R = S: no matrix
    square root is taken, so singular covariances do no harm.
    """
    a, b = _pair(a, b)
    mean_a, mean_b = a.mean(0), b.mean(0)
    root_a, root_b = _root(a - mean_a), _root(b - mean_b)
    cross = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    spread = (root_a**2).sum() + (root_b**2).sum() - 2 * cross
    # Rounding can leave a difference of equal numbers just below zero.
    return float(((mean_a - mean_b) ** 2).sum() + max(spread, 0.0))


def kernel_distance(a: Any, b: Any, *, subsets: int = 20, size: int = 1000, seed: int = 0) -> float:
    """The unbiased squared maximum mean discrepancy under the kernel (x.y / F + 1)^3.

    Its expectation is 0 for equal distributions, so it can be negative; unlike the Fréchet
    distance it is not shifted by the number of rows. Means over `subsets` draws of `size` rows from
    each side; where both sides are smaller, over all rows at once.
    Binkowski et al., 2018, arXiv 1801.01401; in Inception's features it is the KID.
    """
    a, b = _pair(a, b)
    if len(a) <= size and len(b) <= size:
        return _mmd2(a, b)
    rng = np.random.default_rng(seed)
    return float(np.mean([_mmd2(_draw(a, size, rng), _draw(b, size, rng)) for _ in range(subsets)]))


def precision_recall(real: Any, fake: Any, k: int = 3) -> dict[str, float]:
    """How much of the samples lies in the data's manifold, and how much of that they reach.

    A manifold is the union of balls around its points, each reaching to its k-th neighbour.
    precision: share of samples in the manifold of the data; recall: share of the data in the
    manifold of the samples. Both move with the number of points.
    Kynkäänniemi et al., 2019, arXiv 1904.06991.
    """
    real, fake = _pair(real, fake, k)
    return {
        "precision": float(np.mean(_counts(fake, real, k) > 0)),
        "recall": float(np.mean(_counts(real, fake, k) > 0)),
    }


def density_coverage(real: Any, fake: Any, k: int = 5) -> dict[str, float]:
    """Precision and recall that one stray point does not spoil, from balls around the data only.

    density: how many of the data's balls a sample lies in, divided by k: 1 in expectation for equal
    distributions, and not bounded by it. coverage: share of the data's balls with a sample in them;
    for equal distributions and many samples 1 - 2^-k (for k = 5, 0.97).
    Naeem et al., 2020, arXiv 2002.09797.
    """
    real, fake = _pair(real, fake, k)
    inside, covered = 0, np.zeros(len(real), dtype=bool)
    for block in _inside(fake, real, k):
        inside += int(block.sum())
        covered |= block.any(0)
    return {"density": inside / (k * len(fake)), "coverage": float(covered.mean())}


def classifier_two_sample(real: Any, fake: Any, seed: int = 0) -> float:
    """The accuracy on held-out points of a network that learned to tell data from samples.

    0.5: it cannot tell them apart, 1: it always can. Equally many points from each side, half of
    them for learning; one hidden layer of 20 units, 100 epochs. With n points held out, chance
    alone moves it by about 0.5 / sqrt(n). Lopez-Paz & Oquab, 2017, arXiv 1610.06545.
    """
    real, fake = _pair(real, fake, 3)
    rng = np.random.default_rng(seed)
    half = min(len(real), len(fake), ROWS) // 2
    real, fake = rng.permutation(real), rng.permutation(fake)
    learn = np.concatenate([real[:half], fake[:half]])
    judge = np.concatenate([real[half : 2 * half], fake[half : 2 * half]])
    answer = np.repeat([0, 1], half)
    mean, std = learn.mean(0), learn.std(0)
    std[std == 0] = 1.0
    net = network((learn - mean) / std, answer, (20,), epochs=100, batch=200, seed=seed)
    right = net.predict(((judge - mean) / std).astype(np.float32)) == answer
    return float(right.mean())


def nearest(fake: Any, train: Any) -> tuple[np.ndarray, np.ndarray]:
    """For each sample the Euclidean distance to the nearest training row, (M,), and its index."""
    from sklearn.neighbors import NearestNeighbors

    fake, train = _pair(fake, train, 0)
    search = NearestNeighbors(n_neighbors=1).fit(train)
    index = search.kneighbors(fake, return_distance=False)[:, 0]
    # The search rounds: taken anew, the distance of a copy is 0 to the last digit.
    return np.linalg.norm(fake - train[index], axis=1), index


def copying(fake: Any, train: Any, test: Any) -> float:
    """How often a sample lies nearer to the training rows than an unseen row does, 0 to 1.

    The share of all pairs of a sample and a test row in which the sample's distance to its nearest
    training row is the smaller one; ties count half. 0.5: samples lie as near as unseen data do.
    Towards 1: they copy training rows, or are smoother than data are (a mean of many rows is near
    to each of them). Towards 0: they are far from the data.
    It is the statistic of Meehan et al., 2020, arXiv 2004.05675, over the whole space at once
    rather than cell by cell.
    """
    from scipy.stats import rankdata

    ours, unseen = nearest(fake, train)[0], nearest(test, train)[0]
    ranks = rankdata(np.concatenate([ours, unseen]))[len(ours) :]
    above = ranks.sum() - len(unseen) * (len(unseen) + 1) / 2
    return float(above / (len(ours) * len(unseen)))


def agreement(classifier: ClassifierFeatures, X: Any, asked: Any) -> float:
    """Share of the conditional samples X (N, *shape) that the classifier takes for what was asked.

    asked: the class of each sample, (N,), or one for all. The judge errs too: its own accuracy on
    data, `classifier.accuracy`, belongs beside the figure.
    """
    return float(classifier.is_class(X, asked).mean())


def _pair(a: Any, b: Any, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Two sets of points (N, F), float64, with more than k points each and equal F."""
    a, b = (np.asarray(x, dtype=np.float64) for x in (a, b))
    a, b = (x.reshape(len(x), -1) for x in (a, b))
    if a.shape[1] != b.shape[1]:
        raise LatentryError(
            f"The two sets have {a.shape[1]} and {b.shape[1]} features; take both in one space."
        )
    if min(len(a), len(b)) <= k:
        raise LatentryError(
            f"The two sets have {len(a)} and {len(b)} points; give at least {k + 1} of each."
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise LatentryError(
            "The points contain NaN or infinity; fill missing entries, or use PCAFeatures."
        )
    return a, b


def _root(centred: np.ndarray) -> np.ndarray:
    """R with R^T R the covariance of points with mean 0, at most (F, F)."""
    return np.linalg.qr(centred, mode="r") / np.sqrt(len(centred) - 1)


def _draw(points: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    return points[rng.choice(len(points), min(n, len(points)), replace=False)]


def _mmd2(a: np.ndarray, b: np.ndarray) -> float:
    """The mean kernel within a, plus within b, minus twice between; no point meets itself."""

    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        k = x @ y.T / x.shape[1] + 1
        return k * k * k  # many times faster than a power

    def within(x: np.ndarray) -> float:
        k = kernel(x, x)
        return float((k.sum() - np.trace(k)) / (len(x) * (len(x) - 1)))

    return within(a) + within(b) - 2 * float(kernel(a, b).mean())


def _counts(points: np.ndarray, centres: np.ndarray, k: int) -> np.ndarray:
    """In how many of the balls around the centres each point lies, (N,)."""
    return np.concatenate([block.sum(1) for block in _inside(points, centres, k)])


def _inside(points: np.ndarray, centres: np.ndarray, k: int) -> Iterator[np.ndarray]:
    """Whether a point lies in the ball of a centre, in blocks of points: (block, centres) bool.

    A ball reaches to the k-th nearest of the other centres and contains its surface.
    """
    from sklearn.metrics.pairwise import euclidean_distances
    from sklearn.neighbors import NearestNeighbors

    radius = NearestNeighbors(n_neighbors=k).fit(centres).kneighbors()[0][:, -1]
    # Distances come from products of points about their mean: allow for what those round away.
    middle = centres.mean(0)
    centred = centres - middle
    reach = radius**2 * (1 + 1e-9) + 1e-12 * (centred**2).sum(1).mean()
    for start in range(0, len(points), 250):
        block = points[start : start + 250] - middle
        yield euclidean_distances(block, centred, squared=True) <= reach
