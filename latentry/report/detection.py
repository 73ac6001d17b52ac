"""The page about anomalies: the scores, the strangest rows and why, and how true that is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..evaluation.detection import auroc, average_precision
from .job import Listed, figure, short, write_page
from .picture import ACCENT, DATA, INK, MUTED, Picture, canvas, legend, style, title

if TYPE_CHECKING:
    from pandas import DataFrame

    from ..data.datasets import Dataset
    from ..jobs import AnomalyDetector

STRANGEST = 20
"""Rows that are listed."""
REASONS = 3
"""Columns that are named for each."""
BINS = 60
FAR = 0.995
"""The share of the scores that a histogram shows in full; the rest is in its last bar."""


def write(
    path: Path,
    detector: AnomalyDetector,
    rows: Dataset,
    found: DataFrame,
    truth: np.ndarray | None = None,
) -> None:
    """Write the page, whole or not at all.

    rows : what was scored; found : a row for each, with score, p_value and is_anomaly
    truth : (N,) which of them are anomalies, where that is known
    """
    scores, threshold = found["score"].to_numpy(dtype=float), -detector.offset_
    parts: list[Picture | Listed] = [histogram(scores, threshold, truth)]
    if truth is not None:
        parts.append(curves(scores, threshold, truth))
    parts.append(strangest(detector, rows, found))
    flagged = int((scores > threshold).sum())
    lead = (
        f"{flagged:,} of {len(scores):,} rows score above {threshold:.4g} and are taken for"
        " anomalies."
    )
    write_page(path, "Anomalies", lead, figures(scores, threshold, truth), parts)


def figures(scores: np.ndarray, threshold: float, truth: np.ndarray | None) -> list[dict[str, str]]:
    """What is said in numbers."""
    flagged = scores > threshold
    made = [
        figure("Rows", "that were scored", f"{len(scores):,}"),
        figure("Anomalies", "rows that score above the threshold", f"{int(flagged.sum()):,}"),
        figure("Threshold", "a score; larger ones are stranger", f"{threshold:.4g}"),
    ]
    if truth is None:
        return made
    hits = int((flagged & truth).sum())
    precision = f"{hits / flagged.sum():.1%}" if flagged.any() else "–"
    return [
        *made,
        figure("Labelled anomalies", "rows that are anomalies by their labels",
               f"{int(truth.sum()):,}"),
        figure("AUROC", "chance that an anomaly scores higher than a normal row; 0.5 is chance",
               f"{auroc(scores, truth):.3f}"),
        figure("AUPRC", "mean precision over the anomalies; their share, which is chance, is"
               f" {truth.mean():.3f}", f"{average_precision(scores, truth):.3f}"),
        figure("Precision", "share of the rows above the threshold that are anomalies", precision),
        figure("Recall", "share of the anomalies that score above the threshold",
               f"{hits / truth.sum():.1%}"),
    ]  # fmt: skip


def histogram(scores: np.ndarray, threshold: float, truth: np.ndarray | None = None) -> Picture:
    """How often each score is, and where the threshold lies."""
    picture = canvas("scores", "Scores", 2.8, 9.6)
    ax = style(picture.subplots(), "score, larger for stranger", "rows")
    top = max(float(np.quantile(scores, FAR)), threshold)
    low = min(float(scores.min()), threshold)
    edges = np.linspace(low, top + 0.05 * (top - low or 1.0), BINS + 1)
    kinds = {"all": scores} if truth is None else {"normal": scores[~truth],
                                                   "anomaly": scores[truth]}  # fmt: skip
    base = np.zeros(BINS)
    for (name, some), colour in zip(kinds.items(), (DATA, ACCENT), strict=False):
        counts = np.histogram(np.clip(some, edges[0], edges[-1]), edges)[0]
        ax.stairs(base + counts, edges, baseline=base, fill=True, color=colour, alpha=0.75,
                  label=None if truth is None else name)  # fmt: skip
        base = base + counts
    ax.axvline(threshold, color=INK, linewidth=1.1, linestyle=(0, (4, 3)), label="threshold")
    legend(ax, loc="upper right")
    far = int((scores > edges[-1]).sum())
    picture.caption = (
        "How many rows have which score."
        + (" By their labels, anomalies stand on top of normal rows." if truth is not None else "")
        + (f" What lies beyond the frame, {far:,} of them, is in its last bar." if far else "")
    )
    return picture


def curves(scores: np.ndarray, threshold: float, truth: np.ndarray) -> Picture:
    """The receiver operating characteristic, and precision over recall."""
    from sklearn.metrics import precision_recall_curve, roc_curve

    picture = canvas("curves", "Against the labels", 3.9, 9.6)
    left, right = picture.subplots(1, 2)
    flagged = scores > threshold
    recall = float(flagged[truth].mean())
    false, true, _ = roc_curve(truth, scores)
    style(left, "false alarms (share of the normal rows)", "recall")
    title(left, f"ROC, AUROC {auroc(scores, truth):.3f}")
    left.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)), label="chance")
    left.plot(false, true, color=DATA, linewidth=1.8)
    left.plot(
        [float(flagged[~truth].mean())], [recall], "o", color=ACCENT, label="at the threshold"
    )
    precision, hits, _ = precision_recall_curve(truth, scores)
    style(right, "recall", "precision")
    title(right, f"Precision and recall, AUPRC {average_precision(scores, truth):.3f}")
    right.axhline(truth.mean(), color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)), label="chance")
    right.plot(hits, precision, color=DATA, linewidth=1.8, drawstyle="steps-post")
    if flagged.any():
        right.plot([recall], [float(truth[flagged].mean())], "o", color=ACCENT,
                   label="at the threshold")  # fmt: skip
    for ax, where in ((left, "lower right"), (right, "best")):
        ax.set_xlim(-0.02, 1.02)
        ax.set_ylim(-0.02, 1.04)
        legend(ax, loc=where)
    picture.caption = (
        "What share of the anomalies is found, for all thresholds: against the share of the normal"
        " rows that is flagged with them (left), and against the share of what is flagged that are"
        " anomalies (right)."
    )
    return picture


def strangest(detector: AnomalyDetector, rows: Dataset, found: DataFrame) -> Listed:
    """The rows with the highest scores, and the columns that explain them with their cells."""
    top = found.sort_values("score", ascending=False, kind="stable").head(STRANGEST)
    some = replace(rows, x=rows.x[top.index.to_numpy()], labels=None, taken={})
    excess = detector.explain(some, excess=True)
    cells = {} if some.columns is None else some.frame()
    records = []
    for i, row in enumerate(top.to_dict("records")):
        why = excess.iloc[i].sort_values(ascending=False, kind="stable").head(REASONS)
        reasons = [_reason(name, nats, cells, i) for name, nats in why.items() if nats > 0]
        records.append(
            {
                "row": f"{row['row']:,}",
                "score": f"{row['score']:.4g}",
                "p-value": f"{row['p_value']:.3g}",
                "because of": ", ".join(reasons) or "–",
            }
        )
    caption = (
        "Rows count from 0. The p-value is the chance that a normal row is at least as strange."
        " Behind each column stands by how many nats it is less likely than in usual rows."
    )
    head = f"The {len(records)} strangest rows"
    return Listed("strangest", head, records, ("row", "score", "p-value"), caption)


def _reason(name: Any, nats: float, cells: Any, row: int) -> str:
    value = f" = {short(_plain(cells[name].iloc[row]))}" if name in cells else ""
    return f"{short(name)}{value} (+{nats:.3g})"


def _plain(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)
