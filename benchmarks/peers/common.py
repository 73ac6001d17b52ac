"""What all peers share: their arguments, the data, and the one line of JSON that they print.

Every peer trains the same model, 784-400-20 with a Bernoulli likelihood on grey pixels, with Adam
at 1e-3 on batches of 128, and prints

    {"epoch_seconds": [...], "bound": nats or null, "setup_seconds": ..., "versions": {...}}

`epoch_seconds` is the training alone, `bound` the average negative ELBO of the test images.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import math
import sys
from pathlib import Path

import numpy as np

PIXELS, HIDDEN, LATENT, BATCH, RATE = 784, 400, 20, 128, 1e-3


def arguments(about: str) -> argparse.Namespace:
    """The options that every peer understands."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--data", type=Path, required=True, help="folder of train.npy and test.npy")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=None, help="use the first rows only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--fields", type=json.loads, default={}, help="options of latentry, JSON")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    return parser.parse_args()


def images(args: argparse.Namespace, split: str) -> np.ndarray:
    """The images of a split, (N, 28, 28) uint8."""
    return np.load(args.data / f"{split}.npy")[: args.rows]


def report(
    epoch_seconds: list[float], bound: float | None, setup_seconds: float, *packages: str
) -> None:
    """Print the line that the benchmark reads."""
    if bound is not None and not math.isfinite(bound):
        sys.exit(f"the bound is {bound}: the training went wrong")
    line = {
        "epoch_seconds": epoch_seconds,
        "bound": bound,
        "setup_seconds": setup_seconds,
        "versions": {name: importlib.metadata.version(name) for name in packages},
    }
    print(json.dumps(line), flush=True)
