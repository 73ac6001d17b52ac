"""Opening a run, and the data that it was made from, as it was opened then.

What needs torch or pandas is imported when something is opened, so that the command line can
answer --help at once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import LatentryError

if TYPE_CHECKING:
    from .data.datasets import Dataset
    from .estimator import Estimator

LABELS = "labels"
"""The condition that stands for the data's own labels, whatever their column is called."""


@dataclasses.dataclass(frozen=True)
class Opening:
    """How DATA is opened: which columns are what. A run remembers it."""

    label: str | None = None
    drop: tuple[str, ...] = ()
    condition: str | None = None
    shape: tuple[int, ...] | None = None
    schema: Any = None
    """What the columns of a table are: see `latentry.data.load`."""

    @classmethod
    def of_run(cls, info: Mapping[str, Any]) -> Opening:
        """How the training data of a run were opened."""
        source = info.get("data") or {}
        shape = source.get("shape")
        return cls(
            source.get("label"),
            tuple(source.get("drop") or ()),
            source.get("condition"),
            tuple(shape) if shape else None,
            source.get("schema"),
        )

    def over(self, other: Opening) -> Opening:
        """These answers, with what they leave open taken from another."""
        mine = {name: value for name, value in vars(self).items() if value}
        return dataclasses.replace(other, **mine)

    def open(self, data: str, data_dir: Path | None = None) -> tuple[Dataset, np.ndarray | None]:
        """The data set, and the condition of each row if one was asked for.

        The data set's `source` says which condition that was, for `of_run`.
        """
        from .data import load

        column = None if self.condition in (None, LABELS, self.label) else self.condition
        dataset = load(
            data,
            data_dir=data_dir,
            label=self.label,
            take=() if column is None else (column,),
            drop=self.drop,
            shape=self.shape,
            schema=self.schema,
        )
        condition = self._condition(data, dataset)
        if condition is not None:
            source = {**dataset.source, "condition": self.condition}
            dataset = dataclasses.replace(dataset, source=source)
        return dataset, condition

    def _condition(self, data: str, dataset: Dataset) -> np.ndarray | None:
        if self.condition is None:
            return None
        if self.condition not in (LABELS, self.label):
            return np.asarray(dataset.taken[self.condition])
        if dataset.labels is None:
            raise LatentryError(
                f"{data} has no labels to use as a condition;"
                " name the column with --condition COLUMN."
            )
        return np.asarray(dataset.labels)


def data_of(info: Mapping[str, Any], run: Path) -> tuple[str, Path | None]:
    """What DATA and --data-dir were, when the run was made."""
    source = info.get("data") or {}
    if "data" not in source:
        raise LatentryError(
            f"{run} does not say what data it was made from (it was fitted from Python);"
            " name the data."
        )
    folder = source.get("data_dir")
    return source["data"], Path(folder) if folder else None


def open_own(
    run: Path, info: Mapping[str, Any], data_dir: Path | None = None
) -> tuple[Dataset, np.ndarray | None]:
    """The data that a run was made from, and their condition."""
    data, folder = data_of(info, run)
    return Opening.of_run(info).open(data, data_dir or folder)


def open_for(
    est: Estimator,
    run: Path,
    info: Mapping[str, Any],
    data: str | None,
    asked: Opening,
    data_dir: Path | None,
) -> tuple[Dataset, np.ndarray | None]:
    """Data for a trained model: opened like its training data, except where asked otherwise.

    Without `data`, the run's own. Raises LatentryError for samples of another shape.
    """
    if data is None:
        return open_own(run, info, data_dir)
    opening = asked.over(Opening.of_run(info))
    if est.schema_.kind == "table":
        return dataclasses.replace(opening, schema=est.schema_).open(data, data_dir)
    dataset, c = opening.open(data, data_dir)
    if dataset.schema is None:
        est.schema_.pack(dataset.x[:1], columns=dataset.columns, owner=type(est).__name__)
    return dataset, c


def load(folder: str | Path, **modules: Any) -> Any:
    """The model or the job saved in a folder, whichever it is, as it was.

    `encoder=` and `decoder=` give back your own bodies where a model was built with them.
    Raises LatentryError for a folder that is missing, damaged, unfinished or from the future.
    """
    from .persistence import JOB

    if (Path(folder) / JOB).is_file():
        from .jobs import keeping

        return keeping.load(folder, **modules)
    from .zoo import load as load_model

    return load_model(folder, **modules)


def load_run(run: Path) -> tuple[Estimator, dict[str, Any]]:
    """The trained model of a run, and its model.json."""
    from .persistence import read_info
    from .zoo import load

    info = read_info(run)
    return load(run), info
