"""Feature spaces in which samples are held against data.

Distances between sets of samples mean nothing without the space they were taken in, so a space
has a name that goes with every figure, and a note of what the figure may be held against.
"""

from __future__ import annotations

import abc
import hashlib
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..data.conditions import Condition
from ..errors import LatentryError

ROWS = 20_000
"""At most so many rows, spread evenly, are used to learn a feature space."""

HIDDEN = (128, 64)
"""Hidden layers of the classifier; the last one gives its features."""

STEPS, BATCH = 2000, 128
"""Steps of the classifier's training and rows in each; it stops earlier when nothing changes."""

OWN = (
    "Distances in this space compare models that were measured with these very features on the"
    " same rows; they cannot be held against published FIDs, which are taken in Inception's space."
)


class Features(abc.ABC):
    """A map from samples (N, *shape) to the points (N, F) whose distances are measured.

    name : the space, in a few words, for every figure that is taken in it
    note : what such a figure can and cannot be compared with
    """

    name: str
    note: str = OWN

    @abc.abstractmethod
    def __call__(self, X: Any) -> np.ndarray:
        """The features of each sample, (N, F), float64."""


class Pixels(Features):
    """The values themselves, in the data's units: (N, *shape) -> (N, product of the shape).

    Cheap and free of choices, but far from what an eye compares: a shift by one pixel is a large
    distance. Raises `LatentryError` where an entry is missing.
    """

    name = "pixels"

    def __call__(self, X: Any) -> np.ndarray:
        """The flattened samples, (N, F), float64."""
        flat = _flat(X)
        if np.isnan(flat).any():
            raise LatentryError(
                "The data have missing entries, which have no place in the feature space"
                " 'pixels'; fill them, or use PCAFeatures."
            )
        return flat


class PCAFeatures(Features):
    """The leading principal components of X (N, *shape): (M, *shape) -> (M, F), F <= n.

    Columns of vectors are standardised first, images divided by one number for all pixels.
    Missing entries stand at the mean of their column in X. The components keep their proportions,
    and all are divided by one number so that their variance over X is 1 on average: distances do
    not change with the unit of the data.
    """

    def __init__(self, X: Any, n: int = 50, *, seed: int = 0) -> None:
        from sklearn.decomposition import PCA

        if n < 1:
            raise LatentryError(f"n={n} components were asked for; ask for at least 1.")
        rows = _spread(np.asarray(X))
        self._scale = _Scale(rows)
        flat = self._scale(rows)
        n = min(n, flat.shape[1], len(flat) - 1)
        with np.errstate(invalid="ignore"):  # constant data have no variance to share out
            self._pca = PCA(n, random_state=seed).fit(flat)
        self._unit = _Unit(self._pca.transform(flat))
        share = float(self._pca.explained_variance_.sum() / max(flat.var(0, ddof=1).sum(), 1e-300))
        self.name = f"PCA ({n} components, {share:.0%} of the variance)"

    def __call__(self, X: Any) -> np.ndarray:
        """The components of each sample, (N, F), float64."""
        return self._unit(self._pca.transform(self._scale(X)))


