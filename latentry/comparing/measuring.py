"""Every figure of one fitted model on the rows that no model learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import LatentryError
from ..estimator import Estimator
from ..evaluation import detection, latents, measures, paths, robustness, samples
from ..evaluation.features import ClassifierFeatures, Features, choose
from ..evaluation.points import data_points
from .compression import compression
from .jobs import figures_of
from .parts import Part

ROWS = 2000
"""Rows to measure on, at most."""
TRAIN_ROWS = 5000
"""Training rows that probes learn from and that samples are held against, at most."""
PROBES = (100, None)
"""Labels that a linear probe sees; None for all."""
PAIRS = 50
"""Pairs of rows between which paths are measured."""
NOISE = 0.25
"""Noise that a denoising model is asked to take away, as a share of the range or the spread."""
DRAWS = 100
"""Importance samples for each row."""


@dataclass(frozen=True)
class Yardstick:
    """What all models of a comparison are held against: the same for each of them.

    train, test : rows that models learned from, and rows that they did not, at most so many
    features : the space that samples are judged in; None where no job asks for it
    """

    jobs: tuple[str, ...]
    train: Part
    test: Part
    features: Features | None

    @classmethod
    def of(cls, jobs: tuple[str, ...], train: Part, test: Part, rows: int = ROWS) -> Yardstick:
        """The yardstick for some jobs, from all rows of either part."""
        some = train.spread(TRAIN_ROWS)
        features = None
        if {"generate", "generate-conditional"} & set(jobs):
            labels = some.labels if some.classes else None
            x = (
                some.data.x
                if some.data.schema is None
                else data_points(some.data.schema, some.data.x)
            )
            features = choose(x, labels)
        return cls(jobs, some, test.spread(rows), features)

    def measure(self, est: Estimator, seed: int) -> tuple[dict[str, float | None], list[str]]:
        """Every figure of the jobs by name, None for what does not exist, and notes.

        The detection of anomalies is not among them: it takes a model of its own.
        """
        found = _Found()
        found.put(est.evaluate(self.test.data, draws=DRAWS, condition=_given(est, self.test)))
        for job, take in _TAKE.items():
            if job in self.jobs:
                found.attempt(take, self, est, seed)
        figures = {name: found.figures.get(name) for name in figures_of(self.jobs)}
        return figures, found.notes


class _Found:
    """Figures as they come, and why some did not."""

    def __init__(self) -> None:
        self.figures: dict[str, float | None] = {}
        self.notes: list[str] = []

    def put(self, figures: dict[str, Any]) -> None:
        for name, value in figures.items():
            if isinstance(value, int | float | np.number) and np.isfinite(value):
                self.figures[name] = float(value)

    def attempt(self, take: Any, yardstick: Yardstick, est: Estimator, seed: int) -> None:
        """Figures that a model or the data may not allow; the refusal is a note then."""
        try:
            self.put(take(yardstick, est, seed))
        except LatentryError as error:
            if str(error) not in self.notes:
                self.notes.append(str(error))


def anomalies(est: Estimator, test: Part, unseen: Any) -> dict[str, float | None]:
    """How well a model that never saw the class `unseen` tells its rows from the others.

    Gives "auroc_HOW" for each score, and "auroc": by the model's own loss, which is the negative
    ELBO, or the distortion for a model without a bound. The score is chosen before looking.
    """
    assert test.labels is not None
    found = detection.detection(est, test.data.x, test.labels == unseen)
    own = "reconstruction+kl" if est.model_.has_bound else "reconstruction"
    named = {f"auroc_{how}": value for how, value in found.items()}
    return {"auroc": found[own], **named}


def _reconstruct(y: Yardstick, est: Estimator, seed: int) -> dict[str, Any]:
    c = _given(est, y.test)
    found = measures.measure(est, y.test.data, condition=c, groups=("reconstruction",), seed=seed)
    keep = ("psnr", "ssim") if est.schema_.kind == "image" else ()
    # evaluate has the squared error for vectors too, where a ratio to a peak would mean little.
    return {name: found["figures"][name] for name in keep}


def _compress(y: Yardstick, est: Estimator, seed: int) -> dict[str, Any]:
    return compression(est, y.train, y.test)


def _denoise(y: Yardstick, est: Estimator, seed: int) -> dict[str, Any]:
    c = _given(est, y.test)
    found = robustness.denoising(est, y.test.data.x, levels=(NOISE,), condition=c, seed=seed)
    return {f"{name}_{NOISE:g}": by_level[NOISE] for name, by_level in found.items()}


def _features(y: Yardstick, est: Estimator, seed: int) -> dict[str, Any]:
    if not y.test.classes:
        return {}
    codes = [est.transform(part.data, condition=_given(est, part)) for part in (y.train, y.test)]
    learned, judged = (np.asarray(part.labels) for part in (y.train, y.test))
    given = (codes[0], learned, codes[1], judged)
    probe = latents.linear_probe(*given, sizes=PROBES)
    votes = latents.knn_accuracy(*given, sizes=(None,))
    return {
        **{f"probe_{size or 'all'}": accuracy for size, accuracy in probe.items()},
        **{f"knn_{size or 'all'}": accuracy for size, accuracy in votes.items()},
    }


def _samples(y: Yardstick, est: Estimator, seed: int) -> dict[str, Any]:
    found = measures.measure(
        est,
        y.test.data,
        condition=_given(est, y.test),
        groups=("samples",),
        features=y.features,
        seed=seed,
    )
    return {name: value for name, value in found["figures"].items() if name != "agreement"}


def _agreement(y: Yardstick, est: Estimator, seed: int) -> dict[str, Any]:
    asked = _given(est, y.test)
    if asked is None or asked.ndim != 1 or not isinstance(y.features, ClassifierFeatures):
        return {}
    made = data_points(est.schema_, est.sample(len(asked), condition=asked, seed=seed))
    return {"agreement": samples.agreement(y.features, made, asked)}


def _interpolate(y: Yardstick, est: Estimator, seed: int) -> dict[str, Any]:
    if est.condition_ is not None:  # the ends of a path differ in their condition
        return {}
    labels = y.test.labels if y.test.classes else None
    return paths.paths(est, y.test.data.x, labels, pairs=PAIRS, kinds=("straight",), seed=seed)


def _fill(y: Yardstick, est: Estimator, seed: int) -> dict[str, Any]:
    c = _given(est, y.test)
    found = robustness.filling(est, y.test.data.x, condition=c, seed=seed)
    return {f"filling_{name}": value for name, value in found.items()}


_TAKE = {
    "reconstruct": _reconstruct,
    "compress": _compress,
    "denoise": _denoise,
    "features": _features,
    "generate": _samples,
    "generate-conditional": _agreement,
    "interpolate": _interpolate,
    "fill": _fill,
}


def _given(est: Estimator, part: Part) -> np.ndarray | None:
    """The condition of the rows, for a model that takes one."""
    return None if est.condition_ is None else part.condition
