"""The verb that searches the fields of a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .app import app
from .given import (
    ConditionColumn,
    Data,
    DataDir,
    Drop,
    Json,
    Label,
    Opening,
    Quiet,
    Shape,
    listed,
    shape_of,
)
from .options import WithModelOptions, given_fields
from .output import emit, say, table

if TYPE_CHECKING:
    from ..tuning import Tuned

PANEL = "Train"
SHOWN = 10
"""Trials that the table for people has."""


@app.command(
    cls=WithModelOptions,
    rich_help_panel=PANEL,
    epilog="Example: latentry tune digits --model vae --space lr=1e-4..1e-2,latent=2..64",
)
def tune(
    ctx: typer.Context,
    data: Data,
    model: Annotated[
        str, typer.Option("--model", "-m", metavar="MODEL", help="`latentry models` lists them.")
    ] = "vae",
    trials: Annotated[int, typer.Option(help="Fits in all, those found in FOLDER included.")] = 30,
    space: Annotated[
        str | None,
        typer.Option(
            "--space",
            metavar="FIELD=LOW..HIGH,...",
            help="Where to look: lr=1e-4..1e-2,latent=2..64,net=mlp|conv,hidden=400|400x200;"
            " else the size of the code and the network, lr, batch size and the model's weights.",
        ),
    ] = None,
    timeout: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Begin no trial after 90s, 10m, 1h."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FOLDER",
            help="Folder for the search; one that was stopped goes on. Else one in runs/.",
        ),
    ] = None,
    condition: ConditionColumn = None,
    label: Label = None,
    drop: Drop = None,
    shape: Shape = None,
    data_dir: DataDir = None,
    quiet: Quiet = False,
    json_: Json = False,
) -> None:
    """Search the fields of a model for the best bound on held-out rows of DATA.

    Fields that are given as options stay as they are. The best model is a run in FOLDER/best.
    """
    from .. import zoo
    from ..tuning import parse_space
    from ..tuning import tune as search

    cls = zoo.named(model)
    name = zoo.name_of(cls)
    fields = given_fields(ctx, name)
    seed = fields.pop("random_state", 0)
    asked = None if space is None else parse_space(space)
    opening = Opening(label, listed(drop), condition, shape_of(shape))
    dataset, c = opening.open(data, data_dir)
    stem = Path(data).stem.replace(":", "-") or "data"
    found = search(
        cls(**fields),
        dataset,
        space=asked,
        trials=trials,
        folder=out or Path("runs") / f"{stem}-{name}-tune",
        condition=c,
        random_state=seed,
        timeout=_seconds(timeout),
        verbose=not quiet,
    )
    if json_:
        emit(_summary(found))
    else:
        _tell(found, data)


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    from ..comparing.budget import seconds_of

    return seconds_of(text)


def _summary(found: Tuned) -> dict[str, Any]:
    rows = found.table.astype(object).where(found.table.notna(), None)
    assert found.folder is not None  # the verb always has one
    return {
        "folder": str(found.folder.parent),
        "best": str(found.folder),
        "value": found.value,
        "unit": found.unit,
        "fields": found.fields,
        "trials": rows.to_dict(orient="records"),
        "notes": found.notes,
    }


def _tell(found: Tuned, data: str) -> None:
    best = found.table.sort_values("value", ascending=False, na_position="last").head(SHOWN)
    best = best.drop(columns="seconds")
    rows = best.astype(object).where(best.notna(), None).values.tolist()
    table(tuple(best.columns), rows)
    if len(found.table) > SHOWN:
        say(f"(the best {SHOWN} of {len(found.table)} trials)")
    say(f"\nvalue: {found.unit}; higher is better.")
    for sentence in found.notes:
        say(f"Note: {sentence}")
    assert found.folder is not None  # the verb always has one
    say(f"The best model is in {found.folder}, all trials in {found.folder.parent / 'trials.csv'}.")
    say(f"Next:\n  latentry report {found.folder}\n  latentry evaluate {found.folder} {data}")
