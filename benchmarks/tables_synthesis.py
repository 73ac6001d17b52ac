"""How good the rows are that latentry's Synthesizer makes, beside CTGAN, TVAE and a copula.

    python benchmarks/tables_synthesis.py --peers PYTHON [--seeds 3] [--minutes M] [--sets adult]

PYTHON is that of a virtual environment with the package ctgan (README.md). Every method has its
defaults, one thread, and the same rows: 8,000 to learn from, 8,000 others held out. A run that was
stopped goes on where it was: every line of results/tables_synthesis.json is a set, a seed and a
method. `--again METHOD` measures one anew, `--report` only writes the tables. `--epochs E` gives
the peers fewer epochs than their defaults; such lines say so.
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
from pathlib import Path

import kept
import machine
import numpy as np
import pandas as pd
from kept import Line

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
ROWS = 8000
METHODS = ("latentry", "tvae", "copula", "ctgan")
SHOWN = {
    "utility": "train on synthetic, test on real",
    "quality": "quality",
    "shapes": "shapes",
    "pairs": "pairs",
    "rare": "rare levels",
    "tails": "99th percentiles",
    "detection": "detection (0.5 best)",
    "distance": "distance",
    "copies": "copies",
    "missing": "missing cells",
    "fit_seconds": "fit, CPU s",
}
ADULT = [
    "age", "workclass", "fnlwgt", "education", "education-num", "marital-status",
    "occupation", "relationship", "race", "sex", "capital-gain",
    "capital-loss", "hours-per-week", "native-country", "income",
]  # fmt: skip

TRIED = """\
What was tried where others are ahead, on seeds 100 and 101 (reported: 0 to 2). credit, the AUROC of
what is trained on synthetic rows, 0.740 and 0.735 by default: 1,000 steps rather than 700 0.730 and
0.733; a rate of weight 0.3 rather than 0.4 0.741 and 0.734, of 0.2 0.745 and 0.730, and 0.1 0.738
and 0.733; hidden layers of 384 rather than 256 0.742 and 0.737, at learning rates of 0.004 and
0.003 0.736 and 0.732, 0.745 and 0.747; but the last has 0.763 on housing (0.777 by default). A
weight of 0.2 would make rows that are harder to tell from real ones (credit 0.69 and 0.71 rather
than 0.81; adult 0.57 rather than 0.62) and more useful on adult (0.900 rather than 0.889), but they
lie nearer to rows that were learned from than held-out rows do ("distance" 0.57 on adult, 0.43 on
housing), so it is not the default: `Synthesizer(latentry.jobs.tabular.Tabular(beta=0.2))` takes it.
Levels under 5 % are drawn as often as they are, so one of a single row among 8,000 is missing in a
third of the tables; CTGAN, which is taught all levels equally often, has them all."""


def adult(folder: Path) -> tuple[pd.DataFrame, str, list[str]]:
    path = folder / "adult" / "adult-train.csv"
    rows = pd.read_csv(path, header=None, names=ADULT, skipinitialspace=True, na_values="?")
    return rows, "income", [n for n in ADULT if rows[n].dtype.kind not in "iuf"]


def credit(folder: Path) -> tuple[pd.DataFrame, str, list[str]]:
    rows = pd.read_csv(folder / "credit_default" / "UCI_Credit_Card.csv").drop(columns="ID")
    target = "default.payment.next.month"
    levels = ["SEX", "EDUCATION", "MARRIAGE", *[n for n in rows if n.startswith("PAY_")], target]
    return rows, target, [n for n in levels if not n.startswith("PAY_AMT")]


def housing(folder: Path) -> tuple[pd.DataFrame, str, list[str]]:
    rows = pd.read_csv(folder / "california_housing" / "housing.csv")
    return rows, "median_house_value", ["ocean_proximity"]


SETS = {"adult": adult, "credit": credit, "housing": housing}


def split(rows: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows to learn from, and as many that are held out."""
    order = np.random.default_rng(seed).permutation(len(rows))[: 2 * ROWS]
    learn, held = order[:ROWS], order[ROWS:]
    return rows.iloc[learn].reset_index(drop=True), rows.iloc[held].reset_index(drop=True)


def measure(args: argparse.Namespace, name: str, seed: int, method: str) -> Line:
    """One line: a method on a set."""
    from latentry.evaluation.tables import compare_tables

    rows, target, levels = SETS[name](args.data_dir)
    learn, held = split(rows, seed)
    with tempfile.TemporaryDirectory() as folder:
        files = {n: str(Path(folder) / f"{n}.csv") for n in ("train", "made")}
        learn.to_csv(files["train"], index=False)
        theirs = method in ("tvae", "ctgan")
        script = [args.peers if theirs else sys.executable, str(HERE / "peers" / "tables_make.py")]
        given = ["--train", files["train"], "--out", files["made"], "--seed", str(seed)]
        more = ["--epochs", str(args.epochs)] if theirs and args.epochs else []
        own = os.environ | {"PYTHONPATH": str(HERE.parent), "OMP_NUM_THREADS": "1"}
        found = subprocess.run(
            [*script, method, *given, "--levels", ",".join(levels), *more],
            env=own, stdout=subprocess.PIPE, check=True, text=True,
        )  # fmt: skip
        made = pd.read_csv(files["made"])[list(learn)]
        learn = pd.read_csv(files["train"])
    for frame in (learn, made, held):
        for column in levels:  # levels that are written as numbers are no numbers
            frame[column] = frame[column].astype("category")
    figures = compare_tables(learn, made, held, target=target, seed=seed)
    kept_figures = {k: v for k, v in figures.items() if not isinstance(v, dict)}
    line = {"set": name, "seed": seed, "method": method, "epochs": args.epochs if theirs else None}
    return line | kept_figures | json.loads(found.stdout.splitlines()[-1])


