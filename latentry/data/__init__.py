"""Data: what a sample is, where data comes from, and how it is scaled, conditioned and written."""

from .arrays import as_array
from .columns import Column
from .conditions import Condition
from .datasets import Dataset, datasets, fetch
from .files import atomic, sha256
from .mixed import infer_columns
from .readers import load, load_frame
from .schema import Schema
from .transforms import Transform
from .writers import check_output, save_images, save_table, write

__all__ = [
    "Column",
    "Condition",
    "Dataset",
    "Schema",
    "Transform",
    "as_array",
    "atomic",
    "check_output",
    "datasets",
    "fetch",
    "infer_columns",
    "load",
    "load_frame",
    "save_images",
    "save_table",
    "sha256",
    "write",
]
