"""The page of a comparison: one file that needs nothing beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..comparing.entrants import folder_of
from ..comparing.jobs import JOBS, figures_of, measure_of
from ..comparing.parts import Part, divide, whole
from ..comparing.records import Records
from ..comparing.verdict import figure_text, mean_and_error
from ..data.files import atomic
from ..zoo import load
from . import words
from .templates import fill

if TYPE_CHECKING:
    from pandas import DataFrame

    from .picture import Picture

PAGE = "compare.html"
DASH = "–"
MAP_ROWS = 2000


def compare_page(
    table: DataFrame, X: Any, folder: str | Path, *, y: Any = None, condition: Any = None
) -> Path:
    """Draw the page of a finished comparison into its folder; gives the path of the page.

    table: what `compare` gave. X, y, condition: as they were given to it. Pictures are those of
    the first seed of each model, on rows that no model learned from.
    Raises LatentryError where the folder holds no comparison or cannot be written.
    """
    folder = Path(folder)
    info = Records(folder).read()
    rows = whole(X, y, condition)
    if rows.condition is None:
        rows = Part(rows.data, rows.labels, rows.labels)
    test = divide(rows, info["arguments"]["test"])[1].spread(MAP_ROWS)
    first = table.attrs["seeds"][0]
    models = {name: load(folder / folder_of(name) / f"seed-{first}") for name in table.index}

    from .compare_pictures import alone, plane, together

    wide = list(together(models, test))
    curve = plane(models, table.attrs["values"])
    text = render(
        table, words.data_name(info["source"]), wide, curve, alone(models, test), words_of(models)
    )
    with atomic(folder / PAGE) as file:
        file.write(text.encode())
    return folder / PAGE


def words_of(models: Any) -> list[dict[str, str]]:
    """What each model is: its name, its docstring's sentence, its paper and its size."""
    found = []
    for name, est in models.items():
        sentence, paper = words.source_of(est)
        size = sum(p.numel() for p in est.model_.parameters())
        facts = (
            f"{est.model_.latent} latent dimensions, {est.likelihood_} likelihood,"
            f" {est.net_} network, {words.number(size)} parameters"
        )
        found.append(
            {
                "name": name,
                "about": sentence,
                "paper": paper,
                "facts": facts,
            }
        )
    return found


def render(
    table: DataFrame,
    data: str,
    wide: list[Picture],
    curve: Picture | None,
    alone: dict[str, list[Picture]],
    about: list[dict[str, str]],
) -> str:
    """The page as text."""
    from .svg import inline

    found = table.attrs
    return fill(
        "compare.html",
        data=data,
        lead=found["summary"],
        facts=_facts(table),
        notes=[words.capital(note) for note in found["notes"]],
        models=list(table.index),
        jobs=_jobs(table),
        sentences=[each["sentence"] for each in found["recommendation"]],
        numbers=_numbers(table),
        wide=[(p, inline(p)) for p in wide],
        curve=None if curve is None else (curve, inline(curve)),
        alone={heading: [(p, inline(p)) for p in pictures] for heading, pictures in alone.items()},
        about=about,
    )


def _facts(table: DataFrame) -> str:
    found = table.attrs
    rows, seeds, epochs = found["rows"], len(found["seeds"]), found["epochs"]
    trained = f"{epochs} epochs each" if epochs else "each for its own number of epochs"
    if epochs == 1:
        trained = "one epoch each"
    return (
        f"{len(table)} models, {seeds} {'seed' if seeds == 1 else 'seeds'}, {trained}; the same"
        f" {words.number(rows['train'])} samples to learn from, the same"
        f" {words.number(rows['test'])} others to be measured on."
    )


def _jobs(table: DataFrame) -> list[dict[str, Any]]:
    """A row for each job: what ranks it, and each model's figure and rank."""
    values = table.attrs["values"]
    found = []
    for each in table.attrs["recommendation"]:
        figure, placed = each["figure"], each["ranks"]
        cells = []
        for model in table.index:
            rank = placed.get(model)
            text = figure_text(*mean_and_error(values[model].get(figure, ())))
            shown = DASH if rank is None else text
            cells.append({"model": model, "rank": rank, "text": shown, "best": rank == 1})
        found.append(
            {
                "purpose": words.capital(each["purpose"]),
                "label": each["label"],
                "about": measure_of(figure).about,
                "unit": each["unit"],
                "better": each["better"],
                "space": table.attrs["feature_space"] if each["job"] == "generate" else None,
                "cells": cells,
            }
        )
    return found


def _numbers(table: DataFrame) -> list[dict[str, Any]]:
    """Every figure of every model, with what it says."""
    values = table.attrs["values"]
    jobs = [each["job"] for each in table.attrs["recommendation"]]
    rows = []
    for name in dict.fromkeys(figures_of([job for job in JOBS if job in jobs])):
        if name not in table.columns:
            continue
        about = measure_of(name)
        texts = [figure_text(*mean_and_error(values[m].get(name, ()))) for m in table.index]
        rows.append(
            {
                "label": words.capital(about.label),
                "unit": about.unit,
                "about": about.about,
                "better": about.better,
                "source": about.source,
                "cells": [
                    {"model": model, "text": DASH if text == "-" else text}
                    for model, text in zip(table.index, texts, strict=True)
                ],
            }
        )
    return rows
