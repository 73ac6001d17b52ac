"""What a table of a million rows and 50 mixed columns costs, from a Parquet file.

    python benchmarks/tables_size.py [--rows 1000000] [--epochs 2]

The file is made by `big_table.py` in a temporary folder: reals, counts, levels, dates, missing
cells, and a column of 50,000 levels. Every part is a process of its own, whose peak of resident
memory is what the system says of it:

* read: `latentry.load_data`, which learns what the columns are and packs the rows; then again with
  the schema known, which only packs them
* fit: the same, and a VAE with its defaults
* use: the saved model encodes all rows of the file, and scores 20,000 of them
* step: the milliseconds of a training step with the column of 50,000 levels and without

Seconds are those of one thread.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import big_table
import machine

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
SCORED = 20_000
FEW = 25_600
"""Rows whose steps are timed."""

Found = dict[str, Any]


def read(folder: Path, epochs: int) -> Found:
    """Reading alone."""
    import latentry

    began = time.process_time()
    rows = latentry.load_data(folder / "big.parquet")
    learned = time.process_time()
    latentry.load_data(folder / "big.parquet", schema=rows.schema)
    packed = time.process_time() - learned
    assert rows.schema is not None
    return {
        "read_seconds": learned - began,
        "pack_seconds": packed,
        "packed_gb": rows.x.nbytes / 1e9,
        "levels": max(column.size for column in rows.schema.learned),
    }


class Clock:
    """A reporter that notes the processor's time at the end of each epoch."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.steps = 0

    def start(self, steps: int, epochs: int, batch_size: int) -> None:
        self.times.append(time.process_time())
        self.steps = steps // epochs

    def step(self, row: Any) -> None: ...

    def epoch(self, row: Any) -> None:
        self.times.append(time.process_time())

    def note(self, text: str) -> None: ...
    def stop(self) -> None: ...


def fit(folder: Path, epochs: int) -> Found:
    """Reading and training; the model is kept for `use`."""
    import latentry

    rows = latentry.load_data(folder / "big.parquet")
    clock, began = Clock(), time.process_time()
    model = latentry.VAE(epochs=epochs, random_state=0).fit(rows, progress=clock)
    ended = time.process_time()
    model.save(folder / "model")
    each = [b - a for a, b in zip(clock.times, clock.times[1:], strict=False)]
    return {
        "batch_size": model.batch_size,
        "steps": clock.steps,
        "epoch_seconds": each,
        "other_seconds": ended - began - sum(each),
        "valid_bound": [row["valid_bound"] for row in model.history_.rows],
    }


def use(folder: Path, epochs: int) -> Found:
    """Codes of all rows, and the scores of some."""
    import latentry

    model = latentry.load(folder / "model")
    rows = latentry.load_data(folder / "big.parquet", schema=model.schema_)
    began = time.process_time()
    model.transform(rows)
    encoded = time.process_time()
    model.score_samples(rows.x[:SCORED])
    ended = time.process_time()
    return {
        "encode_seconds": encoded - began,
        "score_seconds_per_1000": 1000 * (ended - encoded) / SCORED,
    }


def step(folder: Path, epochs: int) -> Found:
    """A step with the widest column and without, not compiled."""
    import latentry

    found: Found = {}
    for name, drop in (("step_ms", ()), ("step_without_ms", ("place",))):
        rows = latentry.load_data(folder / "big.parquet", drop=drop)
        rows.x = rows.x[:FEW]
        clock = Clock()
        model = latentry.VAE(epochs=2, random_state=0, valid=0.0, compile=False)
        model.fit(rows, progress=clock)
        found[name] = 1000 * (clock.times[2] - clock.times[1]) / clock.steps
    return found


PARTS: dict[str, Callable[[Path, int], Found]] = {
    "read": read, "fit": fit, "use": use, "step": step,
}  # fmt: skip


def child(part: str, folder: Path, epochs: int) -> None:
    """Measure one part and print it."""
    found = PARTS[part](folder, epochs)
    found["peak_gb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print("RESULT " + json.dumps(found), flush=True)


def measure(part: str, folder: Path, epochs: int) -> Found:
    """One part in a process of its own."""
    own = os.environ | {"PYTHONPATH": str(HERE.parent), "OMP_NUM_THREADS": "1"}
    script = [sys.executable, str(HERE / "tables_size.py"), "--epochs", str(epochs)]
    done = subprocess.run(
        [*script, "--part", part, "--folder", str(folder)],
        env=own, stdout=subprocess.PIPE, check=True, text=True,
    )  # fmt: skip
    line = next(text for text in done.stdout.splitlines() if text.startswith("RESULT "))
    return json.loads(line.removeprefix("RESULT "))


def report(found: Found) -> str:
    """The figures in Markdown."""
    read, fit, use, step = (found[part] for part in PARTS)
    rows = found["rows"]
    lines = [
        ("the file", f"{found['file_gb']:.2f} GB, {rows:,} rows, widest column"
                     f" {read['levels']:,} levels"),
        ("its rows, packed", f"{read['packed_gb']:.2f} GB"),
        ("reading: learning the schema and packing", f"{read['read_seconds']:.0f} s"),
        ("reading: packing alone", f"{read['pack_seconds']:.0f} s"),
        ("peak memory, reading", f"{read['peak_gb']:.2f} GB"),
        ("**peak memory, reading and fitting**", f"**{fit['peak_gb']:.2f} GB**"),
        ("an epoch", " and ".join(f"{s:.0f} s" for s in fit["epoch_seconds"])
                     + f" ({fit['steps']:,} steps of {fit['batch_size']} rows, with validation)"),
        ("the fit beside its epochs", f"{fit['other_seconds']:.0f} s"),
        ("bound on held-out rows, by epoch", ", ".join(f"{v:.2f}" for v in fit["valid_bound"])),
        ("a step, not compiled", f"{step['step_ms']:.1f} ms"),
        ("the same without the column of very many levels", f"{step['step_without_ms']:.1f} ms"),
        ("encoding all rows", f"{use['encode_seconds']:.0f} s"),
        ("scoring 1,000 rows, 16 draws", f"{use['score_seconds_per_1000']:.2f} s"),
        ("peak memory, encoding and scoring", f"{use['peak_gb']:.2f} GB"),
    ]  # fmt: skip
    table = "\n".join(f"| {name} | {value} |" for name, value in lines)
    head = (
        f"# A large table\n\n`{found['command']}`, {found['date']}, {found['machine']}.\n\n"
        "A table of 50 mixed columns is read from a Parquet file and fitted by a VAE with its"
        " defaults. The goal was 8 GB. Seconds are those of one thread; the first epoch compiles"
        " the step.\n\n"
    )
    return f"{head}| | |\n|---|---|\n{table}\n"


def main() -> None:
    """Make the file, measure each part, write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        child(args.part, args.folder, args.epochs)
        return
    found: Found = {
        "command": f"python benchmarks/tables_size.py --rows {args.rows} --epochs {args.epochs}",
        "date": datetime.date.today().isoformat(),
        "machine": machine.describe(),
        "rows": args.rows,
    }
    with tempfile.TemporaryDirectory() as kept:
        big_table.write(Path(kept) / "big.parquet", args.rows)
        found["file_gb"] = (Path(kept) / "big.parquet").stat().st_size / 1e9
        for part in PARTS:
            found[part] = measure(part, Path(kept), args.epochs)
            print(part, json.dumps(found[part]), flush=True)
    (RESULTS / "tables_size.json").write_text(json.dumps(found, indent=1) + "\n")
    (RESULTS / "tables_size.md").write_text(report(found))


if __name__ == "__main__":
    main()
