from __future__ import annotations

from pathlib import Path

import pytest

from latentry.errors import LatentryError
from latentry.training import History


def test_a_history_reads_back_equal(tmp_path: Path):
    rows = [
        {"epoch": 1, "step": 7, "loss": 0.1 + 0.2, "skipped": 0},
        {"epoch": 2, "step": 14, "loss": float("inf"), "skipped": 1, "valid_bound": -1e-30},
    ]
    history = History(rows)
    history.write_csv(tmp_path / "history.csv")
    again = History.read_csv(tmp_path / "history.csv")
    assert again.rows == rows
    assert again.columns == ["epoch", "step", "loss", "skipped", "valid_bound"]
    assert str(again.column("valid_bound")[0]) == "nan"
    assert isinstance(again.rows[0]["epoch"], int)


def test_a_remark_is_kept_once():
    history = History()
    assert history.note("all is well")
    assert not history.note("all is well")
    assert history.notes == ["all is well"]


@pytest.mark.parametrize("content", ["epoch,loss\n1,much\n", "epoch\n1,2\n"])
def test_another_file_is_no_history(content: str, tmp_path: Path):
    path = tmp_path / "history.csv"
    path.write_text(content)
    with pytest.raises(LatentryError, match="is no history of a training run"):
        History.read_csv(path)
    with pytest.raises(LatentryError, match="missing.csv"):
        History.read_csv(tmp_path / "missing.csv")
