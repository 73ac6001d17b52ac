"""Pictures of families that show what is decoded: grids of digits."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentry import (
    AE,
    FSQVAE,
    MSSSIMVAE,
    VAE,
    VQVAE,
    DeepVAE,
    DenoisingAE,
    Estimator,
    MissingIWAE,
    SemiSupervisedVAE,
    load_data,
)
from latentry.report.picture import Picture, image_grid

Fit = Any
"""(model, data, epochs, **more of `fit`) -> the model, trained."""


def first_of_each(labels: np.ndarray, start: int = 0) -> np.ndarray:
    """The first row of each class from row `start` on."""
    return np.array([start + np.flatnonzero(labels[start:] == k)[0] for k in np.unique(labels)])


def grey(est: Estimator, images: np.ndarray) -> np.ndarray:
    """Digits of 17 levels as numbers in [0, 1]."""
    return images / (est.schema_.levels - 1)  # pyright: ignore[reportOptionalOperand]


def autoencoders(fit: Fit) -> Picture:
    """Noisy digits, and what an AE and a denoising AE make of them."""
    digits = load_data("digits")
    shared: dict[str, Any] = {"latent": 32, "hidden": (256, 256)}
    ae = fit(AE(**shared), digits, 100)
    dae = fit(DenoisingAE(level=0.3, **shared), digits, 300)
    clean = digits.x[first_of_each(digits.labels, 200)]  # pyright: ignore[reportArgumentType]
    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(0)
        scaled = dae.scaler_(dae.schema_.pack(clean))
        noisy = dae.model_.corruption.train()(scaled)  # pyright: ignore
    rows = [grey(dae, clean), noisy[:, 0].numpy()]
    for est in (ae, dae):
        with torch.inference_mode():
            rows.append(est.model_.decode(est.model_.encode(noisy).mean).mean[:, 0].numpy())
    return image_grid(np.stack(rows), ["data", "noisy", "AE", "denoising"], name="autoencoders")


def discrete(fit: Fit) -> Picture:
    """All that two models with 10 x 10 codes can decode."""
    digits = load_data("digits")
    shared: dict[str, Any] = {"hidden": (256, 256), "prior_epochs": 1}
    codes = torch.tensor(list(itertools.product(range(10), repeat=2)))
    grids = []
    for est in (
        VQVAE(latent=8, groups=2, size=10, **shared),
        FSQVAE(latent=2, levels=10, **shared),
    ):
        fit(est, digits, 200)
        posterior: Any = est.model_.get_submodule("posterior")
        with torch.inference_mode():
            z = posterior.embed(codes).float().numpy()
        grids.append(grey(est, est.inverse_transform(z)).reshape(10, 10, 8, 8))
    blank = np.full((10, 1, 8, 8), 1.0)
    both = np.concatenate([grids[0], blank, grids[1]], 1)
    return image_grid(both, None, name="discrete", columns=21)


def hierarchies(fit: Fit) -> Picture:
    """A digit whose upper levels are kept, with those below drawn anew."""
    digits = load_data("digits")
    est = fit(DeepVAE(latent=4, layers=(1, 1, 1, 1), hidden=48), digits, 60)
    model: Any = est.model_
    row = digits.x[first_of_each(digits.labels, 300)[3]]  # pyright: ignore[reportArgumentType]
    ((x, _),) = est._batches(np.repeat(row[None], 8, 0))
    rows, names = [], []
    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(0)
        code = model.encode(x).mean
        for kept in range(len(model.sizes) + 1):
            ends = [place.stop for place in model.places[:kept]]
            upto = ends[-1] if ends else 0

            def choose(place: slice, q: Any, p: Any, upto: int = upto) -> Tensor:
                known = place.stop <= upto
                return code[None, :, place] if known else p.sample()

            _, levels = model.descend((1, len(x)), None, None, choose)
            z = torch.cat([level.z for level in levels], -1)[0]
            rows.append(grey(est, est.inverse_transform(z.numpy())))
            names.append(f"{kept} kept")
    rows.append(np.concatenate([grey(est, row)[None], np.full((7, 8, 8), 1.0)]))
    return image_grid(np.stack(rows), [*names, "data"], name="hierarchies", columns=8)


def perceptual(fit: Fit) -> Picture:
    """Digits, enlarged to 16 x 16, through four numbers, by two losses."""
    from scipy.ndimage import zoom

    digits = load_data("digits")
    enlarged: Any = zoom(digits.x / 16, (1, 2, 2), order=1)
    images = np.clip(enlarged, 0, 1).astype(np.float32)
    shared: dict[str, Any] = {"latent": 4, "net": "mlp", "hidden": (256, 256)}
    models = {"VAE": VAE(**shared), "MS-SSIM": MSSSIMVAE(**shared)}
    chosen = images[first_of_each(digits.labels, 200)]  # pyright: ignore[reportArgumentType]
    rows = [fit(est, images, 100).reconstruct(chosen) for est in models.values()]
    return image_grid(np.stack([chosen, *rows]), ["data", *models], name="perceptual")


def labels(fit: Fit) -> Picture:
    """The style of a digit in each row, under the class of each column."""
    digits = load_data("digits")
    assert digits.labels is not None
    known = digits.labels.copy()
    for k in range(10):
        known[np.flatnonzero(known == k)[10:]] = -1  # ten labels of each class stay
    est = fit(SemiSupervisedVAE(latent=6, hidden=(256, 256)), digits, 150, y=known)
    styles = np.array([1100, 1203, 1313, 1407, 1509])
    codes = est.transform(digits.x[styles])
    rows = []
    for row, code in zip(styles, codes, strict=True):
        asked = np.concatenate([np.repeat(code[None, :6], 10, 0), np.eye(10)], 1)
        rows.append(np.concatenate([digits.x[row][None], est.inverse_transform(asked)]))
    grid = grey(est, np.stack(rows))
    grid = np.insert(grid, 1, 1.0, axis=1)
    return image_grid(grid, None, name="labels", columns=12)


def missing(fit: Fit) -> Picture:
    """Digits with holes, and the holes filled by the mean and by three draws."""
    digits = load_data("digits")
    noise = np.random.default_rng(0)
    holed = (digits.x / 16).astype(np.float32)
    for image in holed:
        if noise.random() < 0.5:
            image[noise.integers(0, 5) :][:4] = np.nan
        else:
            image[noise.random(image.shape) < 0.5] = np.nan
    est = fit(MissingIWAE(latent=10, hidden=(256, 256)), holed, 150)
    chosen = first_of_each(digits.labels, 400)  # pyright: ignore[reportArgumentType]
    rows = [holed[chosen], est.impute(holed[chosen])]
    rows += [est.impute(holed[chosen], "draw", seed=s) for s in (0, 1)]
    rows.append(digits.x[chosen] / 16)
    names = ["seen", "mean", "draw", "draw", "truth"]
    return image_grid(np.stack(rows), names, name="missing")
