"""Codes of new rows by one method, for the benchmark of embeddings: see `tables_embedding.py`.

Reads jobs, one JSON object a line, from stdin: {"method", "dims", "seed", "files", "out"}; files +
"learn.csv" / "new.csv" are the rows of a table as they are, "flat.npz" the same as numbers
(images: from 0 to 1; tables: one-hot, standardised), and "images.npz" the images themselves. Writes
the codes to out (.npz: learn, new) and prints a line of JSON with CPU seconds for each job.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Rows = Any
Fitted = Callable[[Rows], np.ndarray]
STEPS = 2000
"""Training steps that latentry's models take at least; they have 50 passes by default."""


def of_latentry(name: str) -> Callable[[Rows, int, int], Fitted]:
    """A model of the zoo with its defaults but for the passes over few rows."""

    def fit(learn: Rows, dims: int, seed: int) -> Fitted:
        import latentry

        cls = latentry.models()[name]
        passes = math.ceil(STEPS / max(1, 0.9 * len(learn) // cls.batch_size))
        made = cls(latent=dims, random_state=seed, epochs=max(cls.epochs, passes))
        return made.fit(learn).transform

    return fit


def pca(learn: np.ndarray, dims: int, seed: int) -> Fitted:
    from sklearn.decomposition import PCA

    return PCA(min(dims, learn.shape[1]), random_state=seed).fit(learn).transform


def umap(learn: np.ndarray, dims: int, seed: int) -> Fitted:
    from umap import UMAP

    return UMAP(n_components=dims, random_state=seed, n_jobs=1).fit(learn).transform


METHODS = {"vae": of_latentry("vae"), "ae": of_latentry("ae"), "pca": pca, "umap": umap}
PACKAGES = {"vae": "torch", "ae": "torch", "pca": "scikit-learn", "umap": "umap-learn"}


def rows(files: str, ours: bool) -> tuple[Rows, Rows]:
    """The rows to learn from and the new ones, as a method takes them."""
    images = Path(files + "images.npz")
    if ours and not images.exists():
        import pandas as pd

        learn, new = (pd.read_csv(files + f"{part}.csv") for part in ("learn", "new"))
        return learn, new
    with np.load(images if ours else files + "flat.npz") as stored:
        return stored["learn"], stored["new"]


def warm(method: str) -> None:
    """What a library compiles when it is first used is not counted."""
    if method == "umap":
        some = np.random.default_rng(0).normal(size=(5000, 20)).astype(np.float32)
        umap(some, 2, 0)(some[:500])


def main() -> None:
    warmed: set[str] = set()
    for text in sys.stdin:
        job = json.loads(text)
        method = job["method"]
        if method not in warmed:
            warm(method)
            warmed.add(method)
        learn, new = rows(job["files"], PACKAGES[method] == "torch")
        began = time.process_time()
        transform = METHODS[method](learn, job["dims"], job["seed"])
        fitted = time.process_time()
        codes = transform(new)
        ended = time.process_time()
        np.savez(job["out"], learn=transform(learn), new=codes)
        package = PACKAGES[method]
        found = {
            "fit_seconds": fitted - began,
            "new_ms_a_row": 1000 * (ended - fitted) / len(new),
            "versions": {package: importlib.metadata.version(package)},
        }
        print("RESULT " + json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
