"""How well latentry's AnomalyDetector finds anomalies in tables, beside PyOD's detectors.

    python benchmarks/tables_detection.py --peers PYTHON [--data-dir DIR] [--minutes M]

PYTHON is that of the peers' own virtual environment (README.md says how to make it), DIR the
folder that has adbench/. All methods have their defaults, see the same rows (`adbench.split`) and
use one thread. A run that was stopped goes on where it was: every line of
results/tables_detection.json is a set, a protocol, a seed and a method. `--again METHOD` measures
one anew, `--report` only writes the tables.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import adbench
import machine
import numpy as np

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
OURS = "latentry"
PEERS = ("KNN", "IForest", "ECOD", "PCA", "AutoEncoder", "VAE")
METHODS = (OURS, *PEERS)

Line = dict[str, Any]


def key(line: Line) -> tuple[Any, ...]:
    """What a line is about."""
    return line["set"], line["protocol"], line["seed"], line["method"]


class Bench:
    """The lines measured so far, and the processes that measure more."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.ends = time.monotonic() + 60 * args.minutes
        self.path = RESULTS / "tables_detection.json"
        kept = json.loads(self.path.read_text()) if self.path.exists() else {"lines": []}
        self.lines: list[Line] = [x for x in kept["lines"] if x["method"] not in args.again]

    def jobs(self, name: str) -> list[Line]:
        """What is still to be measured on a set, or of "speed"."""
        seeds = [0] if name == "speed" else range(self.args.seeds)
        protocols = ["speed"] if name == "speed" else adbench.PROTOCOLS
        wanted = [
            {"set": name, "protocol": protocol, "seed": seed, "method": method}
            for protocol in protocols
            for seed in seeds
            for method in METHODS
        ]
        done = {key(line) for line in self.lines}
        return [job for job in wanted if key(job) not in done]

    def measure(self, name: str) -> None:
        """Have the missing lines of a set measured, ours in this Python and theirs in their own."""
        for python, script, ours in (
            (sys.executable, "latentry_detect.py", True),
            (self.args.peers, "pyod_detect.py", False),
        ):
            jobs = [job for job in self.jobs(name) if (job["method"] == OURS) == ours]
            if jobs and python and time.monotonic() < self.ends:
                for line in self.work([python, str(HERE / "peers" / script)], jobs):
                    self.lines.append(line)
                    self.save()

    def work(self, command: list[str], jobs: list[Line]) -> Iterator[Line]:
        """The lines of one process, which is stopped when the time is up."""
        own = os.environ | {"PYTHONPATH": str(HERE.parent), "OMP_NUM_THREADS": "1"}
        command = [*command, "--data", str(self.args.data_dir / "adbench")]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=own
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(jobs))
            process.stdin.close()
            for text in process.stdout:
                if text.startswith("RESULT "):
                    line = json.loads(text.removeprefix("RESULT "))
                    print(line["seconds"], *key(line), line.get("auroc", line.get("error", "")))
                    yield line
                if time.monotonic() > self.ends:
                    process.terminate()
        if process.returncode and time.monotonic() < self.ends:
            sys.exit(f"{command[1]} failed; what it said stands above.")

    def save(self) -> None:
        """The lines in a stable order, whole or not at all."""
        self.lines.sort(key=lambda line: [str(part).lower() for part in key(line)])
        about = {"command": self.args.command, "machine": machine.describe()}
        about["date"] = datetime.date.today().isoformat()
        rows = ",\n".join(json.dumps(line) for line in self.lines)
        text = json.dumps(about, indent=1)[:-2] + f',\n "lines": [\n{rows}\n]}}\n'
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text(text)
        temporary.replace(self.path)


# ------------------------------------------------------------------------------------------ tables


class Table:
    """One figure of one protocol: sets x methods x seeds, of the sets that all methods have done.

    A method that failed has a half as its AUROC (chance), and the share of anomalies is unknown to
    it: a zero as its AUPRC.
    """

    def __init__(self, lines: list[Line], protocol: str, figure: str, seeds: int) -> None:
        failed = 0.5 if figure == "auroc" else 0.0
        found = {key(x): x.get(figure, failed) for x in lines if x["protocol"] == protocol}
        names = sorted({name for name, *_ in found}, key=str.lower)
        runs = range(seeds)
        self.sets = [
            n for n in names if all((n, protocol, s, m) in found for s in runs for m in METHODS)
        ]
        self.values = 100 * np.array(
            [[[found[n, protocol, s, m] for s in runs] for m in METHODS] for n in self.sets]
        ).reshape(len(self.sets), len(METHODS), seeds)

    def over(self, which: list[str]) -> list[str]:
        """For each method, the mean over some sets and its standard error over the seeds."""
        part = self.values[[i for i, name in enumerate(self.sets) if name in which]]
        means = part.mean(0)
        error = means.std(1, ddof=1) / np.sqrt(means.shape[1])
        return [f"{m:.1f} ± {e:.1f}" for m, e in zip(means.mean(1), error, strict=True)]

    def ranks(self) -> list[str]:
        """The mean rank of each method over the sets, by its mean over the seeds; 1 is best."""
        from scipy.stats import rankdata

        return [f"{r:.2f}" for r in rankdata(-self.values.mean(2), axis=1).mean(0)]


