from __future__ import annotations

import pytest

from latentry import LatentryError
from latentry.comparing.budget import FEWEST_ROWS, MARGIN, MOST_EPOCHS, plan, seconds_of
from latentry.comparing.fits import Speed

FITS = {"a": 2, "b": 1}


def _plan(budget: float, *, evaluating: float = 1.0, rows: int = 1000, epoch: float = 0.5):
    speeds = {"a": Speed(epoch, 0.1), "b": Speed(2 * epoch, 0.2)}
    return plan(budget, lambda: 5.0, speeds, FITS, evaluating, rows, 3, 4.0), speeds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("1h", 3600), ("1h30m", 5400), ("2 min", 120), (45, 45), ("7", 7)],
)
def test_times(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["soon", "10x", "", "0s", "-3m", "10m!"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(LatentryError, match="write 90s, 10m or 1h"):
        seconds_of(text)


def test_the_epochs_fill_the_time_and_one_more_would_exceed_it() -> None:
    found, speeds = _plan(200.0)

    def spent(epochs: int) -> float:
        fits = sum(3 * FITS[n] * (s.once + epochs * s.epoch) for n, s in speeds.items())
        return 5.0 + 4.0 + fits + 6 * 1.0

    assert spent(found.epochs) <= MARGIN * 200 < spent(found.epochs + 1)
    assert found.note is None and found.rows == 1000
    fits = sum(3 * seconds for seconds in found.seconds.values())
    assert fits == pytest.approx(spent(found.epochs) - 9)


def test_too_little_time_is_one_epoch_and_is_said() -> None:
    found, _ = _plan(12.0)
    assert found.epochs == 1
    assert "too small" in str(found.note)


def test_much_time_is_not_spent_on_overfitting() -> None:
    assert _plan(1e6)[0].epochs == MOST_EPOCHS


def test_slow_measuring_looks_at_fewer_rows() -> None:
    found, _ = _plan(200.0, evaluating=20.0)
    assert FEWEST_ROWS <= found.rows < 1000
    assert found.rows == pytest.approx(1000 * 0.35 * 200 / 120, abs=1)
