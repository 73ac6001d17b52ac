"""Parts of the study about what the models make: samples, paths, classes on demand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from study_common import (
    PCA,
    SURE,
    Study,
    gaussian_draws,
    grey,
    labels,
    mixture_draws,
    prior_draws,
)
from study_models import CONDITIONAL, NARROW

from latentry import Estimator
from latentry.core import geometry
from latentry.evaluation.latents import knn_accuracy, linear_probe
from latentry.evaluation.paths import middle_distance, smoothness
from latentry.evaluation.samples import frechet_distance, precision_recall
from latentry.report.figures import image_grid

STEPS = 11
MIDDLE = slice(4, 7)
"""The steps of a path that count as its middle: 0.4, 0.5 and 0.6 of the way."""

SHARED_PRIOR = ("VAE", "SigmaVAE", "BetaVAE", "IWAE")


# ----------------------------------------------------------------------------------- from the prior


def draws(study: Study, n: int) -> Iterator[tuple[str, np.ndarray]]:
    """N samples of each model from each density of codes that is tried, by their names."""
    rows = np.random.default_rng(1).permutation(len(study.train))[: study.pick(20_000, 500)]
    some = study.train.x[np.sort(rows)]
    yield "training images", study.train.x[np.sort(rows[:n])]
    pca = PCA(some, NARROW)
    yield "PCA, Gaussian of its codes", pca.decode(gaussian_draws(pca.transform(some), n))
    normal = prior_draws(n, NARROW)
    for name in ("AE", "DenoisingAE"):
        est = study.models[name]
        codes = est.transform(some)
        if name == "AE":
            yield "AE, N(0, I)", est.inverse_transform(normal)
            gaussian = gaussian_draws(codes, n)
            yield "AE, Gaussian of its codes", est.inverse_transform(gaussian)
        yield f"{name}, mixture of its codes", est.inverse_transform(mixture_draws(codes, n))
    for name in SHARED_PRIOR:
        est = study.models[name]
        yield f"{name}, N(0, I)", est.inverse_transform(normal)
        if name in ("VAE", "SigmaVAE"):
            codes = mixture_draws(est.encode(some, how="sample"), n)
            yield f"{name}, mixture of its codes", est.inverse_transform(codes)
    asked = labels(study.train)[np.sort(rows[:n])]
    est = study.models[CONDITIONAL]
    yield "ConditionalVAE, N(0, I)", est.inverse_transform(normal, condition=asked)


SHOWN = {
    "VAE, N(0, I)": "VAE, prior",
    "VAE, mixture of its codes": "VAE, mixture",
    "SigmaVAE, N(0, I)": "SigmaVAE, prior",
    "AE, N(0, I)": "AE, N(0, I)",
    "AE, Gaussian of its codes": "AE, Gaussian",
    "AE, mixture of its codes": "AE, mixture",
}


def sampling(study: Study) -> None:
    """Samples against test images, in the judge's features and by the judge's certainty."""
    n = study.pick(10_000, 300)
    pairs = study.pick(5000, 200)
    real = study.judge(study.test.x)
    rows: list[tuple[Any, ...]] = [("test images", 0.0, None, None, study.sure(study.test.x))]
    shown = {}
    for name, images in draws(study, n):
        made = study.judge(images)
        reached = precision_recall(real[:pairs], made[:pairs])
        rows.append((name, frechet_distance(real, made), *reached.values(), study.sure(images)))
        if name in SHOWN:
            shown[SHOWN[name]] = images[:10]
    columns = ("codes", "Fréchet distance", "precision", "recall", "share the judge is sure of")
    study.table("sampling", columns, rows)
    study.measured("accuracy of the judge on test images", accuracy(study), "share")
    grid = np.stack([shown[name] for name in SHOWN.values()])
    picture = image_grid(grid, [*SHOWN.values()], name="samples", group=3)
    picture.caption = "Ten random draws of each, not picked."
    study.show(picture)


def accuracy(study: Study) -> float:
    """How often the judge is right on test images."""
    return float((study.judge.predict(study.test.x) == labels(study.test)).mean())


# --------------------------------------------------------------------------------- from a to b


def decoded(est: Estimator, kind: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The decoded paths between the codes of pairs of images, (pairs, STEPS, H, W)."""
    one, two = (torch.from_numpy(est.transform(x)) for x in (a, b))

    def mean(z: torch.Tensor) -> torch.Tensor:
        return est.model_.decode(z, None).mean

    pairs = zip(one, two, strict=True)
    if kind == "geodesic":
        z = torch.stack([geometry.path(kind, p, q, STEPS, mean) for p, q in pairs], 1)
    else:
        z = geometry.path(kind, one, two, STEPS, mean)
    images = est.inverse_transform(z.transpose(0, 1).reshape(-1, est.latent).numpy())
    return images.reshape(len(a), STEPS, *a.shape[1:])


