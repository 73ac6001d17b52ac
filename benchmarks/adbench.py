"""The ADBench sets, split as the detection benchmark asks: Han et al., 2022, arXiv 2206.09426.

Needs numpy only, so that every peer's Python reads the same rows. A file is NUMBER_NAME.npz with X
(N, D) and y (N,), 1 for anomalies.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

MOST_ROWS = 10_000
PROTOCOLS = ("one-class", "contaminated")

Split = tuple[np.ndarray, np.ndarray, np.ndarray]


def files(folder: Path) -> dict[str, Path]:
    """The files of the sets by name, in the alphabet's order."""
    found = {path.stem.partition("_")[2]: path for path in folder.glob("*.npz")}
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def tuning_half(names: list[str]) -> list[str]:
    """The sets on which defaults may be chosen: every other one in the alphabet's order."""
    return sorted(names, key=str.lower)[::2]


def split(path: Path, protocol: str, seed: int) -> Split:
    """Rows to learn from, rows to score, and which of the latter are anomalies.

    "one-class" learns from half of the normal rows and scores the other half and all anomalies;
    "contaminated" learns from all rows, without their labels, and scores them. A set of more than
    10,000 rows is subsampled to that many, with its share of anomalies kept (and at least one).
    Columns are scaled to [0, 1] by the rows that are learned from, as ADBench does; those that do
    not vary there are left out.
    """
    with np.load(path) as stored:
        X, y = stored["X"].astype(np.float64), stored["y"].ravel().astype(int)
    rng = np.random.default_rng([seed, len(X)])
    normal, odd = (rng.permutation(np.flatnonzero(y == label)) for label in (0, 1))
    if len(X) > MOST_ROWS:
        odd = odd[: max(1, round(len(odd) * MOST_ROWS / len(X)))]
        normal = normal[: MOST_ROWS - len(odd)]
    if protocol == "one-class":
        half = len(normal) // 2
        learn, score = normal[:half], np.concatenate([normal[half:], odd])
    else:
        learn = score = np.concatenate([normal, odd])
    learn, score = np.sort(learn), np.sort(score)
    low, high = X[learn].min(0), X[learn].max(0)
    keep = high > low
    scaled = (X[:, keep] - low[keep]) / (high - low)[keep]
    return scaled[learn], scaled[score], y[score]
