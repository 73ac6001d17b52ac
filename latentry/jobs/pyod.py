"""A detector with the conventions of PyOD: Zhao, Nasrullah & Li, 2019, arXiv 1901.01588."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    from .anomaly import AnomalyDetector


class PyODDetector(BaseEstimator):
    """An `AnomalyDetector` whose scores are larger for stranger rows and whose label 1 is strange.

    labels_: 0 or 1 for each training row, (N,). decision_scores_: its score, (N,).
    threshold_: the score above which a row is strange.
    """

    def __init__(self, detector: AnomalyDetector) -> None:
        self.detector = detector
        if hasattr(detector, "offset_"):
            self._adopt()

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the detector on the rows X (N, ...); y is not looked at."""
        self.detector.fit(X)
        self._adopt()
        return self

    def _adopt(self) -> None:
        self.decision_scores_ = self.detector.training_scores_
        self.threshold_ = -self.detector.offset_
        self.labels_ = (self.decision_scores_ > self.threshold_).astype(int)

    @property
    def contamination(self) -> float | str:
        """The share of anomalies among the training rows."""
        return self.detector.contamination

    def decision_function(self, X: Any) -> np.ndarray:
        """How strange each row is, (N,)."""
        check_is_fitted(self, "threshold_")
        return -self.detector.score_samples(X)

    def predict(self, X: Any) -> np.ndarray:
        """1 for anomalies and 0 for normal rows, (N,)."""
        return (self.decision_function(X) > self.threshold_).astype(int)

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probabilities of being normal and of being strange, (N, 2).

        Scores on the way from the least to the greatest of the training rows, cut off at both ends:
        an order, not a frequency. For one that can be relied on see `AnomalyDetector.p_values`.
        """
        scores = self.decision_function(X)
        low, high = self.decision_scores_.min(), self.decision_scores_.max()
        strange = np.clip((scores - low) / (high - low if high > low else 1.0), 0.0, 1.0)
        return np.column_stack([1 - strange, strange])
