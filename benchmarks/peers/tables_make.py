"""Fit one generator of tables and write the rows that it makes: see `tables_synthesis.py`.

    python tables_make.py METHOD --train train.csv --out made.csv --levels a,b --seed 0

METHOD: latentry, copula (a Gaussian copula), tvae or ctgan (of the package ctgan), each with its
defaults. Prints {"fit_seconds": CPU seconds, "sample_seconds": ..., "versions": {...}}.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

Fitted = Callable[[int], pd.DataFrame]
GONE = "missing"


def latentry(train: pd.DataFrame, levels: list[str], seed: int, epochs: int | None) -> Fitted:
    from latentry.jobs import Synthesizer

    made = Synthesizer(random_state=seed).fit(train, epochs=epochs)
    return lambda n: made.sample(n, seed=seed)


def of_ctgan(name: str) -> Callable[..., Fitted]:
    """Of the package ctgan, which takes no missing numbers: they become the median."""

    def fit(train: pd.DataFrame, levels: list[str], seed: int, epochs: int | None) -> Fitted:
        import ctgan
        import torch

        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - the package draws from numpy's global generator
        full = train.copy()
        for column in full:
            if column in levels:
                full[column] = full[column].astype(object).where(full[column].notna(), GONE)
            else:
                full[column] = full[column].fillna(full[column].median())
        given = {} if epochs is None else {"epochs": epochs}
        made = getattr(ctgan, name)(**given)
        made.fit(full, levels)

        def sample(n: int) -> pd.DataFrame:
            rows = made.sample(n)
            for column in levels:
                rows[column] = rows[column].where(rows[column].astype(str) != GONE, None)
            return rows

        return sample

    return fit


def copula(train: pd.DataFrame, levels: list[str], seed: int, epochs: int | None) -> Fitted:
    """Normal scores of every column, their correlations, and the empirical quantiles back.

    A level is a stretch of the line as wide as its share, a row a random point of it; a missing
    cell is one more level, below all numbers.
    """
    from scipy.stats import norm

    rng = np.random.default_rng(seed)
    sorted_: dict[str, np.ndarray] = {}
    scores = []
    for column in train:
        cells = train[column]
        if column in levels:
            codes = pd.Categorical(cells).codes.astype(float)
        else:
            codes = cells.to_numpy(dtype=float)
            codes = np.where(np.isnan(codes), -np.inf, codes)
        order = np.lexsort((rng.random(len(codes)), codes))
        rank = np.empty(len(codes))
        rank[order] = (np.arange(len(codes)) + 0.5) / len(codes)
        scores.append(norm.ppf(rank))
        sorted_[str(column)] = codes[order]
    factor = np.linalg.cholesky(np.corrcoef(scores) + 1e-6 * np.eye(len(scores)))

    def sample(n: int) -> pd.DataFrame:
        u = norm.cdf(rng.normal(size=(n, len(scores))) @ factor.T)
        made: dict[str, Any] = {}
        for i, column in enumerate(train):
            known = sorted_[str(column)]
            drawn = known[np.minimum((u[:, i] * len(known)).astype(int), len(known) - 1)]
            if column in levels:
                kinds = pd.Categorical(train[column]).categories.to_numpy(dtype=object)
                made[column] = np.append(kinds, None)[drawn.astype(int)]
            else:
                made[column] = np.where(np.isinf(drawn), np.nan, drawn)
        return pd.DataFrame(made)

    return sample


METHODS = {
    "latentry": latentry,
    "copula": copula,
    "tvae": of_ctgan("TVAE"),
    "ctgan": of_ctgan("CTGAN"),
}
PACKAGES = {"tvae": "ctgan", "ctgan": "ctgan", "copula": "scipy", "latentry": "torch"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("--train", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--levels", default="")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=None)
    args = parser.parse_args()
    train = pd.read_csv(args.train)
    levels = [name for name in args.levels.split(",") if name]
    began = time.process_time()
    sample = METHODS[args.method](train, levels, args.seed, args.epochs)
    fitted = time.process_time()
    rows = sample(len(train))
    ended = time.process_time()
    rows.to_csv(args.out, index=False)
    package = PACKAGES[args.method]
    line = {
        "fit_seconds": fitted - began,
        "sample_seconds": ended - fitted,
        "versions": {package: importlib.metadata.version(package)},
    }
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
