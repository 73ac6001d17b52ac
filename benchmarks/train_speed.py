"""How fast latentry trains, beside other ways to train the same model on the same machine.

    python benchmarks/train_speed.py --peers PYTHON [--data-dir DIR] [--only epochs bound ...]

PYTHON is that of the peers' own virtual environment (README.md says how to make it). The model is
a VAE 784-400-20 with a Bernoulli likelihood on grey pixels, batches of 128, on MNIST. Every
measurement is a process of its own; they take turns, so that what else the machine does meets all
of them alike, and a ratio is the median of the ratios within a turn.

Prints a table for each part and keeps it in results/train_speed.json and .md.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import machine
import numpy as np

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"

RECIPE = {"lr": 8e-3, "schedule": "cosine", "lr_warmup": 0.1, "compile": True}
"""How latentry is asked to reach the bound of the usual script."""
RECIPE_EPOCHS = 4
USUAL_EPOCHS = 10

Row = dict[str, Any]
Line = dict[str, Any]


class Bench:
    """Runs the peers and the probes, one process each, and reads their line of JSON."""

    def __init__(self, args: argparse.Namespace, data: Path) -> None:
        self.args, self.data = args, data
        self.own = os.environ | {"PYTHONPATH": str(HERE.parent)}

    def run(self, python: str, script: str, *options: str, **environment: str) -> Line:
        """The line that a script prints; what it says on stderr if it fails."""
        command = [python, str(HERE / script), "--data", str(self.data), *options]
        done = subprocess.run(
            command, capture_output=True, text=True, env=self.own | environment, check=False
        )
        if done.returncode:
            sys.exit(f"{shlex.join(command)} failed:\n{done.stderr[-3000:]}")
        return json.loads(done.stdout.splitlines()[-1])

    def train(self, peer: str, epochs: int, *options: str, **environment: str) -> Line:
        """One training by one peer."""
        python = sys.executable if peer in ("latentry_fit", "floor") else self.args.peers
        rows = ["--rows", str(self.args.rows)] if self.args.rows else []
        given = ["--epochs", str(epochs), *rows, *options]
        return self.run(python, f"peers/{peer}.py", *given, **environment)

    def turns(self, jobs: dict[str, Callable[[int], Line]]) -> dict[str, list[Line]]:
        """Every job once a turn, for as many turns as were asked for."""
        lines: dict[str, list[Line]] = {name: [] for name in jobs}
        for turn in range(self.args.repeats):
            for name, job in jobs.items():
                print(f"  turn {turn + 1} of {self.args.repeats}: {name}", file=sys.stderr)
                lines[name].append(job(turn))
        return lines


def ratio(slow: list[float], fast: list[float]) -> float:
    """How many times as long: the median over the turns."""
    return statistics.median(s / f for s, f in zip(slow, fast, strict=True))


def epochs(bench: Bench, device: str = "cpu") -> list[Row]:
    """Seconds for an epoch once everything is warm, by each way to train."""
    on = ("--device", device)

    def ours(precision: str, compiled: bool = True) -> Callable[[int], Line]:
        fields = json.dumps({"precision": precision, "compile": compiled})
        return lambda turn: bench.train(
            "latentry_fit", bench.args.epochs, *on, "--fields", fields, "--seed", str(turn)
        )

    def peer(name: str, *options: str) -> Callable[[int], Line]:
        return lambda turn: bench.train(name, bench.args.epochs, *on, *options, "--seed", str(turn))

    jobs = {
        "latentry": ours("bfloat16"),
        "latentry, float32": ours("float32"),
        "latentry, not compiled": ours("bfloat16", False),
        "(a) the usual script": peer("usual"),
        "(b) Keras 3 on JAX": peer("keras_jax"),
        "(c) pythae 0.1.2": peer("pythae_fit"),
        "(d) the floor, bfloat16": peer("floor", "--precision", "bfloat16"),
        "(d) the floor, float32": peer("floor", "--precision", "float32"),
    }
    if device == "cuda":
        del jobs["(b) Keras 3 on JAX"]  # the CPU build of JAX
    lines = bench.turns(jobs)
    # The first epoch compiles and warms up.
    warm = {
        name: [statistics.median(line["epoch_seconds"][1:]) for line in found]
        for name, found in lines.items()
    }
    goals = {"(a)": ">= 5", "(b)": ">= 1.3", "(c)": ">= 5", "(d)": ">= 0.70"}
    table = []
    for name, seconds in warm.items():
        own = warm["latentry, float32" if name.endswith("float32") else "latentry"]
        times = ratio(seconds, own)
        bounds = [line["bound"] for line in lines[name] if line["bound"] is not None]
        first = statistics.median(line["epoch_seconds"][0] for line in lines[name])
        table.append(
            {
                "": name,
                "seconds for an epoch": round(statistics.median(seconds), 3),
                "from": round(min(seconds), 3),
                "to": round(max(seconds), 3),
                "first epoch": round(first, 2),
                "latentry's speed is": f"{times:.2f} times",
                "goal": goals.get(name[:3], ""),
                f"test -ELBO after {bench.args.epochs}": f"{np.median(bounds):.2f}"
                if bounds
                else "",
            }
        )
    return table


def bound(bench: Bench) -> list[Row]:
    """Seconds to the test bound that the usual script has after its ten epochs.

    Set-up and training count, the evaluation of the test set does not. latentry is
    asked for fewer epochs at a higher rate that falls as a cosine, on batches of the same size.
    """
    fields = ("--fields", json.dumps(RECIPE))

    jobs: dict[str, Callable[[int], Line]] = {
        "the usual script": lambda turn: bench.train(
            "usual", bench.args.usual_epochs, "--seed", str(turn)
        ),
        "latentry": lambda turn: bench.train(
            "latentry_fit", bench.args.recipe_epochs, *fields, "--seed", str(turn)
        ),
    }
    lines = bench.turns(jobs)
    whole = {
        name: [line["setup_seconds"] + sum(line["epoch_seconds"]) for line in found]
        for name, found in lines.items()
    }
    slow = whole["the usual script"]
    return [
        {
            "": name,
            "epochs": len(lines[name][0]["epoch_seconds"]),
            "seconds": round(statistics.median(seconds), 2),
            "test -ELBO, nats": ", ".join(f"{line['bound']:.2f}" for line in lines[name]),
            "times as fast": f"{ratio(slow, seconds):.2f}",
            "goal": "" if seconds is slow else ">= 8, and a -ELBO no higher",
        }
        for name, seconds in whole.items()
    ]


def startup(bench: Bench) -> list[Row]:
    """Seconds of a new process that imports, less those of one that imports nothing."""
    jobs = {"nothing": "pass", "torch": "import torch", "latentry": "import latentry"}
    jobs["latentry's VAE"] = "from latentry import VAE"
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(3 * bench.args.repeats + 1):
        for name, code in jobs.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], env=bench.own, check=True)
            if turn:  # the first turn reads the files from the disk
                seconds[name].append(time.perf_counter() - start)
    nothing = statistics.median(seconds.pop("nothing"))
    net = {name: [s - nothing for s in found] for name, found in seconds.items()}
    return [
        {
            "": f"import {name}",
            "seconds": round(statistics.median(found), 3),
            "times that of torch": f"{ratio(found, net['torch']):.2f}",
            "goal": "< 1.5" if name == "latentry" else "",
        }
        for name, found in net.items()
    ]


def memory(bench: Bench) -> list[Row]:
    """The peak resident memory of a fit beside the size of the data, in MB."""
    table = []
    for rows in (60_000, 1_000_000 if not bench.args.rows else 100_000):
        for compiled in ([], ["--compile"]):
            line = bench.run(sys.executable, "probes/memory.py", "--rows", str(rows), *compiled)
            table.append(
                {
                    "rows of 784": rows,
                    "step": "compiled" if compiled else "not compiled",
                    "data, MB": round(line["data"]),
                    "after import, MB": round(line["after_import"]),
                    "peak, MB": round(line["peak"]),
                    "peak less data, MB": round(line["peak"] - line["data"]),
                    "goal": "<= 500",
                }
            )
    return table


def rows(bench: Bench) -> list[Row]:
    """Rows encoded and scored in a second, beside a plain loop with the same weights."""
    n = 20_000 if bench.args.rows else 1_000_000
    repeats = str(bench.args.repeats)
    line = bench.run(sys.executable, "probes/rows.py", "--rows", str(n), "--repeats", repeats)
    return [
        {
            f"{n:,} rows": job,
            "latentry, rows/s": f"{line[job]:,.0f}",
            "a plain loop in torch, rows/s": f"{line['plain_' + job]:,.0f}",
            "latentry's speed is": f"{line[job] / line['plain_' + job]:.2f} times",
        }
        for job in ("encode", "score")
    ]


def cuda(bench: Bench) -> list[Row]:
    """The same on a GPU, where the step is captured as a CUDA graph; the floor is one, too."""
    return epochs(bench, "cuda")


PARTS: dict[str, Callable[[Bench], list[Row]]] = {
    "epochs": epochs,
    "bound": bound,
    "import": startup,
    "memory": memory,
    "rows": rows,
    "cuda": cuda,
}


def markdown(table: list[Row]) -> str:
    """A table in Markdown, aligned for reading as it is."""
    head = list(table[0])
    cells = [head, *([str(row[name]) for name in head] for row in table)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
    lines = [
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |"
        for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(lines)


def keep(part: str, about: str, table: list[Row], command: str, load: float) -> None:
    """Put a part into results/train_speed.json, and write the page of all parts anew."""
    path = RESULTS / "train_speed.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    kept[part] = {
        "about": about,
        "command": command,
        "machine": machine.describe(),
        "load_before": round(load, 2),
        "date": datetime.date.today().isoformat(),
        "table": table,
    }
    ordered = {name: kept[name] for name in PARTS if name in kept}
    RESULTS.mkdir(exist_ok=True)
    path.write_text(json.dumps(ordered, indent=1) + "\n")
    page = ["# Training speed", "", "Written by `benchmarks/train_speed.py`; do not edit."]
    for name, found in ordered.items():
        page += ["", f"## {name}", "", found["about"], "", markdown(found["table"]), ""]
        page += [f"`{found['command']}`, {found['date']}  ", found["machine"]]
        page[-1] += f"; load before: {found['load_before']}"
    (RESULTS / "train_speed.md").write_text("\n".join(page) + "\n")


def mnist(folder: Path, data_dir: str | None) -> None:
    """MNIST's images as train.npy and test.npy, (N, 28, 28) uint8, for every peer to read."""
    import latentry.data

    for split, name in (("train", "mnist"), ("test", "mnist:test")):
        images = latentry.data.load(name, data_dir=data_dir).x
        np.save(folder / f"{split}.npy", np.ascontiguousarray(images, np.uint8))


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", help="the Python of the peers' virtual environment")
    parser.add_argument("--data-dir", default=os.environ.get("LATENTRY_DATA"))
    parser.add_argument("--only", nargs="+", choices=PARTS, help="parts to measure (default: all)")
    parser.add_argument("--repeats", type=int, default=3, help="turns (default: 3)")
    parser.add_argument("--epochs", type=int, default=4, help="epochs of the part of that name")
    parser.add_argument("--quick", action="store_true", help="try everything on a few batches")
    args = parser.parse_args()
    args.rows, args.usual_epochs, args.recipe_epochs = None, USUAL_EPOCHS, RECIPE_EPOCHS
    if args.quick:
        args.rows, args.usual_epochs, args.recipe_epochs = 2560, 1, 1
        args.repeats, args.epochs = 1, 2
    return args


def main() -> None:
    import torch

    args = options()
    parts = args.only or [p for p in PARTS if p != "cuda" or torch.cuda.is_available()]
    if args.peers is None and {"epochs", "bound", "cuda"} & set(parts):
        sys.exit("give the Python of the peers' environment as --peers; see benchmarks/README.md")
    # Without the paths of one machine, which say nothing on another.
    command = (
        "python benchmarks/train_speed.py --peers .venv-peers/bin/python"
        f" --only {' '.join(parts)} --repeats {args.repeats}"
    )
    sys.path.insert(0, str(HERE.parent))
    with tempfile.TemporaryDirectory() as folder:
        mnist(Path(folder), args.data_dir)
        bench = Bench(args, Path(folder))
        for part in parts:
            load = machine.load()
            if load > 0.5 * math.sqrt(os.cpu_count() or 1):
                print(f"warning: the load is {load:.1f}; a busy machine measures badly")
            table = PARTS[part](bench)
            about = " ".join((PARTS[part].__doc__ or "").split())
            print(f"\n{part}: {about}\n\n{markdown(table)}\n", flush=True)
            if not args.quick:
                keep(part, about, table, command, load)


if __name__ == "__main__":
    main()
