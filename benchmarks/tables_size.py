"""What a table of a million rows and 50 mixed columns costs, from a Parquet file.

    python benchmarks/tables_size.py [--rows 1000000] [--epochs 1]

The file is made by `big_table.py` in a temporary folder: reals, counts, levels, dates, missing
cells, and a column of 50,000 levels. Every part is a process of its own, whose peak of resident
memory is what the system says of it:

* read: `latentry.load_data`, which learns what the columns are and packs the rows; then again with
  the schema known, which only packs them
* fit: the same, and a VAE on batches of 500 rows, as the models of the jobs have them; then the
  codes of 100,000 rows and the scores of 5,000
* step: the milliseconds of a training step with the column of 50,000 levels and without, at the
  VAE's own 128 rows and at 500

Nothing is compiled. Seconds are those of one thread. A run that was stopped goes on where it was;
`--again PART` measures a part anew.
"""

from __future__ import annotations

import argparse
import dataclasses
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
ENCODED, SCORED = 100_000, 5000
BATCH = 500
TIMED = 60
"""Steps that are timed."""

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
    """Reading, training, and using the model."""
    import latentry

    rows = latentry.load_data(folder / "big.parquet")
    clock, began = Clock(), time.process_time()
    model = latentry.VAE(epochs=epochs, batch_size=BATCH, random_state=0, compile=False)
    model.fit(rows, progress=clock)
    ended = time.process_time()
    peak = peak_gb()
    model.transform(rows.x[:ENCODED])
    encoded = time.process_time()
    model.score_samples(rows.x[:SCORED])
    scored = time.process_time()
    each = [b - a for a, b in zip(clock.times, clock.times[1:], strict=False)]
    return {
        "fit_peak_gb": peak,
        "steps": clock.steps,
        "epoch_seconds": each,
        "other_seconds": ended - began - sum(each),
        "valid_bound": [row["valid_bound"] for row in model.history_.rows],
        "encode_ms_a_row": 1000 * (encoded - ended) / ENCODED,
        "score_ms_a_row": 1000 * (scored - encoded) / SCORED,
    }


def step(folder: Path, epochs: int) -> Found:
    """A step with the widest column and without; the first epoch warms up."""
    import latentry

    found: Found = {}
    # A part of the file has not all levels, but they are known.
    levels = {"place": {"kind": "categorical", "levels": big_table.PLACES}}
    for name, drop, told in (("with", (), levels), ("without", ("place",), None)):
        rows = latentry.load_data(folder / "few.parquet", drop=drop, schema=told)
        for size in (128, BATCH):
            clock = Clock()
            model = latentry.VAE(
                epochs=2, batch_size=size, random_state=0, valid=0.0, compile=False
            )
            some = dataclasses.replace(rows, x=rows.x[: TIMED * size])
            model.fit(some, progress=clock)
            found[f"{name}_{size}_ms"] = 1000 * (clock.times[2] - clock.times[1]) / clock.steps
    return found


PARTS: dict[str, Callable[[Path, int], Found]] = {"read": read, "fit": fit, "step": step}


def peak_gb() -> float:
    """The largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def child(part: str, folder: Path, epochs: int) -> None:
    """Measure one part and print it."""
    found = PARTS[part](folder, epochs)
    found["peak_gb"] = peak_gb()
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
    """The figures in Markdown, of the parts that are measured."""
    read, fit, step = (found.get(part, {}) for part in PARTS)
    lines: list[tuple[str, str]] = [("the file", f"{found['file_gb']:.2f} GB")]
    if read:
        lines += [
            ("levels of the widest column", f"{read['levels']:,}"),
            ("the rows, packed", f"{read['packed_gb']:.2f} GB"),
            ("learning the schema and packing", f"{read['read_seconds']:.0f} s"),
            ("packing alone, the schema known", f"{read['pack_seconds']:.0f} s"),
            ("peak memory, reading", f"{read['peak_gb']:.2f} GB"),
        ]
    if fit:
        each = ", ".join(f"{s:.0f} s" for s in fit["epoch_seconds"])
        bounds = ", ".join(f"{v:.2f}" for v in fit["valid_bound"])
        lines += [
            ("**peak memory, reading and fitting**", f"**{fit['fit_peak_gb']:.2f} GB**"),
            ("an epoch, with validation", f"{each} ({fit['steps']:,} steps of {BATCH} rows)"),
            ("the fit beside its epochs", f"{fit['other_seconds']:.0f} s"),
            ("bound on held-out rows, nats", bounds),
            ("peak memory, encoding and scoring too", f"{fit['peak_gb']:.2f} GB"),
            ("encoding a row", f"{fit['encode_ms_a_row']:.3f} ms"),
            ("scoring a row, 16 draws", f"{fit['score_ms_a_row']:.2f} ms"),
        ]
    if step:
        lines += [
            (f"a step of {size} rows, and without the widest column",
             f"{step[f'with_{size}_ms']:.1f} ms, {step[f'without_{size}_ms']:.1f} ms")
            for size in (128, BATCH)
        ]  # fmt: skip
    table = "\n".join(f"| {name} | {value} |" for name, value in lines)
    head = (
        f"# A large table\n\n`{found['command']}`, {found['date']}, {found['machine']}.\n\n"
        f"A table of {found['rows']:,} rows and 50 mixed columns is read from a Parquet file and"
        " fitted by a VAE; the goal was 8 GB of memory. What the figures are: the script's first"
        " lines. CPU seconds are those of one thread.\n\n"
    )
    return f"{head}| | |\n|---|---|\n{table}\n"


def main() -> None:
    """Make the file, measure each part that is lacking, write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--again", nargs="*", choices=PARTS, default=[])
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        child(args.part, args.folder, args.epochs)
        return
    command = f"python benchmarks/tables_size.py --rows {args.rows} --epochs {args.epochs}"
    path = RESULTS / "tables_size.json"
    found: Found = json.loads(path.read_text()) if path.exists() else {}
    if found.get("command") != command:
        found = {"command": command, "rows": args.rows}
    found |= {"date": datetime.date.today().isoformat(), "machine": machine.describe()}
    lacking = [part for part in PARTS if part not in found or part in args.again]
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        big_table.write(folder / "few.parquet", TIMED * BATCH)
        if lacking:
            big_table.write(folder / "big.parquet", args.rows)
            found["file_gb"] = (folder / "big.parquet").stat().st_size / 1e9
        for part in lacking:
            found[part] = measure(part, folder, args.epochs)
            print(part, json.dumps(found[part]), flush=True)
            path.write_text(json.dumps(found, indent=1) + "\n")
            path.with_suffix(".md").write_text(report(found))


if __name__ == "__main__":
    main()
