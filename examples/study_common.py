"""What the parts of the study share: the data, the models, the judge, and how parts are kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from common import Example
from study_models import FULL, QUICK, Job, Runs, data_sets, jobs, seconds

from latentry import Dataset, Estimator
from latentry.core.samplers import Codes
from latentry.data.files import atomic
from latentry.evaluation.features import ClassifierFeatures
from latentry.sampling.mixtures import Mixture

SURE = 0.9
"""Probability from which on the judge is called sure of its answer."""

KEPT = ("figures", "tables", "pictures")


class Study(Example):
    """One run of the study on one data set: an example whose models and parts outlive the call."""

    def __init__(self, doc: str | None, argv: Sequence[str] | None = None) -> None:
        sets = {"choices": ("mnist", "fashion-mnist"), "default": "mnist", "help": "data set"}
        super().__init__("study", doc, argv, (("--data", sets),))
        self.data: str = self.arguments.data
        self.size = QUICK if self.quick else FULL
        if self.quick:
            self.train, self.test = self.digits()
        else:
            self.train, self.test = data_sets(self.data, self.arguments.data_dir)
        self.models: dict[str, Estimator] = {}

    @property
    def names(self) -> list[str]:
        """The names of the classes, as tables have them."""
        clothes = ("t-shirt", "trousers", "pullover", "dress", "coat")
        clothes += ("sandal", "shirt", "sneaker", "bag", "ankle boot")
        return [*clothes] if self.data == "fashion-mnist" and not self.quick else [*"0123456789"]

    @property
    def ends(self) -> tuple[int, int]:
        """The two classes between which is interpolated."""
        return (0, 9) if self.data == "fashion-mnist" else (2, 7)

    def rows_of(self, k: int, most: int) -> np.ndarray:
        """At most so many test images of a class."""
        return self.test.x[labels(self.test) == k][:most]

    def train_models(self) -> None:
        """Train what is not trained yet, and note settings and times."""
        for job in jobs(labels(self.train), self.size):
            self._train(job)
        for name, est in self.models.items():
            if " without " not in name or name.endswith(" without 9"):  # the ten are alike
                self.used(name, est)
        self.seconds["training all models"] = sum(map(seconds, self.models.values()))

    def _train(self, job: Job) -> None:
        print(f"{job.name} ...", end=" ", flush=True)
        est = Runs(self.out / "models").trained(job, self.train)
        print(f"{seconds(est):.0f} s", flush=True)
        self.models[job.name] = est

    @cached_property
    def judge(self) -> ClassifierFeatures:
        """A classifier of real images; its last hidden layer is the space of Fréchet distances."""
        return ClassifierFeatures(self.train.x, labels(self.train), seed=0)

    def sure(self, images: np.ndarray) -> float:
        """Share of images (N, H, W) of whose class the judge is sure."""
        return float((self.judge.predict_proba(images).max(1) >= SURE).mean())

    def part(self, name: str, measure: Callable[[Study], None]) -> None:
        """Measure one part, or take it from PARTS/NAME.json, where an earlier call left it."""
        path = self.out / "parts" / f"{name}.json"
        if path.exists():
            kept = json.loads(path.read_text("utf-8"))
        else:
            before = {key: len(getattr(self, key)) for key in KEPT}
            with self.timed(f"measuring {name}"):
                measure(self)
            kept = {key: getattr(self, key)[count:] for key, count in before.items()}
            for key, count in before.items():
                del getattr(self, key)[count:]
            kept["seconds"] = self.seconds[f"measuring {name}"]
            path.parent.mkdir(exist_ok=True)
            with atomic(path) as file:
                file.write(json.dumps(kept, indent=1, ensure_ascii=False).encode())
        self.seconds[f"measuring {name}"] = kept["seconds"]
        for key in KEPT:
            getattr(self, key).extend(kept[key])


def labels(data: Dataset) -> np.ndarray:
    """The labels of a data set that has some."""
    assert data.labels is not None
    return np.asarray(data.labels)


def grey(images: np.ndarray) -> np.ndarray:
    """8-bit images as numbers in [0, 1]."""
    return np.asarray(images, np.float32) / 255


def flat(images: np.ndarray) -> np.ndarray:
    """Images (N, H, W) of 8 bits as rows (N, H * W) in [0, 1]."""
    return grey(images).reshape(len(images), -1)


def eight_bit(values: np.ndarray) -> np.ndarray:
    """Numbers in [0, 1], or a little outside, as 8-bit grey levels."""
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


class PCA:
    """Principal components as an autoencoder: the same jobs, in closed form, of as many numbers."""

    def __init__(self, images: np.ndarray, latent: int) -> None:
        from sklearn import decomposition

        self.shape = images.shape[1:]
        self.fitted = decomposition.PCA(latent, random_state=0).fit(flat(images))

    def transform(self, images: np.ndarray) -> np.ndarray:
        """The components of each image, (N, latent)."""
        return self.fitted.transform(flat(images))

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Images of 8 bits from components."""
        return eight_bit(self.fitted.inverse_transform(codes)).reshape(len(codes), *self.shape)

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Images of 8 bits from their own components."""
        return self.decode(self.transform(images))


def mixture_draws(codes: np.ndarray, n: int) -> np.ndarray:
    """N draws from the Gaussian mixture that `AE.sample` would fit to codes (M, D)."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        mixture = Mixture(codes.shape[1])
        mixture.fit(Codes(torch.from_numpy(codes)), seed=0)
        return mixture.draw(n).numpy()


def gaussian_draws(codes: np.ndarray, n: int) -> np.ndarray:
    """N draws from the one Gaussian with the mean and the covariance of codes (M, D)."""
    rng = np.random.default_rng(0)
    cov = np.cov(codes.T.astype(np.float64))
    return rng.multivariate_normal(codes.mean(0), cov, n).astype(np.float32)


def prior_draws(n: int, latent: int) -> np.ndarray:
    """N draws from N(0, I)."""
    return np.random.default_rng(0).standard_normal((n, latent)).astype(np.float32)


def condition_of(est: Estimator, data: Dataset, rows: Any = slice(None)) -> np.ndarray | None:
    """The labels of the rows for a conditional model, None for the others."""
    return labels(data)[rows] if est.condition_ is not None else None