class ClassifierFeatures(Features):
    """The last hidden layer of a small network that was trained to tell the labels apart.

    (N, *shape) -> (N, 64). What the network learned to ignore does not count as a difference. Four
    fifths of the rows train it; `accuracy` is its share of right answers on the last fifth, drawn
    from every class with at least five rows. Rows without a label are left out. As in
    `PCAFeatures`, the features have mean 0 and an average variance of 1 over the rows it learned
    from.

    Raises `LatentryError` where the labels are not classes of the rows.
    """

    accuracy: float
    """Share of right answers on the rows held out."""
    classes: tuple[Any, ...]
    """The labels that it tells apart, in sorted order."""

    def __init__(self, X: Any, labels: Any, seed: int = 0) -> None:
        X = np.asarray(X)
        self._labels = Condition.infer(labels, kind="classes")
        self.classes = self._labels.classes
        one_hot = self._labels.pack(labels).numpy()
        if len(one_hot) != len(X):
            raise LatentryError(
                f"There are {len(one_hot)} labels for {len(X)} rows; give one for each row."
            )
        known = np.flatnonzero(one_hot.any(1))
        known = _spread(np.random.default_rng(seed).permutation(known))
        self._fit(X[known], one_hot[known].argmax(1), seed)
        self.name = (
            f"classifier ({len(self.classes)} classes, {self.accuracy:.1%} right on held-out rows)"
        )

    def _fit(self, X: np.ndarray, y: np.ndarray, seed: int) -> None:
        held = _rank_in_class(y) % 5 == 4
        if not held.any():
            raise LatentryError(
                f"The largest class has {np.bincount(y).max()} rows; a classifier needs at least 5"
                " in one of them. Give more rows, or use PCAFeatures."
            )
        self._scale = _Scale(X[~held])
        flat = self._scale(X)
        epochs = math.ceil(STEPS * min(BATCH, (~held).sum()) / (~held).sum())
        self._net = network(flat[~held], y[~held], HIDDEN, epochs=epochs, batch=BATCH, seed=seed)
        right = self._net.predict(flat[held].astype(np.float32)) == y[held]
        self.accuracy = float(right.mean())
        self._unit = _Unit(self._activations(flat[~held]))

    def _activations(self, flat: np.ndarray) -> np.ndarray:
        hidden = flat.astype(np.float32)
        for weight, bias in zip(self._net.coefs_[:-1], self._net.intercepts_[:-1], strict=True):
            hidden = np.maximum(hidden @ weight + bias, 0)
        return hidden.astype(np.float64)

    def __call__(self, X: Any) -> np.ndarray:
        """The activations of the last hidden layer for each sample, (N, 64), float64."""
        return self._unit(self._activations(self._scale(X)))

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, in the order of `classes`: (N, number of classes)."""
        # Every class has a row that was trained on, and so a column.
        return self._net.predict_proba(self._scale(X).astype(np.float32)).astype(np.float64)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of each sample, (N,)."""
        return np.array(self.classes)[self.predict_proba(X).argmax(1)]

    def is_class(self, X: Any, asked: Any) -> np.ndarray:
        """Whether each sample (N, *shape) is taken for the class asked for, (N,) bool.

        asked: N labels, or one for all. Raises `LatentryError` for a label without a class.
        """
        wanted = self._labels.pack(asked, len(np.asarray(X))).numpy()
        if not wanted.any(1).all():
            raise LatentryError("Some labels asked for are missing; give a class for every sample.")
        return self.predict_proba(X).argmax(1) == wanted.argmax(1)


class InceptionFeatures(Features):
    """Activations of an Inception network (or another one for images) from a file of yours.

    path : a TorchScript file. It is called with uint8 images (N, 3, H, W) from 0 to 255, must
        resize and normalise them itself, and returns (N, F); where it has an option
        `return_features`, that is switched on. A TorchScript file is a program: give only one
        that you trust.
    highest : the value of white in the data, which becomes 255

    The features are left as the network gives them, as published distances take them so.
    Raises `LatentryError` where the file is missing or no TorchScript, and for data that are no
    images.
    """

    note = (
        "Distances in this space can be held against published FIDs only if the file is the"
        " Inception network of 2015-12-05 that the FID of Heusel et al. (2017, arXiv 1706.08500)"
        " was taken with, the images are resized in the same way (Parmar et al., 2022, arXiv"
        " 2104.11222), and both sides have as many samples as the published figure, mostly"
        " 50,000: fewer make the distance larger (Chong & Forsyth, 2020, arXiv 1911.07023)."
    )

    def __init__(self, path: str | Path, *, highest: float = 255.0) -> None:
        file = Path(path)
        if not file.is_file():
            raise LatentryError(
                f"There is no file {file}; give a TorchScript file with the Inception network,"
                " which this package does not contain."
            )
        if not highest > 0:
            raise LatentryError(f"highest={highest} cannot be white; give a number above 0.")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                self._net = torch.jit.load(str(file), map_location="cpu").eval()
        except RuntimeError as error:
            raise LatentryError(
                f"{file} is no TorchScript file; give one written by torch.jit.save (weights"
                " alone, without the network, are not enough)."
            ) from error
        wanted = [argument.name for argument in self._net.forward.schema.arguments]
        self._options = {"return_features": True} if "return_features" in wanted else {}
        self._highest = highest
        # Two files of the same name may hold different weights; the checksum tells them apart.
        digest = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
        self.name = f"network {file.name} (sha256 {digest}...)"

    @torch.inference_mode()
    def __call__(self, X: Any) -> np.ndarray:
        """The network's features of each image, (N, F), float64."""
        images = np.asarray(X)
        images = images[..., None] if images.ndim == 3 else images
        if images.ndim != 4 or images.shape[-1] not in (1, 3):
            raise LatentryError(
                f"Inception features need images (N, H, W) or (N, H, W, 1 or 3), got the shape"
                f" {np.shape(X)}; use PCAFeatures for other data."
            )
        return np.concatenate([self._block(images[i : i + 64]) for i in range(0, len(images), 64)])

    def _block(self, images: np.ndarray) -> np.ndarray:
        if not np.isfinite(images).all():
            raise LatentryError(
                "The images have missing or infinite entries, which Inception cannot take; fill"
                " them, or use PCAFeatures."
            )
        levels = np.clip(np.rint(images * (255.0 / self._highest)), 0, 255).astype(np.uint8)
        x = torch.from_numpy(levels).movedim(-1, 1).expand(-1, 3, -1, -1).contiguous()
        try:
            found = self._net(x, **self._options)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise LatentryError(
                f"The network refused images of the shape {tuple(x.shape)} ({reason}); give one"
                " that takes uint8 images and resizes them itself."
            ) from error
        if not isinstance(found, torch.Tensor) or found.shape[:1] != x.shape[:1]:
            raise LatentryError(
                "The network does not return one row of features for each image; give one that"
                " returns a tensor (N, F)."
            )
        return found.flatten(1).double().numpy()


