"""How faithful rows are that are made given five cells, of a class that one row in a hundred has.

    python benchmarks/tables_conditional.py [--data-dir DIR] [--seeds 3] [--rows 1000]

Adult: men of the race Amer-Indian-Eskimo (1 % of the rows), born in the United States, privately
employed, below 50K. The synthesizer learns 16,000 rows; the rows that it makes given these five
cells are compared, column by column, with all the real rows outside of training that have them.
"likeness" is the mean over the ten free columns of 1 - Kolmogorov-Smirnov distance or 1 - total
variation. Beside it that of as many random training rows, which a method would have that does not
condition, and that of a random half of the real rows with the other, which chance allows.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import time
from pathlib import Path
from typing import Any

import kept
import machine
import numpy as np
import pandas as pd
from tables_synthesis import RESULTS, adult

FIXED = {
    "race": "Amer-Indian-Eskimo",
    "sex": "Male",
    "native-country": "United-States",
    "workclass": "Private",
    "income": "<=50K",
}
LEARNED = 16_000


def measure(folder: Path, seed: int, n: int) -> dict[str, Any]:
    """One line: a synthesizer, and rows given the five cells."""
    from latentry.evaluation.tables import compare_tables
    from latentry.jobs import Synthesizer

    rows = adult(folder)[0]
    order = np.random.default_rng(seed).permutation(len(rows))
    learn = rows.iloc[order[:LEARNED]].reset_index(drop=True)
    rest = rows.iloc[order[LEARNED:]]
    real = rest[(rest[list(FIXED)] == pd.Series(FIXED)).all(axis=1)].drop(columns=list(FIXED))
    own = (learn[list(FIXED)] == pd.Series(FIXED)).all(axis=1)

    def likeness(a: pd.DataFrame, b: pd.DataFrame) -> float:
        return compare_tables(a, b, seed=seed)["shapes"]

    began = time.process_time()
    made = Synthesizer(random_state=seed).fit(learn)
    fitted = time.process_time()
    drawn = made.sample(n, FIXED, seed=seed)
    ended = time.process_time()
    half = real.sample(frac=0.5, random_state=seed)
    fixed = drawn[list(FIXED)]
    return {
        "seed": seed,
        "class_share": float((learn.race == FIXED["race"]).mean()),
        "trained_on": int(own.sum()),
        "compared_with": len(real),
        "rows_asked": n,
        "rows_made": len(drawn),
        "cells_kept": bool((fixed == pd.Series(FIXED)).all(axis=None)),
        "likeness": likeness(real, drawn[list(real)]),
        "likeness_unconditioned": likeness(real, learn.sample(n, random_state=seed)[list(real)]),
        "likeness_of_halves": likeness(half, real.drop(half.index)),
        "fit_seconds": fitted - began,
        "milliseconds_a_row": 1000 * (ended - fitted) / n,
    }


def main() -> None:
    """Measure, and write the lines and their means."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("LATENTRY_DATA", "../shared/data")
    parser.add_argument("--data-dir", type=Path, default=Path(default))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1000)
    args = parser.parse_args()
    path = RESULTS / "tables_conditional.json"
    lines: list[dict[str, Any]] = []
    for seed in range(args.seeds):
        lines.append(measure(args.data_dir, seed, args.rows))
        print(json.dumps(lines[-1]), flush=True)
        path.write_text(json.dumps({"lines": lines}, indent=1) + "\n")
    head = (
        "# Rows given five cells\n\n`python benchmarks/tables_conditional.py"
        f" --seeds {args.seeds}`, {datetime.date.today()}, {machine.describe()}.\n\n"
        f"Adult, {', '.join(f'{k} = {v}' for k, v in FIXED.items())}; what the figures are: the"
        " script's first lines. CPU seconds are those of one thread.\n\n"
        "| figure | mean ± standard error over the seeds |\n|---|---|\n"
    )
    names = [name for name in lines[0] if name not in ("seed", "cells_kept")]
    columns = {name: [x[name] for x in lines] for name in names}
    means = [
        f"| {n.replace('_', ' ')} | {kept.mean(v if np.ptp(v) else v[:1], '.4g', '.2g')} |"
        for n, v in columns.items()
    ]
    same = f"| cells kept in every row | {'yes' if all(x['cells_kept'] for x in lines) else 'no'} |"
    path.with_suffix(".md").write_text(head + "\n".join([*means, same]) + "\n")


if __name__ == "__main__":
    main()
