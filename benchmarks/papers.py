"""The figures of the papers, and ours: one row for each, trained and measured on real data.

    python benchmarks/papers.py [ROW ...] [--budget short|full] [--data-dir DIR] [--out FOLDER]

Without a row, says which there are. Each row is trained as a run in OUT/ROW, which is continued if
it was stopped, and its figure is kept in results/papers.json as soon as it is known; then the
table results/papers.md is written anew. `--budget full` trains for about as many epochs as it
takes to reach the figure and needs a GPU or days; `short` is for a processor, and its rows say so.

Likelihoods are negative, in nats for each image of the test set (10,000 images), by the
importance-weighted bound of Burda et al., 2016, which lies above the true one. Static binarized
MNIST is that of Larochelle & Murray; "dynamic" draws the training images' pixels anew in every
pass and the test images' once. 50,000 images are trained on and 10,000 choose the best epoch.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import machine
import numpy as np
from papers_rows import ROWS, Row

import latentry
from latentry import Estimator, load_data
from latentry.data.files import atomic

RESULTS = Path(__file__).resolve().parent / "results"
CLOSE = 0.01
"""A row whose figure misses the paper's by more than this share is marked."""


@cache
def data(name: str, folder: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Images to train on (with those that choose the epoch) and to test on."""
    if name == "static":
        train, valid, test = (
            load_data(f"binarized-mnist:{s}", data_dir=folder).x for s in ("train", "valid", "test")
        )
        return np.concatenate([train, valid]), test
    named = "fashion-mnist" if name == "fashion" else "mnist"
    train, test = (load_data(f"{named}{s}", data_dir=folder).x for s in ("", ":test"))
    if name == "grey":
        return train, test
    drawn = np.random.default_rng(0).random(test.shape) < test / 255.0
    return train, (255 * drawn).astype(np.uint8)


def pace(row: Row, args: argparse.Namespace) -> dict[str, Any]:
    """How training goes, which is the same for all rows."""
    epochs = row.epochs[args.budget == "short"]
    given: dict[str, Any] = {
        "epochs": min(epochs, args.epochs or epochs),
        "batch_size": 100,
        "lr": 1e-3,
        "schedule": "cosine",
        "lr_warmup": 0.02,
        "ema": 0.999,
        "valid": 1 / 6,
        "random_state": 0,
        "verbose": sys.stderr.isatty(),
    }
    return given | ({} if row.data in ("static", "grey") else {"binarize": True})


def trained(row: Row, args: argparse.Namespace, x: np.ndarray) -> Estimator:
    """The model of the run OUT/ROW, which is begun, continued, or read if it is finished."""
    folder = args.out / f"{row.name}-{args.budget}"
    about = folder / "model.json"
    if about.exists() and json.loads(about.read_text("utf-8"))["status"] == "finished":
        return latentry.load(folder)
    return row.build(**pace(row, args)).fit(x, folder=folder)


def squared_error(given: np.ndarray, back: np.ndarray) -> np.ndarray:
    """The squared error of each image, pixels in [0, 1], summed over pixels: (N,)."""
    difference = (given.astype(np.float64) - back.astype(np.float64)) / 255.0
    return (difference**2).reshape(len(given), -1).sum(1)


def pca(train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Each test image as its 30 principal components give it back."""
    from sklearn.decomposition import PCA

    flat = train.reshape(len(train), -1) / 255.0
    fitted = PCA(30, svd_solver="full").fit(flat)
    codes = fitted.transform(test.reshape(len(test), -1) / 255.0)
    return 255.0 * fitted.inverse_transform(codes).reshape(test.shape)


def measure(row: Row, args: argparse.Namespace) -> dict[str, Any]:
    """Train and measure one row."""
    x, test = data(row.data, args.data_dir)
    found: dict[str, Any] = {"budget": args.budget, "date": str(datetime.date.today())}
    start = time.perf_counter()
    if row.measure == "pca":
        errors = squared_error(test, pca(x, test))
    else:
        est = trained(row, args, x)
        found |= {"epochs": len(est.history_.rows), "best": est.history_.rows[-1]["epoch"]}
        found["training seconds"] = round(float(est.history_.rows[-1]["seconds"]))
        start = time.perf_counter()
        if row.measure == "nll":
            draws = min(row.draws, args.draws)
            figures = est.evaluate(test, draws=draws)
            found |= {"ours": figures["nll"], "error": figures["nll_stderr"], "draws": draws}
            found |= {"-elbo": -figures["elbo"], "active units": figures["active_units"]}
            errors = None
        else:
            errors = squared_error(test, est.reconstruct(test))
    if errors is not None:
        found |= {"ours": errors.mean(), "error": errors.std() / math.sqrt(len(errors))}
    found["evaluation seconds"] = round(time.perf_counter() - start)
    return {k: float(v) if isinstance(v, np.floating) else v for k, v in found.items()}


def keep(name: str, found: dict[str, Any]) -> dict[str, Any]:
    """Add one row's figures to the results; all of them."""
    path = RESULTS / "papers.json"
    known = json.loads(path.read_text("utf-8")) if path.exists() else {"rows": {}}
    known["rows"][name] = found | {"machine": machine.describe()}
    with atomic(path) as file:
        file.write((json.dumps(known, indent=1) + "\n").encode())
    with atomic(RESULTS / "papers.md") as file:
        file.write("\n".join(table(known["rows"])).encode())
    return known


def verdict(row: Row, found: dict[str, Any]) -> str:
    """How a figure stands beside the paper's; both are better when lower."""
    if row.published is None:
        return ""
    share = found["ours"] / row.published - 1
    if share <= 0:
        return f"better by {-share:.1%}"
    return f"within 1% ({share:+.1%})" if share <= CLOSE else f"**misses by {share:.1%}**"


def table(rows: dict[str, Any]) -> Iterator[str]:
    """The page of results."""
    yield "# The figures of the papers, and ours\n"
    yield (__doc__ or "").split("\n\n", 3)[3]
    yield "Made by `python benchmarks/papers.py ROW ... --budget short`.\n"
    yield "| row | model | data | paper | ours | | trained | differs from the paper | why |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for row in ROWS:
        found = rows.get(row.name)
        paper = "none" if row.published is None else f"{row.published:g}"
        start = f"| `{row.name}` | {row.about} | {row.data} | {paper} ({row.source}) |"
        if found is None:
            yield f"{start} not run | | | {row.differs} | |"
            continue
        unit = f"nats, {found['draws']} draws" if "draws" in found else "squared error"
        ours = f"{found['ours']:.2f} ± {found['error']:.2f} {unit}"
        epochs = f"{found.get('epochs', 0)} epochs, {found.get('training seconds', 0)} s"
        told = verdict(row, found)
        reason = row.reason if "misses" in told and found["budget"] == "short" else ""
        yield f"{start} {ours} | {told} | {epochs} | {row.differs} | {reason} |"
    yield ""
    yield "Seconds are those of a shared processor with one thread, and compare with nothing."
    yield ""


def main() -> None:
    """Train and measure the rows that are asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("rows", nargs="*", metavar="ROW")
    parser.add_argument("--budget", choices=("short", "full"), default="short")
    parser.add_argument("--epochs", type=int, help="at most so many passes over the data")
    parser.add_argument("--draws", type=int, default=5000, help="at most so many for each image")
    parser.add_argument("--data-dir")
    parser.add_argument("--out", type=Path, default=Path("runs/papers"))
    args = parser.parse_args()
    known = {row.name: row for row in ROWS}
    unknown = [name for name in args.rows if name not in known]
    if unknown or not args.rows:
        sys.exit(f"Rows: {', '.join(known)}" if not unknown else f"no row {unknown[0]!r}")
    for name in args.rows:
        found = measure(known[name], args)
        keep(name, found)
        print(name, json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
