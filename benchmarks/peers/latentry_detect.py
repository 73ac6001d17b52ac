"""latentry's detector with its defaults, for the detection benchmark (see detectors.py)."""

from __future__ import annotations

import numpy as np
from detectors import main

from latentry import AnomalyDetector


def detector(seed: int, learn: np.ndarray, score: np.ndarray | None) -> np.ndarray:
    """Scores of `score`, or of the rows that were learned from."""
    made = AnomalyDetector(random_state=seed).fit(learn)
    return made.training_scores_ if score is None else -made.score_samples(score)


METHODS = {"latentry": detector}

if __name__ == "__main__":
    main(METHODS)
