"""What a model is worth, in numbers that say their unit and their estimator."""

from .likelihood import evaluate

__all__ = ["evaluate"]
