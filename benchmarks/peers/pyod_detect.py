"""PyOD's detectors with their defaults, for the detection benchmark (see detectors.py)."""

from __future__ import annotations

from typing import Any

import numpy as np
from detectors import Method, main
from pyod.models.auto_encoder import AutoEncoder
from pyod.models.ecod import ECOD
from pyod.models.iforest import IForest
from pyod.models.knn import KNN
from pyod.models.pca import PCA
from pyod.models.vae import VAE


def method(cls: type, **fields: Any) -> Method:
    """A detector's scores; those of the rows it learned from are its own decision_scores_."""

    def scores(seed: int, learn: np.ndarray, score: np.ndarray | None) -> np.ndarray:
        seeded = {"random_state": seed} if cls not in (KNN, ECOD) else {}
        made = cls(**fields, **seeded).fit(learn)
        return made.decision_scores_ if score is None else made.decision_function(score)

    return scores


METHODS = {
    "KNN": method(KNN),
    "IForest": method(IForest),
    "ECOD": method(ECOD),
    "PCA": method(PCA),
    "AutoEncoder": method(AutoEncoder, verbose=0),
    "VAE": method(VAE, verbose=0),
}

if __name__ == "__main__":
    main(METHODS)