def choose(X: Any, labels: Any = None, *, seed: int = 0) -> Features:
    """The feature space for data X (N, *shape) when none was asked for.

    A classifier's where the labels are at least 2 classes with 10 rows each on average, principal
    components otherwise.
    """
    if labels is not None:
        try:
            found = Condition.infer(labels)
        except LatentryError:
            found = None  # one class only, or nothing known
        if found and found.kind == "classes" and len(np.asarray(X)) >= 10 * len(found.classes):
            return ClassifierFeatures(X, labels, seed)
    return PCAFeatures(X, seed=seed)


def network(
    X: np.ndarray, y: np.ndarray, hidden: tuple[int, ...], *, epochs: int, batch: int, seed: int
) -> Any:
    """A scikit-learn network, trained in float32 to tell the classes y (N,) of X (N, F) apart.

    `epochs` is a budget: training ends earlier when its loss stands still.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    options: dict[str, Any] = {"batch_size": min(batch, len(X)), "max_iter": epochs}
    net = MLPClassifier(hidden, random_state=seed, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return net.fit(X.astype(np.float32), y)


class _Scale:
    """Samples as rows of numbers that do not depend on the data's unit, missing ones filled."""

    def __init__(self, X: np.ndarray) -> None:
        flat = _flat(X)
        if len(flat) < 2:
            raise LatentryError(
                f"A feature space is learned from rows; got {len(flat)}, give more."
            )
        seen = ~np.isnan(flat)
        count = seen.sum(0)
        self.mean = np.where(seen, flat, 0).sum(0) / np.maximum(count, 1)
        square = np.where(seen, flat - self.mean, 0) ** 2
        vectors = X.ndim == 2  # columns have units of their own, pixels share one
        variance = square.sum(0) / np.maximum(count, 1) if vectors else square.sum() / count.sum()
        self.std = np.where(variance > 0, np.sqrt(variance), 1.0)

    def __call__(self, X: Any) -> np.ndarray:
        flat = _flat(X)
        if flat.shape[1] != len(self.mean):
            raise LatentryError(
                f"The samples have {flat.shape[1]} values each, but the feature space was learned"
                f" from samples with {len(self.mean)}; give samples of the same shape."
            )
        return np.nan_to_num((flat - self.mean) / self.std, nan=0.0)


class _Unit:
    """Features moved to mean 0 and divided by one number, so that their mean variance is 1."""

    def __init__(self, features: np.ndarray) -> None:
        self.mean = features.mean(0)
        self.scale = float(np.sqrt(features.var(0).mean())) or 1.0

    def __call__(self, features: np.ndarray) -> np.ndarray:
        return (features - self.mean) / self.scale


def _flat(X: Any) -> np.ndarray:
    """(N, *shape) as (N, F) float64; NaN is allowed, infinity is not."""
    array = np.asarray(X)
    if array.ndim < 2:
        raise LatentryError(
            f"Samples must have the shape (N, ...), got {array.shape}; put a lone one in a list."
        )
    flat = array.reshape(len(array), -1).astype(np.float64)
    if np.isinf(flat).any():
        raise LatentryError("The samples hold infinite values; mend or remove those rows.")
    return flat


def _spread(rows: np.ndarray) -> np.ndarray:
    """At most `ROWS` of them, evenly spaced."""
    if len(rows) <= ROWS:
        return rows
    return rows[np.linspace(0, len(rows) - 1, ROWS).astype(int)]


def _rank_in_class(y: np.ndarray) -> np.ndarray:
    """How many rows of the same class stand before each row, (N,)."""
    order = np.argsort(y, kind="stable")
    counts = np.bincount(y)
    starts = np.cumsum(counts) - counts
    rank = np.empty(len(y), dtype=int)
    rank[order] = np.arange(len(y)) - starts[y[order]]
    return rank