def table(lines: list[Line], name: str) -> str:
    """The figures of a set as Markdown, means and standard errors over the seeds."""
    here = [line for line in lines if line["set"] == name]
    real = [line["utility_real"] for line in here]
    of = next(line["utility_of"] for line in here)
    rows = [
        f"## {name}: {of}; {np.mean(real):.3f} when trained on the real rows\n",
        "| method | seeds | " + " | ".join(SHOWN.values()) + " |",
        "|---" * (len(SHOWN) + 2) + "|",
    ]
    for method in METHODS:
        own = [line for line in here if line["method"] == method]
        if not own:
            continue
        epochs = {line["epochs"] for line in own} - {None}
        said = f"{method} ({', '.join(map(str, epochs))} epochs)" if epochs else method
        cells = [_mean([line[k] for line in own if line[k] is not None]) for k in SHOWN]
        rows.append(f"| {said} | {len(own)} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


BEST = {"detection": 0.5, "tails": 1.0}
"""Where the best value of a figure lies; of the others more is better."""
JUDGED = ("utility", "quality", "pairs", "shapes", "rare", "tails", "detection")


def ahead(lines: list[Line]) -> str:
    """Who has the best mean of each figure over the sets, and the time beside TVAE's."""
    said = []
    for figure in JUDGED:
        means = {}
        for method in METHODS:
            own = [x for x in lines if x["method"] == method and x[figure] is not None]
            each = [np.mean([x[figure] for x in own if x["set"] == n]) for n in SETS
                    if any(x["set"] == n for x in own)]  # fmt: skip
            if len(each) == len(SETS):
                means[method] = float(np.mean(each))
        off = {m: abs(v - BEST[figure]) if figure in BEST else -v for m, v in means.items()}
        told = ", ".join(f"{m} {means[m]:.3f}" for m in sorted(off, key=off.__getitem__))
        said.append(f"- {SHOWN[figure]}: {told}")
    took = {m: [x["fit_seconds"] for x in lines if x["method"] == m] for m in METHODS}
    share = np.mean(took["latentry"]) / np.mean(took["tvae"]) if took["tvae"] else np.nan
    return (
        "Means over the sets, the best first:\n\n" + "\n".join(said)
        + f"\n\nlatentry's fit takes {share:.2f} of the CPU seconds of tvae's (goal: a third)."
    )  # fmt: skip


def _mean(values: list[float]) -> str:
    return kept.mean(values, ".0f" if np.mean(values) >= 20 else ".3f") if values else "–"


def write(path: Path, lines: list[Line]) -> None:
    """The lines as JSON, and the tables of them."""
    path.write_text(json.dumps({"lines": lines}, indent=1) + "\n")
    names = [name for name in SETS if any(line["set"] == name for line in lines)]
    command = "python benchmarks/tables_synthesis.py --peers PYTHON"
    head = (
        f"# Synthetic tables\n\n`{command}`, {datetime.date.today()}, {machine.describe()}.\n\n"
        f"{ROWS:,} rows to learn from, as many made, {ROWS:,} held out."
        " What is not in the tables has not been measured yet."
        " Means over the seeds ± their standard error; what the figures are:"
        " `latentry.evaluation.tables`. CPU seconds are those of one thread.\n\n"
    )
    parts = [ahead(lines), TRIED, *(table(lines, n) for n in names)]
    path.with_suffix(".md").write_text(head + "\n\n".join(parts) + "\n")


def main() -> None:
    """Measure what is lacking, a line at a time."""
    parser = kept.options(__doc__, SETS, METHODS)
    parser.add_argument("--peers", default=None, help="Python with ctgan; without, ours alone")
    parser.add_argument("--epochs", type=int, default=None, help="of the peers")
    args = parser.parse_args()
    path = RESULTS / "tables_synthesis.json"
    lines = kept.lines_of(path, args)
    ends = time.monotonic() + 60 * args.minutes
    wanted = [(n, s, m) for s in range(args.seeds) for n in args.sets for m in args.methods]
    done = {(line["set"], line["seed"], line["method"]) for line in lines}
    for job in [] if args.report else wanted:
        theirs = job[2] in ("tvae", "ctgan")
        if job in done or (theirs and not args.peers) or time.monotonic() > ends:
            continue
        lines.append(measure(args, *job))
        print(json.dumps(lines[-1]), flush=True)
        write(path, lines)
    write(path, lines)


if __name__ == "__main__":
    main()
