"""What a person does with a model: jobs, each a scikit-learn meta-estimator over any model."""

from __future__ import annotations

from .anomaly import AnomalyDetector
from .constraints import Combinations, Inequality, Range, Unique
from .imputation import Imputer
from .synthesis import Synthesizer

__all__ = [
    "AnomalyDetector",
    "Combinations",
    "Imputer",
    "Inequality",
    "Range",
    "Synthesizer",
    "Unique",
]
