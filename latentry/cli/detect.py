"""The verb that finds anomalies: rows of a table in, their scores and reasons out."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from ..errors import LatentryError
from .app import app
from .given import Data, DataDir, Drop, Force, Json, SchemaFile, Seed, listed
from .jobs import (
    Keep,
    MaybeTableOut,
    OneThatSuits,
    Use,
    check_places,
    learns_nothing,
    model_named,
    need_columns,
    write_table,
)
from .output import emit, note, say, table

if TYPE_CHECKING:
    import pandas as pd

    from ..data.datasets import Dataset
    from ..data.schema import Schema
    from ..jobs import AnomalyDetector

TOP = 3
"""Columns named for each row."""
SHOWN = 5
"""Rows shown in the summary."""
YES = ("1", "1.0", "true", "yes")
"""Labels that say by themselves that a row is an anomaly."""
NO = ("0", "0.0", "false", "no")

Test = Annotated[
    str | None, typer.Argument(metavar="TEST", help="rows to score; without it, DATA's own")
]
Contamination = Annotated[
    str | None,
    typer.Option(help="Share of anomalies among the rows of DATA, or auto.", show_default="0.1"),
]
Score = Annotated[
    str | None,
    typer.Option(
        help="auto, reconstruction, reconstruction-probability, elbo, likelihood, kl, mahalanobis,"
        " neighbours, ...",
        show_default="auto",
    ),
]
Threshold = Annotated[
    str | None,
    typer.Option(help="quantile, conformal, auto, or a score.", show_default="auto"),
]
FalseAlarms = Annotated[
    float | None,
    typer.Option(
        help="Share of normal rows that a conformal threshold may flag.", show_default="0.05"
    ),
]
Label = Annotated[
    str | None,
    typer.Option(
        "--label",
        metavar="COLUMN",
        help="Column of labels: nothing is learned from it, but scores are judged by it.",
    ),
]
Anomalies = Annotated[
    list[str] | None,
    typer.Option(
        "--anomalies",
        metavar="LABEL",
        help="Labels of the rows that are anomalies, where they are not 1, true or yes (repeat, or"
        " a,b).",
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="HTML",
        help="Page with the scores, the strangest rows and why, and how true that is by --label.",
    ),
]


@app.command(
    rich_help_panel="Do a job",
    epilog="Example: latentry detect train.csv test.csv -o scores.csv --contamination 0.05",
)
def detect(
    data: Data,
    test: Test = None,
    out: MaybeTableOut = None,
    model: OneThatSuits = None,
    contamination: Contamination = None,
    score: Score = None,
    threshold: Threshold = None,
    false_alarms: FalseAlarms = None,
    label: Label = None,
    anomalies: Anomalies = None,
    keep: Keep = None,
    use: Use = None,
    report: Report = None,
    drop: Drop = None,
    schema: SchemaFile = None,
    data_dir: DataDir = None,
    seed: Seed = 0,
    force: Force = False,
    json_: Json = False,
) -> None:
    """Learn what is normal from DATA, then say how strange each row of TEST is, and why.

    With --use it was learned before, and the rows of DATA are scored. OUT has a row for each: row
    (from 0), score (larger for stranger), p_value (the chance that a normal row is at least as
    strange), is_anomaly, and the columns that contribute most.
    """
    check_places(data, out, keep, report, force=force)
    said = {"model": model, "contamination": contamination, "score": score, "threshold": threshold,
            "false_alarms": false_alarms}  # fmt: skip
    learns_nothing(use, **said, keep=keep, schema=schema, drop=drop)
    given = {"label": label, "data_dir": data_dir}
    if use is not None:
        made, rows = _opened(use, data, test, **given)
        truth = _truth(data, rows, label, listed(anomalies))
    else:
        from ..data import load

        made = _asked(said, seed)
        # The labels may stand beside the rows that are scored alone.
        beside = test is not None and label in (_names(test) or ()) and _names(data) is not None
        own = label if not beside or label in (_names(data) or ()) else None
        train = load(data, data_dir=data_dir, label=own, drop=listed(drop), schema=schema)
        rows = train if test is None else _alike(test, train.columns, train.schema, **given)
        truth = _truth(test or data, rows, label, listed(anomalies))
        if not json_:
            note(f"Learning from {len(train):,} rows ...")
        made.fit(train)
    if keep is not None:
        made.save(keep)
    found = _result(made, rows)
    if not json_:
        _note_new_dates(rows)
    if out is not None:
        write_table(out, found)
    if report is not None:
        from ..report.detection import write

        write(report, made, rows, found, truth)
    _tell(made, found, truth, {"out": out, "report": report}, json_)


def _note_new_dates(rows: Dataset) -> None:
    """Say so where it is their dates that make most rows strange: later ones always are."""
    table = () if rows.schema is None else rows.schema.learned
    for i, column in enumerate(table):
        if column.dates is None:
            continue
        first, last = column.span()
        dates = rows.x[:, i]
        if ((dates < first) | (dates > last)).mean() > 0.5:
            known = " to ".join(str(each) for each in column.texts(np.array([first, last])))
            note(
                f"Most rows have a {column.name!r} outside of what was learned, {known}, and are"
                f" strange for that alone; leave it out with --drop {column.name!r}."
            )


def _asked(said: dict[str, Any], seed: int) -> AnomalyDetector:
    """The detector that was asked for, before it has learned."""
    from ..jobs import AnomalyDetector

    options = {
        "model": model_named(said["model"]),
        "contamination": _number(said["contamination"]),
        "scoring": said["score"],
        "threshold": _number(said["threshold"]),
        "false_alarms": said["false_alarms"],
    }
    made = AnomalyDetector(
        **{name: value for name, value in options.items() if value is not None}, random_state=seed
    )
    made.check()
    return made


def _opened(
    use: Path, data: str, test: str | None, *, label: str | None, data_dir: Path | None
) -> tuple[AnomalyDetector, Dataset]:
    """What was kept, and the rows of DATA for it."""
    from ..jobs import AnomalyDetector

    if test is not None:
        raise LatentryError(
            f"--use {use} learns nothing, so there is one table, whose rows are scored; leave"
            f" {data} or {test} out."
        )
    made = AnomalyDetector.load(use)
    known = made.schema_ if made.schema_.kind == "table" else None
    return made, _alike(data, made.schema_.columns, known, label=label, data_dir=data_dir)


def _number(text: str | None) -> Any:
    """A number where it is one, else the word."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def _alike(
    name: str,
    learned: tuple[str, ...] | None,
    schema: Schema | None,
    *,
    label: str | None,
    data_dir: Path | None,
) -> Dataset:
    """The rows of TEST with the columns that were learned; others, but a label, are left out.

    schema: what the columns are, where they are mixed.
    """
    from ..data import load

    there = _names(name)
    if learned is None or there is None:
        return load(name, data_dir=data_dir, label=label)
    need_columns(name, learned, there)
    known = learned if schema is None else [each.name for each in schema.table]
    label = label if label in there else None
    others = [column for column in there if column not in known and column != label]
    test = load(name, data_dir=data_dir, drop=others, label=label, schema=schema)
    if schema is not None or test.columns is None or test.schema is not None:
        return test
    order = [test.columns.index(column) for column in learned]
    return dataclasses.replace(test, x=test.x[:, order], columns=learned)


