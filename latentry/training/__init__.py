"""One training loop, and what it reads from, writes to and shows."""

from .history import History
from .loop import train
from .options import Options
from .progress import Reporter, RichReporter, Silent
from .sources import MappedSource, Source, TensorSource

__all__ = [
    "History",
    "MappedSource",
    "Options",
    "Reporter",
    "RichReporter",
    "Silent",
    "Source",
    "TensorSource",
    "train",
]
