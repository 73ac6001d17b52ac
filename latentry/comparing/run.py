"""Comparing models: each is trained alike, several times, and measured alike."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import Interrupted, LatentryError
from .budget import Plan, plan, seconds_of, unplanned
from .entrants import Entrant, entrants, names
from .fits import Speed, fit, speed_of
from .jobs import JOBS, measure_of, parse_jobs
from .measuring import ROWS, Yardstick, anomalies
from .parts import Part, divide, whole
from .progress import Bar
from .records import Records, arguments
from .verdict import Values, recommend, summary, table

if TYPE_CHECKING:
    from pandas import DataFrame

LATE = 1.15
"""How much of the budget may be spent before seeds are left out."""
PICTURES = 2.0
"""Seconds for each model that a budget keeps for what is drawn afterwards, where there is a folder
to draw into."""


def compare(
    models: Any,
    X: Any,
    *,
    y: Any = None,
    seeds: int = 3,
    budget: str | float | None = None,
    epochs: int | None = None,
    test: float = 0.2,
    folder: str | Path | None = None,
    condition: Any = None,
    jobs: Any = None,
    random_state: int = 0,
    verbose: bool = False,
    **fields: Any,
) -> DataFrame:
    """Train models alike and measure them alike: which suits these data, for which job?

    models: names such as "vae" or "beta-vae:beta=4", classes, or estimators.
    X: rows or images, or a `latentry.data.Dataset`. y: a label for each row, if there are labels.
    seeds: fits of each model, with the seeds random_state, random_state + 1, ...
    budget: time for all of it, in seconds or as 90s, 10m, 1h: the speed of each model is measured
        first, then all are trained for the one number of epochs that fits. Should the machine
        become much slower meanwhile, seeds are left out, and a note says so. Without a budget,
        `epochs`, or each model's own.
    test: the share of the rows that no model learns from and all are measured on.
    folder: where to keep each fit as a run, and the figures. A comparison that was stopped goes on
        when it is called again with the same arguments.
    condition: of each row, for the conditional models among them; without it, the labels.
    jobs: some of reconstruct, compress, denoise, features, generate, generate-conditional,
        interpolate, anomalies, fill; all by default. Detecting anomalies takes a second fit
        without one class, another class for each seed.
    fields: for every model, such as latent=2 or hidden=(400,).

    Gives one row for each model: NAME, the mean of a figure over the seeds, NAME_se, its standard
    error, and rank_JOB, one more than the number of models that are clearly better (by more than
    two standard errors of the difference). `.attrs` has "recommendation" (a dict for each job,
    with a "sentence"), "summary", "units", "values" (each seed's), "epochs", "feature_space" and
    "notes".
    Raises LatentryError for arguments that cannot work or differ from those in the folder, and
    Interrupted after Ctrl-C where a folder keeps what is done.
    """
    chosen = entrants(models, fields)
    rows = whole(X, y, condition)
    if any(each.conditional for each in chosen) and rows.condition is None:
        rows = Part(rows.data, rows.labels, rows.labels)
    asked = {
        "seeds": _seeds(seeds, budget, epochs),
        "budget": None if budget is None else seconds_of(budget),
        "epochs": epochs,
        "test": float(test),
        "jobs": list(parse_jobs(jobs)),
        "random_state": int(random_state),
    }
    records = Records(None if folder is None else Path(folder))
    about = arguments(chosen, rows, asked)
    comparison = Comparison(chosen, rows, asked, records, records.open(about), about)
    with Bar(verbose) as comparison.bar, _stoppable(comparison):
        comparison.run()
    return comparison.result()


@dataclass
class Comparison:
    """A comparison while it runs."""

    entrants: list[Entrant]
    rows: Part
    asked: dict[str, Any]
    records: Records
    plan: Plan | None
    about: dict[str, Any]
    late: str | None = None
    bar: Bar = field(default_factory=lambda: Bar(False))
    found: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.began = time.monotonic()
        self.train, self.test = divide(self.rows, self.asked["test"])
        self.jobs: tuple[str, ...] = tuple(self.asked["jobs"])
        first = self.asked["random_state"]
        self.seeds = range(first, first + self.asked["seeds"])
        _check_condition(self.entrants, self.train)

    def run(self) -> None:
        """Settle the plan, then every fit: all models for one seed, then for the next."""
        settled = self.plan
        measured_on = Yardstick.of(
            self.jobs, self.train, self.test, settled.rows if settled else ROWS
        )
        if settled is None:
            settled = self.make_plan(measured_on)
            self.records.begin(self.about, settled, dict(self.rows.data.source))
            if settled.rows < len(measured_on.test):
                measured_on = Yardstick.of(self.jobs, self.train, self.test, settled.rows)
        self.yardstick = measured_on
        self.bar.total(len(self.seeds) * sum(settled.seconds.values()))
        timed, done = self.plan is None and self.asked["budget"] is not None, 0.0
        self.plan = settled
        for number, seed in enumerate(self.seeds):
            began = time.monotonic()
            for entrant in self.entrants:
                self.bar.doing(f"{entrant.name}, fit {number + 1} of {len(self.seeds)}")
                self.found[entrant.name, seed] = self.one(entrant, seed)
                done += settled.seconds[entrant.name]
                self.bar.reach(done)
            if timed and self.too_late(number + 1, time.monotonic() - began):
                break

    def too_late(self, done: int, took: float) -> bool:
        """Whether to end after so many seeds, as another one would take far too long.

        The plan knows how fast the machine was when it was made; a machine that others slow down
        keeps to the budget by leaving out seeds.
        """
        spent, budget = time.monotonic() - self.began, self.asked["budget"]
        every = len(self.seeds)
        if done == every or spent + took <= LATE * budget:
            return False
        self.seeds = self.seeds[:done]
        self.late = (
            f"The machine became slower than it was when the epochs were planned: the budget of"
            f" {budget:.0f} s ended after {done} of {every} seeds."
        )
        if self.records.folder is not None:
            self.late += " The same comparison with the same folder adds the others."
        return True

    def make_plan(self, yardstick: Yardstick) -> Plan:
        """The number of epochs that the budget allows."""
        rows = len(yardstick.test)
        if self.asked["budget"] is None:
            return unplanned(self.entrants, self.asked["epochs"], rows)
        self.bar.doing("measuring the speed of each model")
        speeds: dict[str, Speed] = {}
        fit(self.entrants[0], self.train.spread(200), 1, 0)  # the first fit pays for torch's parts
        for entrant in self.entrants:
            speeds[entrant.name] = speed_of(entrant, self.train)
        fits = {e.name: 1 + (self.unseen(e, self.seeds[0]) is not None) for e in self.entrants}
        return plan(
            self.asked["budget"],
            lambda: time.monotonic() - self.began,
            speeds,
            fits,
            self.seconds_to_measure(yardstick),
            rows,
            len(self.seeds),
            PICTURES * len(self.entrants) if self.records.folder is not None else 0.0,
        )

    def seconds_to_measure(self, yardstick: Yardstick) -> float:
        """How long every figure of one model takes; one with a prior has the most of them."""
        priors = [e for e in self.entrants if not e.conditional]
        entrant = (priors or self.entrants)[-1]
        est = fit(entrant, self.train.spread(1000), 1, 0)
        yardstick.measure(est, 0)  # the first time pays for what is imported
        began = time.monotonic()
        yardstick.measure(est, 0)
        return time.monotonic() - began

    def one(self, entrant: Entrant, seed: int) -> dict[str, Any]:
        """The figures of one model for one seed, from the folder if they are there."""
        kept = self.records.figures(entrant, seed)
        if kept is not None:
            return kept
        assert self.plan is not None
        epochs, unseen = self.plan.epochs, self.unseen(entrant, seed)
        # Measuring takes a part of the time, too; the bar is set right after it.
        work = 0.8 * self.plan.seconds[entrant.name] / (1 if unseen is None else 2)
        run = self.records.run(entrant, seed)
        est = fit(entrant, self.train, epochs, seed, run, self.bar.part(work))
        figures, notes = self.yardstick.measure(est, seed)
        if unseen is not None:
            assert self.train.labels is not None
            others = self.train.take(np.flatnonzero(self.train.labels != unseen))
            run = self.records.without(entrant, seed, unseen)
            blind = fit(entrant, others, epochs, seed, run, self.bar.part(work))
            figures |= anomalies(blind, self.yardstick.test, unseen)
        found = {
            "figures": {name: _plain(value) for name, value in figures.items()},
            "notes": [*est.history_.notes, *notes],
            "likelihood": est.likelihood_,
        }
        self.records.keep(entrant, seed, found)
        return found

    def unseen(self, entrant: Entrant, seed: int) -> Any:
        """The class that is kept from the second fit of a seed; None where there is no such fit.

        A conditional model would have to be told a class that it does not know.
        """
        classes = self.test.classes
        if "anomalies" not in self.jobs or entrant.conditional or len(classes) < 3:
            return None
        return classes[seed % len(classes)]

    def values(self) -> Values:
        """Figures by model and name, one for each seed."""
        return {
            e.name: {
                name: [self.found[e.name, seed]["figures"].get(name) for seed in self.seeds]
                for name in self.found[e.name, self.seeds[0]]["figures"]
            }
            for e in self.entrants
        }

    def result(self) -> DataFrame:
        """The table, with what was found in its attributes."""
        values = self.values()
        frame = table(values, self.jobs)
        found = recommend(values, self.jobs)
        shown = [name for name in frame.columns if not name.endswith("_se") and name[:5] != "rank_"]
        assert self.plan is not None
        frame.attrs = {
            "recommendation": found,
            "summary": summary(found, names(self.entrants)),
            "units": {name: measure_of(name).unit for name in shown},
            "values": values,
            "epochs": self.plan.epochs,
            "seeds": list(self.seeds),
            "rows": {"train": len(self.train), "test": len(self.yardstick.test)},
            "feature_space": getattr(self.yardstick.features, "name", None),
            "notes": self.notes(),
        }
        self.records.keep_table(frame.to_csv())
        return frame

    def notes(self) -> list[str]:
        """What to know before using the table, each once, with the models that it is about."""
        assert self.plan is not None
        said: dict[str, list[str]] = {}
        for (name, _), found in self.found.items():
            for note in found["notes"]:
                models = said.setdefault(note, [])
                if name not in models:
                    models.append(name)
        notes = [note for note in (self.plan.note, self.late) if note]
        told = [e.name for e in self.entrants if e.conditional]
        if told:
            notes.append(
                f"{', '.join(told)} is told the condition of every row, also of those that it is"
                " measured on: its figures are given the condition, and its likelihood is that of"
                " p(x|c)."
            )
        kinds = {e.name: self.found[e.name, self.seeds[0]]["likelihood"] for e in self.entrants}
        if len(set(kinds.values())) > 1:
            each = ", ".join(f"{kind} for {model}" for model, kind in kinds.items())
            notes.append(
                f"The likelihoods differ ({each}): ELBO, NLL and distortion in nats are not"
                " comparable between them; errors and PSNR are."
            )
        lacking = [JOBS[j].purpose for j in self.jobs if JOBS[j].needs_labels]
        if lacking and not self.test.classes:
            notes.append(f"There are no class labels: nothing says who can {', '.join(lacking)}.")
        notes += [f"{', '.join(models)}: {note}" for note, models in said.items()]
        return notes


@contextmanager
def _stoppable(comparison: Comparison) -> Iterator[None]:
    """Ctrl-C with a folder says how to go on."""
    try:
        yield
    except (KeyboardInterrupt, Interrupted):
        folder = comparison.records.folder
        if folder is None:
            raise
        every = len(comparison.seeds) * len(comparison.entrants)
        raise Interrupted(
            f"The comparison stopped after {len(comparison.found)} of {every} fits, which are kept"
            f" in {folder}; the same comparison with the same folder goes on from there."
        ) from None


def _seeds(seeds: Any, budget: Any, epochs: Any) -> int:
    if not isinstance(seeds, int | np.integer) or seeds < 1:
        raise LatentryError(f"seeds={seeds!r}: every model is fitted at least once.")
    if budget is not None and epochs is not None:
        raise LatentryError(
            f"epochs={epochs} and a budget were given; give one of them, as each settles the other."
        )
    if epochs is not None and (not isinstance(epochs, int | np.integer) or epochs < 1):
        raise LatentryError(f"epochs={epochs!r}: it is a whole number of at least 1.")
    return int(seeds)


def _check_condition(chosen: list[Entrant], train: Part) -> None:
    told = [each.name for each in chosen if each.conditional]
    if told and train.condition is None:
        raise LatentryError(
            f"{told[0]} needs a condition for each row; give condition=, or labels as y."
        )


def _plain(value: Any) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
