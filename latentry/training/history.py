"""What happened while a model trained: one row for each epoch, and remarks in words."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path

from latentry.errors import LatentryError

Row = dict[str, float]
"""epoch, step and skipped are counts; seconds; loss, distortion, rate and valid_* in nats."""

COUNTS = ("epoch", "step", "skipped")


@dataclass
class History:
    """Rows with epoch, step, seconds, lr, skipped (steps that were not finite), loss, the parts of
    the bound (distortion, and rate where there is a prior) and the same for validation
    (valid_bound, valid_distortion, valid_rate). Nats, averaged over the rows of the data.
    """

    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def column(self, name: str) -> list[float]:
        """One column, with NaN in rows that lack it."""
        return [row.get(name, float("nan")) for row in self.rows]

    @property
    def columns(self) -> list[str]:
        """The names of all columns, in the order of their first appearance."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def note(self, sentence: str) -> bool:
        """Keep a remark; False if it was there already."""
        if sentence in self.notes:
            return False
        self.notes.append(sentence)
        return True

    def csv(self) -> str:
        """The rows as comma-separated values with a header, exact to the last bit."""
        text = io.StringIO()
        writer = csv.DictWriter(text, self.columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue()

    def write_csv(self, path: str | Path) -> None:
        """Write `csv` to a file."""
        Path(path).write_text(self.csv(), encoding="utf-8")

    @classmethod
    def read_csv(cls, path: str | Path) -> History:
        """Read what `write_csv` wrote. Raises LatentryError for a file that is something else."""
        try:
            with open(path, newline="", encoding="utf-8") as file:
                rows = [_numbers(row) for row in csv.DictReader(file)]
        except (OSError, ValueError, TypeError) as error:
            raise LatentryError(
                f"{path} is no history of a training run ({error}); restore it or train again."
            ) from error
        return cls(rows)


def _numbers(row: dict[str, str]) -> Row:
    filled = {name: text for name, text in row.items() if text != ""}
    return {n: int(text) if n in COUNTS else float(text) for n, text in filled.items()}
