"""The arguments and options that several verbs share, and opening what they name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from ..errors import LatentryError, suggest

# The verbs find all that they share in this module, whichever layer has it.
from ..opening import Opening as Opening
from ..opening import data_of as data_of
from ..opening import load_run as load_run
from ..opening import open_for as open_for
from ..opening import open_own as open_own

if TYPE_CHECKING:
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
SchemaFile = Annotated[
    str | None,
    typer.Option(
        "--schema",
        metavar="FILE",
        help='JSON that says what columns are, such as {"age": "count"}; `latentry data DATA`'
        " shows what they are taken for.",
    ),
]
ConditionColumn = Annotated[
    str | None,
    typer.Option(
        "--condition",
        metavar="COLUMN|labels",
        help="What the model is told about each row: a column, or the labels.",
    ),
]


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
