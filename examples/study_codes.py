"""Parts of the study about codes: what they keep, what they tell, how even their space is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
from study_common import PCA, Study, condition_of, eight_bit, flat, grey, labels
from study_models import CONDITIONAL, NARROW

from latentry import Dataset, Estimator
from latentry.comparing.compression import compression as kept_in_bits
from latentry.comparing.compression import quantise
from latentry.comparing.parts import Part
from latentry.evaluation import latents
from latentry.evaluation.reconstruction import mse, psnr, ssim
from latentry.report.figures import image_grid
from latentry.report.picture import CLASSES, Picture, canvas, legend, style, title

BITS = (1, 2, 3, 4, 5, 6, 8)
LEVELS = (0.1, 0.25, 0.5)
PICTURED_LEVEL = 0.25
PICTURED = ("the noisy image", f"PCA, {NARROW}", "AE", "DenoisingAE", "VAE")
FEW_LABELS = 100


# ---------------------------------------------------------------------------------- reconstruction


def reconstruction(study: Study) -> None:
    """How close reconstructions are, how sharp, and at which rate."""
    x = study.test.x
    pca = PCA(study.train.x, NARROW)
    rows: list[tuple[Any, ...]] = [
        (f"PCA, {NARROW}", *closeness(x, pca.reconstruct(x)), *[None] * 5)
    ]
    shown = [x[:10]]
    for name, est in narrow(study).items():
        c = condition_of(est, study.test)
        again = est.reconstruct(x, condition=c)
        found = est.evaluate(x, draws=1, condition=c)
        bernoulli = est.likelihood_.startswith("bernoulli")
        few = study.pick(2000, 50)
        given = None if c is None else c[:few]
        bound = None
        if found["rate"] is not None and bernoulli:
            bound = -float(est.score_samples(x[:few], draws=100, condition=given).mean())
        parts = (
            found["distortion"] if bernoulli else None,
            found["rate"],
            -found["elbo"] if bernoulli and found["elbo"] is not None else None,
            bound,
            found["active_units"],
        )
        rows.append((name, *closeness(x, again), *parts))
        shown.append(again[:10])
    columns = (
        "model", "squared error", "PSNR, dB", "SSIM", "sharpness", "distortion, nats",
        "rate, nats", "-ELBO, nats", "bound of 100 draws, nats", "active units",
    )  # fmt: skip
    study.table("reconstruction", columns, rows)
    names = ["data", *narrow(study)]
    picture = image_grid(np.stack(shown), [short(n) for n in names], name="reconstructions")
    picture.caption = "The first ten test images, and what each model makes of them."
    study.show(picture)


def short(name: str) -> str:
    """A name that fits beside a row of images."""
    return {"AE, squared error": "AE, squared", CONDITIONAL: "Conditional"}.get(name, name)


def narrow(study: Study) -> dict[str, Estimator]:
    """The main models."""
    return {name: est for name, est in study.models.items() if not name[-1].isdigit()}


def closeness(x: np.ndarray, again: np.ndarray) -> tuple[float, float, float, float]:
    """Mean squared error, PSNR, SSIM, and the sharpness beside that of the data, of 8-bit images.

    Sharpness is the mean squared response of a Laplacian filter, as a share of that of the data:
    what is blurred has less of it.
    """
    a, b = grey(x), grey(again)
    share = edges(b) / edges(a)
    return float(mse(a, b).mean()), float(psnr(a, b).mean()), float(ssim(a, b).mean()), share


def edges(images: np.ndarray) -> float:
    """The mean squared response of the Laplacian filter."""
    from scipy.ndimage import convolve

    kernel = np.array([[[0, 1, 0], [1, -4, 1], [0, 1, 0]]], np.float32)
    return float((convolve(images, kernel) ** 2).mean())


# ---------------------------------------------------------------------------------------- features


HOW: dict[Literal["mean", "sample", "average"], str] = {
    "mean": "mean",
    "sample": "one draw",
    "average": "average of 100 draws",
}
Coded = tuple[str, str, np.ndarray, np.ndarray]


def codes_of(study: Study, known: np.ndarray, asked: np.ndarray) -> Iterator[Coded]:
    """Name, way to take the code, and both sets of codes, for everything that gives features."""
    yield ("pixels", "", flat(known), flat(asked))
    pca = PCA(study.train.x, NARROW)
    yield (f"PCA, {NARROW}", "", pca.transform(known), pca.transform(asked))
    for name, est in narrow(study).items():
        if name == CONDITIONAL:
            continue  # its code is told the label
        three = name in ("VAE", "SigmaVAE", "BetaVAE", "IWAE")
        for how in HOW if three else ("mean",):
            a, b = (est.encode(x, how=how, draws=100) for x in (known, asked))
            yield (name, HOW[how] if three else "", a, b)


def features(study: Study) -> None:
    """What neighbours and a linear probe read from each code, with few and with many labels."""
    known, asked = study.pick(10_000, 500), study.pick(5000, 200)
    y = labels(study.train)[:known], labels(study.test)[:asked]
    rows = []
    for name, how, a, b in codes_of(study, study.train.x[:known], study.test.x[:asked]):
        figures = []
        for measure in (latents.knn_accuracy, latents.linear_probe):
            few = (measure(a, y[0], b, y[1], sizes=(FEW_LABELS,), seed=s) for s in range(5))
            figures.append(float(np.mean([f[FEW_LABELS] or 0.0 for f in few])))
            figures.append(measure(a, y[0], b, y[1], sizes=(None,))[None])
        rows.append((f"{name}, {how}" if how else name, *figures))
        print(f"  {rows[-1]}", flush=True)
    columns = (
        "code", "kNN, 100 labels", "kNN, 10,000 labels", "probe, 100 labels",
        "probe, 10,000 labels",
    )  # fmt: skip
    study.table("features", columns, rows)


# -------------------------------------------------------------------------------------- continuity


def continuity(study: Study) -> None:
    """How even the way from codes to images and back is, and how full the space is."""
    x = study.test.x
    rows = []
    pca = PCA(study.train.x, NARROW)
    even = evenness(pca.transform, pca.decode, x[: study.pick(2000, 200)])
    near = neighbours(x, pca.transform(x), study.pick(2000, 200))
    rows.append((f"PCA, {NARROW}", *even, *near, None, None))
    for name, est in narrow(study).items():
        if name == CONDITIONAL:
            continue
        even = evenness(est.transform, est.inverse_transform, x[: study.pick(2000, 200)])
        near = neighbours(x, est.transform(x), study.pick(2000, 200))
        some = study.pick(2000, 200)
        drawn = est.encode(x[:some], how="sample"), est.draw_codes(some, seed=0)
        gap = latents.aggregate_gap(*drawn)
        rows.append((name, *even, *near, gap, latents.holes(est, x)))
    columns = (
        "model", "change of the image", "its 99th percentile over its mean",
        "change of the code", "trustworthiness", "continuity", "gap to what is drawn from",
        "holes",
    )  # fmt: skip
    study.table("continuity", columns, rows)


def evenness(
    encode: Callable[[np.ndarray], np.ndarray],
    decode: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
) -> tuple[float, float, float]:
    """How far images move with codes, and codes with images.

    A code takes a step in a random direction, a tenth of the distance between two random codes;
    the change of the image is given as a share of the distance between two random images: its mean
    over images, and its 99th percentile over that mean (which is large where there are cliffs).
    Then an image gets noise of standard deviation 0.05; the mean change of its code is given as a
    share of the distance between two random codes.
    """
    rng = np.random.default_rng(0)
    codes = encode(x)
    span = typical(codes)
    step = rng.standard_normal(codes.shape)
    step *= 0.1 * span / np.linalg.norm(step, axis=1, keepdims=True)
    moved = flat(decode((codes + step).astype(np.float32))) - flat(decode(codes))
    change = np.linalg.norm(moved, axis=1) / typical(flat(x))
    noisy = eight_bit(grey(x) + 0.05 * rng.standard_normal(x.shape))
    drift = np.linalg.norm(encode(noisy) - codes, axis=1).mean() / span
    return float(change.mean()), float(np.quantile(change, 0.99) / change.mean()), float(drift)


def typical(rows: np.ndarray) -> float:
    """The mean distance between a row and another (N, E)."""
    return float(np.linalg.norm(rows - np.roll(rows, 1, axis=0), axis=1).mean())


def neighbours(x: np.ndarray, codes: np.ndarray, n: int) -> tuple[float | None, float | None]:
    """Trustworthiness and continuity of the first n rows."""
    data = flat(x[:n])
    return latents.trustworthiness(data, codes[:n]), latents.continuity(data, codes[:n])


# --------------------------------------------------------------------------- denoising, compression


def denoising(study: Study) -> None:
    """What each makes of noisy images, in decibels against the clean ones."""
    x = study.test.x[: study.pick(2000, 100)]
    noisy = {s: eight_bit(grey(x) + s * noise_like(x)) for s in LEVELS}
    pca = PCA(study.train.x, NARROW)
    makers = {"the noisy image": lambda images: images, f"PCA, {NARROW}": pca.reconstruct}
    plain = {n: est for n, est in narrow(study).items() if n != CONDITIONAL}
    makers |= {name: est.reconstruct for name, est in plain.items()}
    rows, shown = [], [x[:10]]
    for name, make in makers.items():
        cleaned = {level: make(images) for level, images in noisy.items()}
        figures = [float(psnr(grey(x), grey(image)).mean()) for image in cleaned.values()]
        clean = None if name == "the noisy image" else float(psnr(grey(x), grey(make(x))).mean())
        rows.append((name, clean, *figures))
        if name in PICTURED:
            shown.append(cleaned[PICTURED_LEVEL][:10])
    columns = ("model", "no noise", *(f"noise {level}" for level in LEVELS))
    study.table("denoising", columns, rows)
    names = ["data", "noisy", "PCA", *PICTURED[2:]]
    picture = image_grid(np.stack(shown), names, name="denoised")
    picture.caption = (
        f"Ten test images, the same with noise of standard deviation {PICTURED_LEVEL}, and what"
        " four models make of the noisy ones."
    )
    study.show(picture)


def noise_like(x: np.ndarray) -> np.ndarray:
    """Standard normal noise of the shape of x."""
    return np.random.default_rng(0).standard_normal(x.shape)


def compression(study: Study) -> None:
    """The reconstruction from codes that are kept in a few bits for each dimension."""
    rows = []
    known, asked = study.train.x[: study.pick(10_000, 300)], study.test.x
    pca = PCA(study.train.x, NARROW)
    low, high = (f(pca.transform(known), axis=0) for f in (np.min, np.max))
    again = [pca.decode(quantise(pca.transform(asked), low, high, b)) for b in BITS]
    whole = pca.reconstruct(asked)
    rows.append((f"PCA, {NARROW}", None, *[decibels(asked, y) for y in (*again, whole)]))
    for name in ("AE", "VAE", "SigmaVAE", "BetaVAE", "IWAE"):
        est = study.models[name]
        train, test = (Part(Dataset(study.data, x), None, None) for x in (known, asked))
        figures = [kept_in_bits(est, train, test, b)["compressed_psnr"] for b in BITS]
        rate = est.evaluate(asked, draws=1)["rate"]
        bits = None if rate is None else rate / np.log(2)
        rows.append((name, bits, *figures, decibels(asked, est.reconstruct(asked))))
    columns = ("model", "rate, bits", *(f"{NARROW * b} bits" for b in BITS), "not rounded")
    study.table("compression", columns, rows)
    study.show(curves(rows))


def decibels(x: np.ndarray, again: np.ndarray) -> float:
    """Mean PSNR of 8-bit images."""
    return float(psnr(grey(x), grey(again)).mean())


def curves(rows: list[tuple]) -> Picture:
    """PSNR over the bits of a code; a point where the bits are the rate."""
    picture = canvas("compression", "Compression", 2.9)
    ax = style(picture.add_subplot(), "bits for each image", "PSNR, dB")
    title(ax, "Reconstructions from rounded codes")
    for colour, (name, rate, *points) in zip(CLASSES, rows, strict=False):
        bits = [NARROW * b for b in BITS]
        ax.plot(bits, points[:-1], color=colour, marker="o", markersize=3, label=name)
        if rate is not None:
            ax.plot([rate], [points[-1]], color=colour, marker="*", markersize=9, linestyle="")
    legend(picture, loc="outside lower center", ncols=3)
    picture.caption = (
        "PSNR of test images from codes of 1 to 8 bits for each of ten dimensions. A star stands at"
        " a model's rate, its KL in bits, and its PSNR from the exact posterior mean."
    )
    return picture
