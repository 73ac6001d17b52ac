"""The arguments and options that several verbs share, and opening what they name."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from ..errors import LatentryError, suggest

if TYPE_CHECKING:
    from ..data.datasets import Dataset
    from ..estimator import Estimator

DATA_HELP = (
    "a named data set (digits, mnist, mnist:test, ...), an .npy, .npz, .csv, .parquet or IDX file,"
    " or a folder of images"
)
OUT_HELP = "file to write: .npy, .npz, .csv, .parquet, .png or .gif"

Run = Annotated[Path, typer.Argument(metavar="RUN", help="folder of a run made by fit")]
Data = Annotated[str, typer.Argument(metavar="DATA", help=DATA_HELP)]
Out = Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help=OUT_HELP)]
MaybeOut = Annotated[Path | None, typer.Option("--out", "-o", metavar="OUT", help=OUT_HELP)]
Force = Annotated[bool, typer.Option("--force", "-f", help="Replace what stands at OUT.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of the draws.")]
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="FOLDER",
        help="Folder to read named data sets from, before downloading them (or LATENTRY_DATA).",
    ),
]
Label = Annotated[
    str | None,
    typer.Option("--label", metavar="COLUMN", help="Column that holds labels, kept out of x."),
]
Drop = Annotated[
    list[str] | None,
    typer.Option("--drop", metavar="COLUMN", help="Column to leave out (repeat, or a,b)."),
]
Shape = Annotated[
    str | None,
    typer.Option("--shape", metavar="HxW", help="Rows are images of this shape, such as 28x28."),
]
ConditionColumn = Annotated[
    str | None,
    typer.Option(
        "--condition",
        metavar="COLUMN|labels",
        help="What the model is told about each row: a column, or the labels.",
    ),
]

LABELS = "labels"


def listed(words: list[str] | None) -> tuple[str, ...]:
    """Words from a repeatable option that also takes a comma list."""
    return tuple(w.strip() for text in words or () for w in text.split(",") if w.strip())


def shape_of(text: str | None) -> tuple[int, ...] | None:
    """28x28 or 28x28x3 as numbers."""
    if text is None:
        return None
    parts = text.lower().replace("×", "x").replace(",", "x").split("x")
    if len(parts) not in (2, 3) or not all(p.strip().isdigit() and int(p) for p in parts):
        raise LatentryError(
            f"--shape {text} is no shape of an image; write --shape 28x28 or --shape 28x28x3."
        )
    return tuple(int(p) for p in parts)


@dataclasses.dataclass(frozen=True)
class Opening:
    """How DATA is opened: which columns are what. A run remembers it."""

    label: str | None = None
    drop: tuple[str, ...] = ()
    condition: str | None = None
    shape: tuple[int, ...] | None = None

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
        )

    def over(self, other: Opening) -> Opening:
        """These answers, with what they leave open taken from another."""
        mine = {name: value for name, value in vars(self).items() if value}
        return dataclasses.replace(other, **mine)

    def open(self, data: str, data_dir: Path | None = None) -> tuple[Dataset, np.ndarray | None]:
        """The data set, and the condition of each row if one was asked for.

        The data set's `source` says which condition that was, for `of_run`.
        """
        from ..data import load

        column = None if self.condition in (None, LABELS, self.label) else self.condition
        dataset = load(
            data,
            data_dir=data_dir,
            label=self.label,
            take=() if column is None else (column,),
            drop=self.drop,
            shape=self.shape,
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
    dataset, c = asked.over(Opening.of_run(info)).open(data, data_dir)
    est.schema_.pack(dataset.x[:1], columns=dataset.columns, owner=type(est).__name__)
    return dataset, c


def load_run(run: Path) -> tuple[Estimator, dict[str, Any]]:
    """The trained model of a run, and its model.json."""
    from ..persistence import read_info
    from ..zoo import load

    info = read_info(run)
    return load(run), info


def condition_values(est: Estimator, text: str | None) -> np.ndarray | None:
    """--condition VALUE of verbs that have no data: a list of classes, or one real vector.

    Gives (1,), (M,) classes, or (1, C) numbers.
    """
    if text is None:
        return None
    if est.condition_ is None:
        raise LatentryError(
            "this model was fitted without a condition; leave --condition out, or fit with one."
        )
    words = [word.strip() for word in text.split(",")]
    classes = est.condition_.classes
    if classes is None or len(classes) == 0:
        try:
            return np.asarray([[float(word) for word in words]])
        except ValueError:
            raise LatentryError(
                f"--condition {text} is no number; this model's condition is"
                f" {est.condition_.describe()}."
            ) from None
    by_text = {str(each): each for each in classes}
    for word in words:
        if word not in by_text:
            raise LatentryError(
                f"--condition {word} is no class of this model; there are"
                f" {', '.join(by_text)}.{suggest(word, by_text)}"
            )
    return np.asarray([by_text[word] for word in words])


def rank() -> int:
    """Which of the processes started by torchrun this is; 0 when alone."""
    return int(os.environ.get("RANK", "0") or 0)
