"""A search for the fields of a model that suit the data."""

from __future__ import annotations

from .search import tune
from .space import Choice, Range, default_space, parse_space
from .tuned import Tuned

__all__ = ["Choice", "Range", "Tuned", "default_space", "parse_space", "tune"]
