"""How the samples of an array lie in it."""

from __future__ import annotations

import math

from ..errors import LatentryError


def one_axis(shape: tuple[int, ...]) -> str:
    return (
        f"Expected rows of numbers (N, D), got an array of the shape {shape}. Reshape your data: "
        f"X.reshape(-1, 1) if it has one feature, X.reshape(1, -1) if it is one sample."
    )


def layout(
    given: tuple[int, ...], shape: tuple[int, ...] | None, kind: str | None
) -> tuple[str, tuple[int, ...], bool]:
    """Kind, shape as the model sees it, and whether the channels are stored last."""
    if len(given) < 2:
        raise LatentryError(one_axis(given))
    if given[0] and 0 in given[1:]:
        raise LatentryError(
            f"0 feature(s) (shape={given}) while a minimum of 1 is required; give at least one "
            f"column."
        )
    sample = given[1:]
    if shape is not None:
        if math.prod(shape) != math.prod(sample):
            raise LatentryError(
                f"The shape {tuple(shape)} holds {math.prod(shape)} values, but each sample has "
                f"{math.prod(sample)}; give a shape with as many."
            )
        sample = tuple(int(n) for n in shape)
    if kind == "series":
        steps, *channels = sample
        if len(channels) > 1:
            raise LatentryError(
                f"Samples of the shape {sample} are no series; give (N, T), or (N, T, C) for T"
                " steps of C channels."
            )
        return kind, (steps, math.prod(channels)), False
    if len(sample) == 1:
        return "vector", sample, False
    if len(sample) == 2:
        return "image", (1, *sample), False
    if len(sample) == 3 and sample[2] <= 4:
        return "image", (sample[2], *sample[:2]), True
    if len(sample) == 3 and sample[0] <= 4:
        return "image", sample, False
    raise LatentryError(
        f"Samples of the shape {sample} are neither vectors nor images; give (N, D), (N, H, W), "
        f"or (N, H, W, C) with at most 4 channels."
    )