def crossfade(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Blends of pairs of images, (pairs, STEPS, H, W)."""
    t = np.linspace(0, 1, STEPS)[None, :, None, None]
    blend = (1 - t) * a[:, None].astype(float) + t * b[:, None].astype(float)
    return np.rint(blend).astype(np.uint8)


def ways(study: Study) -> Iterator[tuple[str, np.ndarray]]:
    """The paths of each model and each kind, by their names."""
    most, few = study.pick(300, 12), study.pick(40, 2)
    a, b = (study.rows_of(k, most) for k in study.ends)
    most = min(len(a), len(b))
    a, b = a[:most], b[:most]
    yield "pixels, blended", crossfade(a, b)
    for name in ("AE", "VAE"):
        for kind in ("straight", "spherical"):
            yield f"{name}, {kind}", decoded(study.models[name], kind, a, b)
        yield f"{name}, geodesic", decoded(study.models[name], "geodesic", a[:few], b[:few])
    for name in ("DenoisingAE", "SigmaVAE", "BetaVAE", "IWAE"):
        yield f"{name}, straight", decoded(study.models[name], "straight", a, b)


def interpolation(study: Study) -> None:
    """Paths from one class to another: what stands in their middle."""
    data = grey(study.test.x[: study.pick(5000, 300)])
    rows, shown = [], {}
    for name, path in ways(study):
        middle = path[:, MIDDLE].reshape(-1, *path.shape[2:])
        ends = path[:, [0, -1]].reshape(-1, *path.shape[2:])
        sure = study.judge.predict_proba(middle).max(1) >= SURE
        third = ~np.isin(study.judge.predict(middle), study.ends)
        even = [s for s in (smoothness(grey(p)) for p in path) if s is not None]
        apart = middle_distance(grey(path[:, STEPS // 2]), data)
        figures = (study.sure(ends), sure.mean(), third.mean(), apart, np.mean(even))
        rows.append((name, *(None if f is None else float(f) for f in figures), len(path)))
        shown[name] = path[:2]
    columns = (
        "path", "sure at the ends", "sure in the middle", "a third class in the middle",
        "distance of the middle", "largest step over mean step", "pairs",
    )  # fmt: skip
    study.table("interpolation", columns, rows)
    chosen = ("pixels, blended", "AE, straight", "VAE, straight", "VAE, geodesic")
    grid = np.concatenate([np.stack([shown[name][i] for name in chosen]) for i in range(2)])
    names = ["pixels", "AE", "VAE", "VAE, geodesic"]
    picture = image_grid(grid, names * 2, name="interpolation", group=len(chosen))
    picture.caption = "The first two pairs of test images, ten even steps from one to the other."
    study.show(picture)


# --------------------------------------------------------------------------------- on demand


def conditional(study: Study) -> None:
    """Whether the class that is asked for comes out, and what the code knows of the class."""
    est, each = study.models[CONDITIONAL], study.pick(1000, 20)
    y = labels(study.test)
    rows, grid, agreed = [], [], []
    for k, name in enumerate(study.names):
        made = est.inverse_transform(prior_draws(each, NARROW), condition=np.full(each, k))
        agreed.append(float(study.judge.is_class(made, np.full(each, k)).mean()))
        real = float(study.judge.is_class(study.test.x[y == k], k).mean())
        rows.append((name, agreed[-1], real))
        grid.append(made[:10])
    rows.append(("mean", float(np.mean(agreed)), float(np.mean([row[2] for row in rows]))))
    study.table("conditional", ("class asked for", "samples", "test images"), rows)
    study.table("style", ("code", "kNN", "linear probe"), [*what_codes_tell(study)])
    picture = image_grid(np.stack(grid), study.names, name="classes")
    picture.caption = "One row for each class that was asked for; a column shares one code."
    study.show(picture)


def what_codes_tell(study: Study) -> Iterator[tuple[str, float | None, float | None]]:
    """How well the class is read from the codes of a plain and of a conditional model."""
    known, asked = study.pick(10_000, 500), study.pick(5000, 200)
    y = labels(study.train)[:known], labels(study.test)[:asked]
    for name in ("VAE", CONDITIONAL):
        est = study.models[name]
        given = y if est.condition_ is not None else (None, None)
        codes = [
            est.transform(x, condition=c)
            for x, c in zip((study.train.x[:known], study.test.x[:asked]), given, strict=True)
        ]
        both = codes[0], y[0], codes[1], y[1]
        found = [measure(*both, sizes=(None,))[None] for measure in (knn_accuracy, linear_probe)]
        yield (name, found[0], found[1])
    share = float(np.bincount(y[1].astype(int)).max() / len(y[1]))
    yield ("the most frequent class, always", share, share)
