"""How well codes keep classes and neighbourhoods apart, of latentry, PCA and UMAP.

    python benchmarks/tables_embedding.py --peers PYTHON [--data-dir DIR] [--seeds 3] [--minutes M]

PYTHON is that of a virtual environment with umap-learn (README.md). Every method learns from the
same rows, without labels, and gives the codes of new rows, in 2, 10 and 32 dimensions. "kNN" is the
accuracy, in percent, of a vote of the 5 nearest training codes on the label of a new row,
"trustworthiness" how far the 5 nearest new codes are neighbours in the data too. Ours are a VAE and
an autoencoder with their defaults, and at least 2,000 training steps; PCA and UMAP have their
defaults, and see tables one-hot and standardised, in which neighbours are also looked for. A run
that was stopped goes on where it was: every line of results/tables_embedding.json is a set, a seed,
dimensions and a method. `--again METHOD` measures one anew, `--report` only writes the tables.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kept
import machine
import numpy as np
import pandas as pd
from kept import Line
from tables_synthesis import ADULT

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
DIMS = (2, 10, 32)
METHODS = ("vae", "ae", "pca", "umap")
FIGURES = {
    "knn": ("kNN accuracy, %", 1),
    "trustworthiness": ("trustworthiness", 3),
    "fit_seconds": ("fit, CPU s", 1),
    "new_ms_a_row": ("a new row, CPU ms", 3),
}

TRIED = """\
In 2 dimensions UMAP, which only keeps neighbours together, is ahead of codes from which rows can be
decoded. Tried for that on digits (seed 100): an autoencoder whose codes also keep the neighbours of
a batch, by the loss of parametric t-SNE (van der Maaten, 2009). With weights of 10 to 3,000 on it
and 300 to 500 passes in batches of 256 to 1,167 rows it has an accuracy of 87 to 92 %, for three to
ten times the time of the autoencoder below, so it was left out."""

Rows = tuple[Any, np.ndarray]


def digits(folder: Path) -> Rows:
    from sklearn.datasets import load_digits

    found: Any = load_digits()
    return np.rint(found.images * (255 / 16)).astype(np.uint8), found.target


def mnist(folder: Path) -> Rows:
    from latentry.data import load

    found = load("mnist", data_dir=folder)
    assert found.labels is not None
    return np.asarray(found.x), np.asarray(found.labels)


def adult(folder: Path) -> Rows:
    path = folder / "adult" / "adult-train.csv"
    frame = pd.read_csv(path, header=None, names=ADULT, skipinitialspace=True, na_values="?")
    return frame.drop(columns="income"), frame["income"].to_numpy(dtype=str)


def wine(folder: Path) -> Rows:
    frame = pd.read_csv(folder / "wine_quality" / "winequality-white.csv", header=None)
    frame.columns = [f"x{i}" for i in range(frame.shape[1])]
    return frame.iloc[:, :-1], frame.iloc[:, -1].to_numpy()


SETS: dict[str, tuple[Callable[[Path], Rows], int, int]] = {
    "digits": (digits, 1297, 500),
    "mnist": (mnist, 5000, 1000),
    "adult": (adult, 5000, 1000),
    "wine": (wine, 3898, 1000),
}
"""Each set, the rows to learn from, and the new ones."""


def flat(learn: Any, new: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both as numbers: images from 0 to 1, tables one-hot and standardised by the first."""
    if isinstance(learn, np.ndarray):
        made = [each.reshape(len(each), -1) / np.float32(255) for each in (learn, new)]
        return made[0], made[1]
    both = pd.concat([learn, new])
    text = [name for name in both if both[name].dtype.kind not in "iuf"]
    numbers = pd.get_dummies(both, columns=text, dtype=float)
    own = numbers.iloc[: len(learn)]
    numbers = ((numbers - own.mean()) / own.std(ddof=0).replace(0, 1)).fillna(0.0)
    values = numbers.to_numpy(np.float32)
    return values[: len(learn)], values[len(learn) :]


class Split:
    """The rows of a set for a seed, in files that the methods read."""

    def __init__(self, name: str, seed: int, data: Path, folder: Path) -> None:
        read, count, held = SETS[name]
        rows, labels = read(data)
        order = np.random.default_rng(seed).permutation(len(labels))[: count + held]
        self.files = str(folder / f"{name}-{seed}-")
        parts = order[:count], order[count:]
        self.labels = [labels[part] for part in parts]
        if isinstance(rows, np.ndarray):
            own = [rows[part] for part in parts]
            np.savez(self.files + "images.npz", learn=own[0], new=own[1])
        else:
            own = [rows.iloc[part] for part in parts]
            for frame, part in zip(own, ("learn", "new"), strict=True):
                frame.to_csv(f"{self.files}{part}.csv", index=False)
        learn, self.new = flat(*own)
        np.savez(self.files + "flat.npz", learn=learn, new=self.new)

    def judge(self, codes: Path) -> Line:
        """The figures of the codes in a file."""
        from latentry.evaluation.latents import knn_accuracy, trustworthiness

        with np.load(codes) as stored:
            learn, new = stored["learn"], stored["new"]
        share = knn_accuracy(learn, self.labels[0], new, self.labels[1], sizes=(None,))[None]
        assert share is not None
        return {"knn": 100 * share, "trustworthiness": trustworthiness(self.new, new)}


