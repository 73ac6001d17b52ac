"""Data: what a sample is, where data comes from, and how it is scaled, conditioned and written."""

from .arrays import as_array
from .conditions import Condition
from .datasets import Dataset, datasets, fetch
from .files import atomic, sha256
from .readers import load
from .schema import Schema
from .transforms import Transform
from .writers import check_output, save_images, save_table, write

__all__ = [
    "Condition",
    "Dataset",
    "Schema",
    "Transform",
    "as_array",
    "atomic",
    "check_output",
    "datasets",
    "fetch",
    "load",
    "save_images",
    "save_table",
    "sha256",
    "write",
]
