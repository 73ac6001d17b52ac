"""The verb that finds anomalies: rows of a table in, their scores and reasons out."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from ..errors import LatentryError, suggest
from .app import app
from .given import (
    TABLES,
    Data,
    DataDir,
    Drop,
    Force,
    Json,
    Label,
    OneThatSuits,
    SchemaFile,
    Seed,
    listed,
)
from .output import emit, note, say, table

if TYPE_CHECKING:
    import pandas as pd

    from ..data.datasets import Dataset
    from ..jobs import AnomalyDetector

TOP = 3
"""Columns named for each row."""
SHOWN = 5
"""Rows shown in the summary."""


@app.command(
    rich_help_panel="Do a job",
    epilog="Example: latentry detect train.csv test.csv -o scores.csv --contamination 0.05",
)
def detect(
    train: Data,
    test: Annotated[
        str | None, typer.Argument(metavar="TEST", help="rows to score; without it, DATA's own")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="OUT", help="File to write: .csv, .parquet"),
    ] = None,
    model: OneThatSuits = None,
    contamination: Annotated[
        str, typer.Option(help="Share of anomalies among the rows of DATA, or auto.")
    ] = "0.1",
    score: Annotated[
        str,
        typer.Option(
            help="auto, reconstruction, reconstruction-probability, elbo, likelihood, kl,"
            " mahalanobis, neighbours, ..."
        ),
    ] = "auto",
    threshold: Annotated[str, typer.Option(help="quantile, conformal, auto, or a score.")] = "auto",
    false_alarms: Annotated[
        float, typer.Option(help="Share of normal rows that a conformal threshold may flag.")
    ] = 0.05,
    label: Label = None,
    drop: Drop = None,
    schema: SchemaFile = None,
    data_dir: DataDir = None,
    seed: Seed = 0,
    force: Force = False,
    json_: Json = False,
) -> None:
    """Learn what is normal from DATA, then say how strange each row of TEST is, and why.

    OUT has a row for each: row (from 0), score (larger for stranger), p_value (the chance that a
    normal row is at least as strange), is_anomaly, and the columns that contribute most.
    """
    from ..data import check_output, load
    from ..jobs import AnomalyDetector
    from ..zoo import named

    if out is not None and check_output(out, force=force).suffix.lower() not in TABLES:
        raise LatentryError(f"Cannot write {out}: scores are a table; use one of .csv, .parquet.")
    made = AnomalyDetector(
        model=None if model is None else named(model)(),
        contamination=_number(contamination),
        scoring=score,
        threshold=_number(threshold),
        false_alarms=false_alarms,
        random_state=seed,
    )
    rows = load(train, data_dir=data_dir, label=label, drop=listed(drop), schema=schema)
    others = rows if test is None else _alike(test, rows, data_dir)
    if not json_:
        note(f"Learning from {len(rows):,} rows ...")
    made.fit(rows)
    found = _result(made, others)
    if out is not None:
        _write(out, found)
    _tell(made, found, out, json_)


def _number(text: str) -> Any:
    """A number where it is one, else the word."""
    try:
        return float(text)
    except ValueError:
        return text


def _alike(name: str, train: Dataset, data_dir: Path | None) -> Dataset:
    """The rows of TEST with the columns of the training rows; others, as a label, are left out."""
    from ..data import load

    test = load(name, data_dir=data_dir)
    if train.columns is None or test.columns is None:
        return test
    wanted = _names(train, learned=True)
    for column in wanted:
        if column not in _names(test):
            raise LatentryError(
                f"{name} has no column {column!r}, which the training rows have; add it, or leave"
                f" it out with --drop {column}.{suggest(column, _names(test))}"
            )
    others = [column for column in _names(test) if column not in _names(train)]
    if train.schema is not None or test.schema is not None:
        return load(name, data_dir=data_dir, drop=others, schema=train.schema)
    order = [test.columns.index(column) for column in wanted]
    return dataclasses.replace(test, x=test.x[:, order], columns=train.columns)


def _names(dataset: Dataset, learned: bool = False) -> list[str]:
    """The columns of a table, also those that are not learned unless these alone are asked for."""
    if dataset.schema is None:
        return list(dataset.columns or ())
    return [each.name for each in dataset.schema.table if each.learned or not learned]


def _result(made: AnomalyDetector, rows: Dataset) -> pd.DataFrame:
    """What OUT holds: rows by score, p-value, verdict and reasons."""
    import pandas as pd

    from ..jobs.thresholds import p_values

    normal = made.score_samples(rows)
    found = pd.DataFrame({"row": np.arange(len(normal)), "score": -normal})
    found["p_value"] = p_values(made.calibration_scores_, -normal)
    found["is_anomaly"] = normal < made.offset_
    shares = made.explain(rows, excess=True)
    order = np.argsort(-shares.to_numpy(), axis=1, kind="stable")[:, :TOP]
    names = np.asarray(shares.columns, dtype=object)[order]
    for i in range(names.shape[1]):
        found[f"column_{i + 1}"] = names[:, i]
    return found


def _write(out: Path, found: pd.DataFrame) -> None:
    """The table as a file, whole or not at all."""
    from ..data.writers import save_frame

    save_frame(out, found)


def _tell(made: AnomalyDetector, found: pd.DataFrame, out: Path | None, json_: bool) -> None:
    """The summary: how many anomalies there are, and the strangest rows."""
    flagged = int(found["is_anomaly"].to_numpy().sum())
    top = found.sort_values("score", ascending=False, kind="stable").head(SHOWN)
    if json_:
        emit(
            {
                "out": None if out is None else str(out),
                "rows": len(found),
                "anomalies": flagged,
                "threshold": -made.offset_,
                "strangest": top.to_dict("records"),
            }
        )
        return
    if out is not None:
        say(f"{out}: {len(found):,} scores.")
    say(f"{flagged:,} of {len(found):,} rows score above {-made.offset_:.4g} and are anomalies.")
    say("The strangest rows, and the columns that make them so:")
    reasons = top.filter(like="column_").astype(str).agg(", ".join, axis=1)
    cells = [top[name] for name in ("row", "score", "p_value")]
    table(("row", "score", "p-value", "columns"), list(zip(*cells, reasons, strict=True)))