class Worker:
    """A process that embeds with some Python, one job after another."""

    def __init__(self, python: str) -> None:
        own = os.environ | {"PYTHONPATH": str(HERE.parent), "OMP_NUM_THREADS": "1"}
        own |= {"NUMBA_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [python, "-W", "ignore", str(HERE / "peers" / "embed.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=own,
        )  # fmt: skip

    def do(self, job: Line) -> Line:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(job) + "\n")
        stdin.flush()
        for text in stdout:
            if text.startswith("RESULT "):
                return json.loads(text.removeprefix("RESULT "))
        sys.exit(f"{job['method']} failed; what it said stands above.")

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def key(line: Line) -> tuple[Any, ...]:
    """What a line is about."""
    return line["set"], line["seed"], line["dims"], line["method"]


def measure(args: argparse.Namespace, lines: list[Line], path: Path) -> None:
    """Add the lines that are lacking, until the time is up."""
    ends = time.monotonic() + 60 * args.minutes
    pythons = {True: sys.executable, False: args.peers}
    workers: dict[bool, Worker] = {}
    done = {key(line) for line in lines}
    with tempfile.TemporaryDirectory() as folder:
        for seed, name in ((s, n) for s in range(args.seeds) for n in args.sets):
            jobs = [{"set": name, "seed": seed, "dims": d, "method": m}
                    for d in DIMS for m in args.methods]  # fmt: skip
            jobs = [job for job in jobs if key(job) not in done and pythons[is_here(job)]]
            if not jobs:
                continue
            split = Split(name, seed, args.data_dir, Path(folder))
            for job in jobs:
                if time.monotonic() > ends:
                    break
                here, out = is_here(job), Path(folder) / "codes.npz"
                if here not in workers:
                    workers[here] = Worker(pythons[here])
                found = workers[here].do(job | {"files": split.files, "out": str(out)})
                lines.append(job | split.judge(out) | found)
                print(json.dumps(lines[-1]), flush=True)
                write(path, lines, args.seeds)
        for worker in workers.values():
            worker.end()


def is_here(job: Line) -> bool:
    """Whether this Python has the method."""
    return job["method"] != "umap"


def table(lines: list[Line], name: str) -> str:
    """The figures of a set as Markdown."""
    rows = [f"## {name}\n", "| figure | dimensions | " + " | ".join(METHODS) + " |",
            "|---" * (len(METHODS) + 2) + "|"]  # fmt: skip
    for figure, (said, digits_) in FIGURES.items():
        for dims in DIMS:
            cells = []
            for method in METHODS:
                about = (name, dims, method)
                own = [x[figure] for x in lines if (x["set"], x["dims"], x["method"]) == about]
                cells.append(_mean(own, digits_))
            rows.append(f"| {said} | {dims} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def ahead(lines: list[Line]) -> str:
    """The mean accuracy of each method over the sets, and how much sooner than UMAP's codes are."""
    said = []
    for dims in DIMS:
        means = {m: _over_sets(lines, dims, m, "knn") for m in METHODS}
        best = sorted(METHODS, key=lambda m: -means[m])
        said.append(f"- {dims} dimensions: " + ", ".join(f"{m} {means[m]:.1f}" for m in best))
    umaps, own = (
        np.median([x["new_ms_a_row"] for x in lines if x["method"] == m] or [np.nan])
        for m in ("umap", "vae")
    )
    return (
        "kNN accuracy, the mean over the sets, the best first:\n\n" + "\n".join(said)
        + f"\n\nCodes of new rows take {own:.3f} ms of CPU a row from the VAE, and {umaps:.3f} ms"
        " from UMAP (medians)."
    )  # fmt: skip


def _over_sets(lines: list[Line], dims: int, method: str, figure: str) -> float:
    own = [x for x in lines if (x["dims"], x["method"]) == (dims, method)]
    each = [[x[figure] for x in own if x["set"] == name] for name in SETS]
    return float(np.mean([np.mean(found) for found in each if found] or [np.nan]))


def _mean(values: list[float], digits_: int) -> str:
    return kept.mean(values, f".{digits_}f") if values else "–"


def write(path: Path, lines: list[Line], seeds: int) -> None:
    """The lines as JSON, and the tables of them."""
    lines.sort(key=key)
    path.write_text('{"lines": [\n' + ",\n".join(map(json.dumps, lines)) + "\n]}\n")
    names = [name for name in SETS if any(line["set"] == name for line in lines)]
    sizes = ", ".join(f"{n} {SETS[n][1]:,} and {SETS[n][2]:,}" for n in names)
    head = (
        f"# Embeddings\n\n`python benchmarks/tables_embedding.py --peers PYTHON --seeds {seeds}`,"
        f" {datetime.date.today()}, {machine.describe()}.\n\nRows to learn from and new ones:"
        f" {sizes}. What is not in the tables has not been measured yet."
        " Means over the seeds ± their standard error; what the figures are: the script's"
        " first lines. CPU seconds are those of one thread; what UMAP compiles when it is first"
        " used is not counted. Where a table has fewer columns than dimensions, PCA has as many"
        " as columns.\n\n"
    )
    parts = [ahead(lines), TRIED, *(table(lines, n) for n in names)]
    path.with_suffix(".md").write_text(head + "\n\n".join(parts) + "\n")


def main() -> None:
    """Measure what is lacking, a line at a time."""
    parser = kept.options(__doc__, SETS, METHODS)
    parser.add_argument("--peers", default=None, help="Python with umap-learn; else without it")
    args = parser.parse_args()
    path = RESULTS / "tables_embedding.json"
    lines = kept.lines_of(path, args)
    if not args.report:
        measure(args, lines, path)
    write(path, lines, args.seeds)


if __name__ == "__main__":
    main()
