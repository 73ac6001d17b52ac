"""The page of a run: one file that needs nothing beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.files import atomic
from ..errors import LatentryError
from ..evaluation.likelihood import has_likelihood
from . import words
from .templates import fill
from .views import count, layout, pick, plain, spread

if TYPE_CHECKING:
    from ..estimator import Estimator
    from .cells import Written
    from .picture import Picture

WHICH = {True: "held out from training", False: "that it was trained on", None: ""}
PAGE, FIGURES = "report.html", "figures"


def report(
    est: Estimator,
    x: Any,
    labels: Any = None,
    evaluation: Mapping[str, Any] | None = None,
    folder: str | Path = ".",
    *,
    condition: Any = None,
    held_out: bool | None = None,
) -> Path:
    """Draw a fitted model's figures and its page; gives the path of the page.

    x: the data that the figures look at, as handed to `fit`. labels: one for each row, for
        colours; condition: one for each row, for a conditional model (the labels, by default).
    evaluation: what `est.evaluate(x)` gave; without it the page has no table of figures.
    folder: a run, or any folder; `figures/*.png` and `report.html` are written there.
    held_out: whether x was kept from training, so that the page can say so.
    Raises LatentryError where labels and rows differ in number, or the folder cannot be written.
    """
    if est.condition_ is not None and condition is None:
        condition = labels
    for what, values in (("labels", labels), ("condition", condition)):
        if values is not None and len(values) != count(x):
            raise LatentryError(
                f"{len(values)} {what} were given for {count(x)} rows; give one for each row."
            )
    from .cells import written

    folder = Path(folder)
    pictures = list(draw(est, x, labels, evaluation, condition))
    rows = written(est, x, labels, condition) if est.schema_.kind == "table" else []
    text = render(est, pictures, evaluation, _source(folder, x), count(x), held_out, rows)
    try:
        (folder / FIGURES).mkdir(parents=True, exist_ok=True)
        for picture in pictures:
            with atomic(folder / FIGURES / f"{picture.name}.png") as file:
                picture.savefig(file, format="png")
        with atomic(folder / PAGE) as file:
            file.write(text.encode())
    except OSError as error:
        raise LatentryError(
            f"the report cannot be written to {folder} ({error.strerror}); name another folder."
        ) from None
    return folder / PAGE


def draw(
    est: Estimator,
    x: Any,
    labels: Any = None,
    evaluation: Mapping[str, Any] | None = None,
    condition: Any = None,
) -> Iterator[Picture]:
    """Every figure that suits the model and its data, in the order of the page."""
    from . import figures as f

    given = {"condition": condition}
    if est.schema_.kind == "table":
        yield from _of_a_table(est, x, labels, evaluation, condition)
        return
    kind = layout(est, plain(pick(x, spread(count(x), 2000))))
    yield f.reconstructions(est, x, labels, **given)
    yield f.samples(est, x=x, **given)
    if kind == "plane" and has_likelihood(est) and est.condition_ is None:
        yield f.density(est, x)
    if kind == "table" and est.schema_.features > 2:
        yield f.correlations(est, x, **given)
    yield f.latent_map(est, x, labels, evaluation=evaluation, **given)
    if est.model_.latent == 2:
        one = None if condition is None else np.asarray(condition)[0]
        yield f.manifold(est, x=x, condition=one)
    if count(x) > 1:
        yield f.interpolation(est, x, labels=labels, **given)
    if getattr(est.history_, "rows", None):
        yield f.loss_curves(est.history_)
    if evaluation is not None and len(evaluation.get("latent_kl") or ()) > 1:
        yield f.latent_kl(evaluation)


def _of_a_table(
    est: Estimator, x: Any, labels: Any, evaluation: Mapping[str, Any] | None, condition: Any
) -> Iterator[Picture]:
    """The figures that suit a table of mixed columns."""
    from . import figures as f

    yield f.samples(est, x=x, condition=condition)
    yield f.reconstructions(est, x, condition=condition)
    yield f.latent_map(est, x, labels, evaluation=evaluation, condition=condition)
    if getattr(est.history_, "rows", None):
        yield f.loss_curves(est.history_)
    if evaluation is not None and len(evaluation.get("latent_kl") or ()) > 1:
        yield f.latent_kl(evaluation)


def render(
    est: Estimator,
    pictures: list[Picture],
    evaluation: Mapping[str, Any] | None,
    source: Mapping[str, Any] | None,
    rows: int,
    held_out: bool | None,
    written: Sequence[Written] = (),
) -> str:
    """The page as text."""
    from .svg import inline

    summary, paper = words.source_of(est)
    notes = [*getattr(est.history_, "notes", []), *((evaluation or {}).get("notes") or [])]
    fields = words.fields(est)
    return fill(
        "page.html",
        model=type(est).__name__,
        data=words.data_name(source),
        lead=words.lead(est),
        summary=summary,
        paper=paper,
        notes=[words.capital(note) for note in notes],
        numbers=words.figures(est, evaluation) if evaluation is not None else [],
        rows=words.number(rows),
        which=WHICH[held_out],
        facts=words.make(est),
        choices=est.choices_,
        changed=[f for f in fields if f.remark],
        fields=fields,
        columns=[[(p, inline(p)) for p in column] for column in balance(pictures)],
        written=written,
    )


def balance(pictures: list[Picture]) -> tuple[list[Picture], list[Picture]]:
    """Two columns of nearly the same height, each in the given order; the first picture leads."""
    heights = np.array([_height(p) for p in pictures])
    rest = range(2 ** max(len(pictures) - 1, 0))
    # One bit for each picture after the first: whether it stands on the left too.
    sides = [
        np.array([1, *(1 if k >> i & 1 else -1 for i in range(len(pictures) - 1))]) for k in rest
    ]
    best = min(sides, key=lambda side: abs(float(heights @ side)))
    both = list(zip(pictures, best > 0, strict=True))
    return [p for p, left in both if left], [p for p, left in both if not left]


def _height(picture: Picture) -> float:
    """About how many pixels a picture takes with its heading and caption, at 500 across."""
    width, height = picture.get_size_inches()
    return 500 * height / width + 21 * -(-len(picture.caption) // 72) + 120


def _source(folder: Path, x: Any) -> Mapping[str, Any] | None:
    """Where the data came from, by the run in the folder or by the data themselves."""
    try:
        known = json.loads((folder / "model.json").read_text("utf-8")).get("data")
    except (OSError, ValueError, AttributeError):
        known = None
    return known if isinstance(known, Mapping) else getattr(x, "source", None)
