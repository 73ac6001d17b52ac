"""Which model for your data and your job: several trained alike, measured alike, ranked by job."""

from __future__ import annotations

from .entrants import split_names
from .jobs import JOBS, Job
from .run import compare

__all__ = ["JOBS", "Job", "compare", "split_names"]