def table(header: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def half(n: int) -> str:
    return f"{n} set" + ("" if n == 1 else "s")


def section(lines: list[Line], protocol: str, seeds: int) -> str:
    """Both figures of a protocol, over all sets, each half of them, and each set alone."""
    auroc, auprc = (Table(lines, protocol, figure, seeds) for figure in ("auroc", "auprc"))
    if not auroc.sets:
        return ""
    tuned = [n for n in auroc.sets if n in adbench.tuning_half(sorted({x["set"] for x in lines}))]
    other = [n for n in auroc.sets if n not in tuned]
    rows = [[f"AUROC, {half(len(auroc.sets))}", *auroc.over(auroc.sets)]]
    for name, part in (("the tuning half", tuned), ("the other half", other)):
        if part:
            rows.append([f"AUROC, {name} ({len(part)})", *auroc.over(part)])
    rows.append([f"AUPRC, {half(len(auprc.sets))}", *auprc.over(auprc.sets)])
    rows.append(["mean rank by AUROC", *auroc.ranks()])
    rows.append(["mean rank by AUPRC", *auprc.ranks()])
    each = [
        [name + (" *" if name in tuned else ""), *(f"{v:.1f}" for v in auroc.values[i].mean(1))]
        for i, name in enumerate(auroc.sets)
    ]
    return "\n\n".join(
        [
            f"## {protocol.capitalize()}",
            table(["", *METHODS], rows),
            "AUROC of each set (* in the tuning half):",
            table(["set", *METHODS], each),
        ]
    )


def report(bench: Bench) -> str:
    """Everything in Markdown."""
    args, lines = bench.args, [x for x in bench.lines if x["protocol"] != "speed"]
    parts = [
        "# Anomalies in tables",
        f"ADBench's sets, {args.seeds} seeds, mean ± standard error over the seeds, in percent."
        " One-class: learn from half of the normal rows, score the rest and all anomalies."
        " Contaminated: learn from all rows without labels, and score them. Every method has its"
        " defaults on every set; latentry's were chosen on the sets marked * only. Made by\n\n"
        f"    {args.command}\n\non {machine.describe()}, {datetime.date.today()}.",
        *(section(lines, protocol, args.seeds) for protocol in adbench.PROTOCOLS),
    ]
    took = {x["method"]: x["seconds"] for x in bench.lines if x["protocol"] == "speed"}
    if took:
        known = [m for m in METHODS if m in took]
        parts.append("## Seconds of one processor to learn from 2,000 rows of 20 numbers")
        parts.append(table(["", *known], [["seconds", *(f"{took[m]:.2f}" for m in known)]]))
    failed = sorted({f"{x['method']} on {x['set']}: {x['error']}" for x in lines if "error" in x})
    if failed:
        parts.append("Failed, and counted as chance: " + "; ".join(failed) + ".")
    return "\n\n".join(part for part in parts if part) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", help="the Python that has PyOD")
    data = os.environ.get("LATENTRY_DATA")
    parser.add_argument("--data-dir", type=Path, default=data, required=data is None)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sets", nargs="*", help="some sets only")
    parser.add_argument("--minutes", type=float, default=np.inf, help="stop after so long")
    parser.add_argument("--again", nargs="*", default=[], choices=METHODS)
    parser.add_argument("--report", action="store_true", help="write the tables and stop")
    args = parser.parse_args()
    args.command = "python benchmarks/tables_detection.py --peers PYTHON --data-dir DIR"
    bench = Bench(args)
    if not args.report:
        paths = adbench.files(args.data_dir / "adbench")
        by_cost = sorted(paths, key=lambda n: _cost(paths[n]))
        for name in ["speed", *by_cost]:
            if not args.sets or name in args.sets:
                bench.measure(name)
    text = report(bench)
    (RESULTS / "tables_detection.md").write_text(text)
    print(text)


def _cost(path: Path) -> int:
    """About how much work a set is."""
    with np.load(path) as stored:
        rows, columns = stored["X"].shape
    return min(rows, adbench.MOST_ROWS) * columns


if __name__ == "__main__":
    main()
