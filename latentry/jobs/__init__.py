"""What a person does with a model: jobs, each a scikit-learn meta-estimator over any model."""

from __future__ import annotations

from .anomaly import AnomalyDetector

__all__ = ["AnomalyDetector"]
