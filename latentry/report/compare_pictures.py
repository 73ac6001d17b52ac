"""Pictures of several models side by side: the same samples, the same paths, one plane."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..comparing.entrants import folder_of
from . import figures
from .figures import choose_pairs
from .latents import palette
from .picture import Picture, canvas, image_grid, legend, style
from .views import drawn_from, limits, one_of_each, pick, pixels, plain, span_of

if TYPE_CHECKING:
    from ..comparing.parts import Part
    from ..estimator import Estimator

Models = Mapping[str, "Estimator"]

ACROSS = 10
PATHS, STEPS = 2, 10
LONGEST = 18
"""Letters of a model's name that fit beside a row of images."""


def together(models: Models, test: Part) -> Iterator[Picture]:
    """Pictures of images in which the models share the samples: reconstructions, then paths."""
    if next(iter(models.values())).schema_.kind != "image":
        return
    yield reconstructions(models, test)
    if len(test) > 1:
        yield interpolations(models, test)


def reconstructions(models: Models, test: Part) -> Picture:
    """The same samples as each model gives them back, a row for each model."""
    rows = one_of_each(test.labels, len(test), 2 * ACROSS)
    across = min(ACROSS, len(rows))
    rows = rows[: len(rows) // across * across]
    some = test.take(rows)
    span = limits(next(iter(models.values())), plain(some.data))
    stack = [pixels(next(iter(models.values())), plain(some.data), span)]
    for est in models.values():
        made = est.reconstruct(some.data, condition=_given(est, some))
        stack.append(pixels(est, made, span))
    blocks = np.stack([s.reshape(-1, across, *s.shape[1:]) for s in stack], 1)
    names = ["data", *map(_short, models)] * len(blocks)
    grid = blocks.reshape(-1, *blocks.shape[2:])
    picture = image_grid(grid, names, name="reconstructions", group=len(stack))
    picture.heading = "Reconstructions"
    picture.caption = (
        "Samples that no model learned from and, below each, what every model makes of it."
    )
    return picture


def interpolations(models: Models, test: Part) -> Picture:
    """The same pairs of samples, joined by each model, a row for each model."""
    pairs = choose_pairs(test.labels, len(test), PATHS)
    t = np.linspace(0, 1, STEPS, dtype=np.float32)[:, None]
    rows, names = [], []
    span = limits(next(iter(models.values())), plain(pick(test.data, np.array(pairs).ravel())))
    for pair in pairs:
        ends = test.take(np.array(pair))
        for name, est in models.items():
            told = _given(est, ends)
            along = None if told is None else np.repeat(told[:1], STEPS, axis=0)
            same = None if told is None else np.repeat(told[:1], 2, axis=0)
            start, end = est.transform(ends.data, condition=same)
            path = est.inverse_transform((1 - t) * start + t * end, condition=along)
            rows.append(pixels(est, path, span))
            names.append(_short(name))
    picture = image_grid(np.stack(rows), names, name="interpolation", group=len(models))
    picture.heading = "Interpolation"
    picture.caption = (
        f"What each model decodes along the straight line between the codes of the same two"
        f" samples, in {STEPS} even steps; the ends are its reconstructions of them."
    )
    if any(est.condition_ is not None for est in models.values()):
        picture.caption += " A conditional model is given the condition of the first sample."
    return picture


def alone(models: Models, test: Part) -> dict[str, list[Picture]]:
    """Pictures of one model each, by their heading, in the order of the models."""
    first = next(iter(models.values()))
    found: dict[str, list[Picture]] = {}

    def add(heading: str, name: str, picture: Picture) -> None:
        picture.name, picture.heading = f"{folder_of(name)}-{picture.name}", name
        found.setdefault(heading, []).append(picture)

    for name, est in models.items():
        given: dict[str, Any] = {"condition": _given(est, test)}
        if first.schema_.kind == "image":
            add("Samples", name, samples(est, test))
            add("Latent maps", name, figures.latent_map(est, test.data, test.labels, **given))
            continue
        add("Reconstructions", name, figures.reconstructions(
            est, test.data, test.labels, **given
        ))  # fmt: skip
        add("Samples beside data", name, figures.samples(est, x=test.data, **given))
        if first.schema_.kind != "table":
            add("Interpolation", name, figures.interpolation(
                est, test.data, labels=test.labels, **given
            ))  # fmt: skip
        add("Latent maps", name, figures.latent_map(est, test.data, test.labels, **given))
    return found


def samples(est: Estimator, test: Part, n: int = 40) -> Picture:
    """New images; of a conditional model, under conditions taken from the rows."""
    told = _given(est, test)
    if told is not None:
        rows = one_of_each(told if told.ndim == 1 else None, len(test), n)
        told = told[np.sort(rows)] if told.ndim > 1 else np.sort(told[rows], kind="stable")
    made = est.sample(n if told is None else len(told), condition=told, seed=0)
    shown = pixels(est, made, span_of(est, test.data, made))
    picture = image_grid(shown, name="samples", columns=8)
    picture.caption = f"{len(made)} new samples, not picked; codes drawn from {drawn_from(est)}."
    if told is not None:
        picture.caption += " The conditions go through those of the data in order."
    return picture


def plane(models: Models, values: Mapping[str, Mapping[str, Any]]) -> Picture | None:
    """Rate against distortion, a dot for each fit; None where no model has a rate.

    The distortion is -E log p(x|z) in nats where all models have the same likelihood, and the
    squared error of the reconstruction otherwise, which can be compared whatever the likelihood.
    """
    same = len({est.likelihood_ for est in models.values()}) == 1
    name = "distortion" if same else "mse"
    if not any(_points(values[m], "rate", name) for m in models):
        return None
    picture = canvas("plane", "Rate and distortion", 3.4)
    ax = style(
        picture.add_subplot(),
        "rate: KL from posterior to prior, nats per sample",
        "distortion, nats per sample" if same else "squared error per dimension",
    )
    for model, colour in zip(models, palette(len(models)), strict=False):
        points = _points(values[model], "rate", name)
        if points:
            ax.scatter(*zip(*points, strict=True), color=colour, s=34, linewidths=0, label=model)
            continue
        level = np.mean([v for v in values[model][name] if v is not None])
        ax.axhline(float(level), color=colour, linewidth=1.2, linestyle=(0, (4, 3)), label=model)
    ax.set_xlim(left=0)
    legend(picture, loc="outside lower center", ncols=max(1, 60 // (max(map(len, models)) + 6)))
    picture.caption = (
        "A dot for each fit: what its code costs against what it leaves untold; lower left is"
        " better, and beta moves along the curve."
    )
    if not same:
        picture.caption += (
            " The likelihoods differ, so the distortion is shown as the squared error of the"
            " reconstruction, in the model's scale."
        )
    if any(not est.model_.has_bound for est in models.values()):
        picture.caption += " A model without a bound has no rate: a dashed line at its distortion."
    return picture


def _points(found: Mapping[str, Any], *names: str) -> list[tuple[float, ...]]:
    both = zip(*(found.get(name) or () for name in names), strict=False)
    return [point for point in both if all(v is not None for v in point)]


def _given(est: Estimator, part: Part) -> np.ndarray | None:
    return None if est.condition_ is None else part.condition


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