def _names(name: str) -> list[str] | None:
    """The columns of a table in a file; None for what is none."""
    from ..data import load_frame

    if Path(name).suffix.lower() not in (".csv", ".tsv", ".parquet"):
        return None
    return list(load_frame(name).columns)


def _truth(
    data: str, rows: Dataset, label: str | None, anomalies: tuple[str, ...]
) -> np.ndarray | None:
    """Which rows (N,) are anomalies by their labels; None where nothing says so."""
    from .measured import anomalies_of

    if anomalies:
        if label is None and rows.columns is not None:
            raise LatentryError("--anomalies names labels; name their column with --label COLUMN.")
        return anomalies_of(data, rows, anomalies)
    if label is None or rows.labels is None:
        return None
    words = np.array([str(each).lower() for each in rows.labels])
    known = np.isin(words, YES)
    return known if (known | np.isin(words, NO)).all() and 0 < known.sum() < len(known) else None


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


def _tell(
    made: AnomalyDetector,
    found: pd.DataFrame,
    truth: np.ndarray | None,
    written: dict[str, Path | None],
    json_: bool,
) -> None:
    """The summary: how many anomalies there are, and the strangest rows."""
    from ..evaluation.detection import auroc, average_precision

    flagged = int(found["is_anomaly"].to_numpy().sum())
    judged = {}
    if truth is not None:
        judged = {"auroc": auroc(found["score"], truth),
                  "auprc": average_precision(found["score"], truth)}  # fmt: skip
    top = found.sort_values("score", ascending=False, kind="stable").head(SHOWN)
    if json_:
        where = {name: None if path is None else str(path) for name, path in written.items()}
        about = {"rows": len(found), "anomalies": flagged, "threshold": -made.offset_, **judged}
        emit({**where, **about, "strangest": top.to_dict("records")})
        return
    for name, path in written.items():
        if path is not None:
            say(f"{path}: {len(found):,} scores." if name == "out" else f"{path}: a page on them.")
    say(f"{flagged:,} of {len(found):,} rows score above {-made.offset_:.4g} and are anomalies.")
    if truth is not None:
        say(f"By their labels {int(truth.sum()):,} are: AUROC {judged['auroc']:.3f}, AUPRC"
            f" {judged['auprc']:.3f}.")  # fmt: skip
    say("The strangest rows, and the columns that make them so:")
    reasons = top.filter(like="column_").astype(str).agg(", ".join, axis=1)
    cells = [top[name] for name in ("row", "score", "p_value")]
    table(("row", "score", "p-value", "columns"), list(zip(*cells, reasons, strict=True)))
