"""The page about anomalies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from latentry.data import Dataset
from latentry.evaluation.detection import auroc, average_precision
from latentry.jobs import AnomalyDetector, defaults
from latentry.report.detection import curves, histogram, strangest, write


@pytest.fixture(scope="module")
def scored() -> tuple[AnomalyDetector, Dataset, pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 3)).astype(np.float32)
    x[:6, 1] += 9
    rows = Dataset("rows", x, columns=("a<b>", "größe", "c"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(defaults, "STEPS", 60)
        detector = AnomalyDetector(members=1, random_state=0).fit(
            Dataset("rows", x[20:], columns=rows.columns)
        )
    scores = -detector.score_samples(rows)
    found = pd.DataFrame({"row": np.arange(120), "score": scores, "p_value": 0.5})
    return detector, rows, found, np.arange(120) < 6


def test_the_page_with_labels_and_without(scored, tmp_path: Path) -> None:
    detector, rows, found, truth = scored
    write(tmp_path / "a.html", detector, rows, found, truth)
    text = (tmp_path / "a.html").read_text("utf-8")
    scores = found["score"].to_numpy()
    assert f"{auroc(scores, truth):.3f}" in text
    assert f"{average_precision(scores, truth):.3f}" in text
    assert text.count("<svg") == 2 and "<script" not in text and "a<b>" not in text
    write(tmp_path / "b.html", detector, rows, found)
    text = (tmp_path / "b.html").read_text("utf-8")
    assert text.count("<svg") == 1 and "AUROC" not in text


def test_the_strangest_rows_are_explained(scored) -> None:
    detector, rows, found, _ = scored
    listed = strangest(detector, rows, found)
    scores = [float(record["score"]) for record in listed.records]
    assert scores == sorted(scores, reverse=True) and len(scores) == 20
    first = listed.records[0]
    cell = rows.x[int(first["row"]), 1]
    assert f"größe = {cell:.6g} (+" in first["because of"]


def test_every_row_is_in_the_histogram_and_the_curves_end_where_they_must(scored) -> None:
    _, _, found, truth = scored
    scores = found["score"].to_numpy()
    far = np.append(scores, 1e6)
    picture = histogram(far, 1.0, np.append(truth, True))
    heights = sum(patch.get_data().values - patch.get_data().baseline
                  for patch in picture.axes[0].patches)  # fmt: skip
    assert heights.sum() == 121 and "last bar" in picture.caption
    left, right = curves(scores, 1.0, truth).axes
    roc = left.lines[1].get_xydata()
    assert roc[0].tolist() == [0, 0] and roc[-1].tolist() == [1, 1]
    assert np.trapezoid(roc[:, 1], roc[:, 0]) == pytest.approx(auroc(scores, truth))
    assert right.get_xlabel() == "recall"
