"""Planes of the latent space on which the rows are shown, and from which a hand reads codes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .refusals import Refused


def plane(codes: np.ndarray, projection: str, first: int, second: int) -> dict[str, Any]:
    """Where each code (N, D) lies, and the way back: code = origin + x basis[0] + y basis[1].

    "dims": the dimensions `first` and `second`, the others at their mean. "pca": the first two
    principal components. "auto": the dimensions themselves where there are at most two, else the
    components. A single dimension is spread upwards at random, so that points do not cover each
    other. Gives the parts of `schemas.Map` but its labels.
    """
    width = codes.shape[1]
    if width == 1:
        return _line(codes)
    if projection == "auto":
        projection = "dims" if width == 2 else "pca"
        first, second = 0, 1
    if projection == "pca":
        return _components(codes)
    if max(first, second) >= width or first == second:
        raise Refused(
            f"first={first} and second={second} are no two dimensions of this run, which has"
            f" {width}, counted from 0."
        )
    basis = np.eye(width)[[first, second]]
    origin = codes.mean(0)
    origin[[first, second]] = 0
    others = "" if width == 2 else " The hand leaves the other dimensions at their mean."
    return {
        **_points(codes[:, first], codes[:, second]),
        **_frame(origin, basis, (f"z{first + 1}", f"z{second + 1}"), "dims"),
        "said": f"Posterior means in the latent dimensions z{first + 1} and z{second + 1}.{others}",
    }


def _components(codes: np.ndarray) -> dict[str, Any]:
    origin = codes.mean(0)
    centred = codes - origin
    # The directions of the covariance (D, D), which is far smaller than the codes.
    spread, directions = np.linalg.eigh(centred.T @ centred)
    basis = directions[:, ::-1][:, :2].T
    # An eigenvector's sign is arbitrary: fix it, so that a map is the same on every machine.
    largest = np.abs(basis).argmax(1)
    basis = basis * np.where(basis[[0, 1], largest] < 0, -1.0, 1.0)[:, None]
    points = centred @ basis.T
    share = spread[::-1][:2].sum() / max(spread.sum(), 1e-12)
    return {
        **_points(points[:, 0], points[:, 1]),
        **_frame(origin, basis, ("first principal component", "second"), "pca"),
        "said": (
            f"Posterior means on the first two principal components of the {codes.shape[1]}"
            f" latent dimensions, which hold {share:.0%} of their variance. The hand moves in"
            " this plane through the mean code."
        ),
    }


def _line(codes: np.ndarray) -> dict[str, Any]:
    upwards = np.random.default_rng(0).uniform(-1, 1, len(codes)) * max(float(codes.std()), 1e-6)
    return {
        **_points(codes[:, 0], upwards),
        **_frame(np.zeros(1), np.array([[1.0], [0.0]]), ("z1", "no meaning"), "dims"),
        "said": "Posterior means in the one latent dimension; height has no meaning.",
    }


def _points(x: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    return {"x": np.round(x, 5).tolist(), "y": np.round(y, 5).tolist()}


def _frame(
    origin: np.ndarray, basis: np.ndarray, axes: tuple[str, str], projection: str
) -> dict[str, Any]:
    return {
        "axes": list(axes),
        "projection": projection,
        "origin": origin.tolist(),
        "basis": basis.tolist(),
    }
