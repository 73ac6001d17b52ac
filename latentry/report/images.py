"""Figures of models of images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .picture import MISSING, Picture, image_grid
from .views import count, drawn_from, limits, one_of_each, pick, pixels, plain, span_of

if TYPE_CHECKING:
    from ..estimator import Estimator

ACROSS = 10


def reconstructions(est: Estimator, x: Any, labels: Any, condition: Any) -> Picture:
    """Samples above their reconstructions, in pairs of rows; three rows for a denoising model."""
    rows = one_of_each(labels, count(x), 3 * ACROSS)
    across = min(ACROSS, len(rows))
    rows = rows[: len(rows) // across * across]
    chosen = pick(x, rows)
    given = None if condition is None else np.asarray(condition)[rows]
    array = plain(chosen)
    span = limits(est, array)
    stack = [pixels(est, array, span)]
    names = ["data", "model"]
    pair = denoise(est, chosen, given)
    if pair is not None:
        names = ["data", "noisy", "model"]
        stack += [pixels(est, images, span) for images in pair]
    else:
        stack.append(pixels(est, est.reconstruct(chosen, condition=given), span))
    blocks = np.stack([s.reshape(-1, across, *s.shape[1:]) for s in stack], 1)
    grid = blocks.reshape(-1, *blocks.shape[2:])
    picture = image_grid(grid, names * len(blocks), name="reconstructions", group=len(names))
    picture.heading = "Originals and reconstructions"
    picture.caption = "Each sample and, below it, the model's reconstruction of it."
    if pair is not None:
        picture.caption = (
            "Each sample, the same with the model's own noise added, and what the model makes of"
            " the noisy one."
        )
    if np.isnan(array.astype(float)).any():
        picture.caption += f" Missing pixels are shown in {_colour_name()}."
    return picture


def _colour_name() -> str:
    return {"#f2b84b": "amber"}.get(MISSING, "colour")


def denoise(est: Estimator, x: Any, condition: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Noisy samples and what a denoising model makes of them; None for other models."""
    corruption = getattr(est.model_, "corruption", None)
    if corruption is None:
        return None
    import torch

    from ..inputs import read_condition

    device = next(est.model_.parameters()).device
    c = read_condition(est, condition, count(x))
    c = None if c is None else c.to(device)
    with torch.inference_mode(), torch.random.fork_rng():
        torch.manual_seed(0)
        noisy = corruption(est.scaler_(est.schema_.pack(plain(x)).to(device)))
        clean = est.model_.decode(est.model_.encode(noisy, c).mean, c).mean
        pair = [est.scaler_.inverse(t).cpu() for t in (noisy, clean)]
    return est.schema_.unpack(pair[0]), est.schema_.unpack(pair[1])


def samples(est: Estimator, n: int, seed: int, x: Any) -> Picture:
    """New samples, with a row for each class where the model is class-conditional."""
    kind = getattr(est.condition_, "kind", None)
    if kind == "classes":
        assert est.condition_ is not None
        classes = list(est.condition_.classes)[:12]
        each = [est.sample(ACROSS, condition=np.array([k] * ACROSS), seed=seed) for k in classes]
        made = np.concatenate(each)
        shown = pixels(est, made, span_of(est, x, made))
        grid = shown.reshape(len(classes), ACROSS, *shown.shape[1:])
        picture = image_grid(grid, [str(k) for k in classes], name="samples")
        text = "One row for each class that was asked for; a column shares one code."
    else:
        made = est.sample(n, seed=seed)
        shown = pixels(est, made, span_of(est, x, made))
        picture = image_grid(shown, name="samples", columns=ACROSS)
        text = f"{n} new samples."
    picture.heading = "Samples"
    picture.caption = (
        f"{text} Codes are drawn from {drawn_from(est)} and decoded; what is shown is the mean"
        " of p(x|z). They are not picked."
    )
    return picture


def interpolation(est: Estimator, paths: np.ndarray, x: Any, ends: list[str]) -> Picture:
    """Paths (P, steps, ...) between pairs of samples, a row for each."""
    made = paths.reshape(-1, *paths.shape[2:])
    shown = pixels(est, made, span_of(est, x, made))
    grid = shown.reshape(*paths.shape[:2], *shown.shape[1:])
    picture = image_grid(grid, ends, name="interpolation")
    picture.heading = "Interpolation"
    return picture
