"""Every figure there is on a model, asked for by group, under names that say what they are.

`MEASURES` has each figure's label, unit, direction and source; `measure` computes the groups that
are asked for. A figure that cannot exist (the likelihood of a model without a prior, a score that
needs labels) is None, and the notes say why.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.arrays import known
from ..data.datasets import packed
from ..errors import LatentryError, suggest
from .catalogue import GROUPS, KINDS, LEVELS, MEASURES, Measure, names_of
from .points import data_points

if TYPE_CHECKING:
    from .features import Features
    from .subject import Subject

__all__ = ["GROUPS", "MEASURES", "Measure", "measure", "names_of", "parse_groups"]

MOST_ROWS = 2000
"""Rows that robustness looks at: each is decoded twenty times over."""
MOST_FACTORS = 5000
"""Rows that classifiers of factors learn from."""
MOST_SAMPLES = 10_000
MOST_TRAINING = 20_000
"""Training rows that a feature space is learned from, and copies are sought among."""
CEILING = 0.95
"""Share of its largest value from which the index-code information says little."""


@dataclass(frozen=True)
class Given:
    """What the figures are taken from: a model and rows, and what is known of the rows."""

    est: Subject
    x: np.ndarray
    labels: np.ndarray | None
    train: np.ndarray | None
    train_labels: np.ndarray | None
    condition: np.ndarray | None
    factors: Mapping[str, np.ndarray] | None
    anomalies: np.ndarray | None
    features: Features | None
    draws: int
    seed: int

    def at_most(self, rows: int = MOST_ROWS) -> Given:
        """The same with a random choice of the rows, if there are more."""
        if len(self.x) <= rows:
            return self
        chosen = np.sort(np.random.default_rng(self.seed).choice(len(self.x), rows, replace=False))
        return dataclasses.replace(
            self,
            x=self.x[chosen],
            labels=None if self.labels is None else self.labels[chosen],
            condition=None if self.condition is None else self.condition[chosen],
            factors=self.factors and {name: f[chosen] for name, f in self.factors.items()},
            anomalies=None if self.anomalies is None else self.anomalies[chosen],
        )

    def less_training(self) -> Given:
        """The same with a random choice of the training rows, if there are very many."""
        if self.train is None or len(self.train) <= MOST_TRAINING:
            return self
        rng = np.random.default_rng(self.seed)
        chosen = np.sort(rng.choice(len(self.train), MOST_TRAINING, replace=False))
        labels = None if self.train_labels is None else self.train_labels[chosen]
        return dataclasses.replace(self, train=self.train[chosen], train_labels=labels)


@dataclass
class Found:
    """Figures as they are found, and what there is to say about them."""

    figures: dict[str, float | None] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    feature_space: str | None = None

    def put(self, figures: Mapping[str, Any]) -> None:
        """Keep the figures that the catalogue has; NaN stands for none."""
        for name in figures.keys() & MEASURES.keys():
            value = figures[name]
            number = None if value is None else float(value)
            self.figures[name] = None if number is None or np.isnan(number) else number

    def note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)


def parse_groups(groups: str | Iterable[str]) -> tuple[str, ...]:
    """Groups from a list or from "likelihood,samples"; "all" stands for every one.

    Raises LatentryError for a name that is no group.

    >>> parse_groups("samples,likelihood")
    ('likelihood', 'samples')
    """
    words = groups.split(",") if isinstance(groups, str) else list(groups)
    asked = [word.strip().lower() for word in words if word.strip()]
    for word in asked:
        if word not in (*GROUPS, "all"):
            raise LatentryError(
                f"{word!r} is no group of measures; there are {', '.join(GROUPS)}, or all."
                + suggest(word, (*GROUPS, "all"))
            )
    if not asked:
        raise LatentryError(f"No measures were named; there are {', '.join(GROUPS)}, or all.")
    return GROUPS if "all" in asked else tuple(group for group in GROUPS if group in asked)


def measure(
    est: Subject,
    X: Any,
    *,
    labels: Any = None,
    train: Any = None,
    train_labels: Any = None,
    condition: Any = None,
    factors: Mapping[str, Any] | np.ndarray | None = None,
    anomalies: Any = None,
    groups: str | Iterable[str] = ("likelihood",),
    features: Features | None = None,
    draws: int = 100,
    seed: int = 0,
) -> dict[str, Any]:
    """The figures of the groups asked for, on rows X (N, *shape) in the data's units.

    labels: (N,) classes, for latents, paths, agreement and the feature space.
    train: rows (M, *shape) that the model was trained on, for copying and, with train_labels (M,),
        for the feature space.
    condition: of each row, for a conditional model.
    factors: (N, F) classes of known factors, or a mapping from their names to (N,).
    anomalies: (N,) true where a row is an anomaly, for the AUROC among the robustness.
    features: the space that samples are judged in; without it, one is chosen by the data.
    draws: importance samples for each row.

    Gives "figures" {name: value or None}, "units" {name: unit}, "notes" (what to know before
    comparing), "feature_space" (a name, or None), "details" (the mean squared error of each class,
    the worst rows, the likelihood by draws) and "rows". Of large data some groups look at a part:
    2,000 rows for robustness, 5,000 for factors, 10,000 for samples.
    Raises LatentryError for a group that is unknown and rows that do not fit the model.
    """
    chosen = parse_groups(groups)
    given = Given(
        est,
        _rows(est, X),
        None if labels is None else np.asarray(labels),
        None if train is None else _rows(est, train),
        None if train_labels is None else np.asarray(train_labels),
        None if condition is None else np.asarray(condition),
        _factors(factors),
        None if anomalies is None else np.asarray(anomalies, dtype=bool),
        features,
        draws,
        seed,
    )
    _check_lengths(given)
    given = given.less_training()
    found = Found({name: None for group in chosen for name in names_of(group)})
    for group in chosen:
        _MEASURING[group](given, found)
    return {
        "figures": found.figures,
        "units": {name: MEASURES[name].unit for name in found.figures},
        "notes": found.notes,
        "feature_space": found.feature_space,
        "details": found.details,
        "rows": len(given.x),
    }


def _rows(est: Subject, X: Any) -> np.ndarray:
    """The rows as an array (N, ...); those of a table of mixed columns as they are packed."""
    if est.schema_.kind == "table":
        return packed(est.schema_, X)
    return np.asarray(getattr(X, "x", X))


def _factors(factors: Mapping[str, Any] | np.ndarray | None) -> dict[str, np.ndarray] | None:
    if factors is None or len(factors) == 0:
        return None
    if isinstance(factors, Mapping):
        return {str(name): np.asarray(column) for name, column in factors.items()}
    table = np.asarray(factors)
    if table.ndim != 2:
        raise LatentryError(
            f"factors have the shape {table.shape}; give one column for each factor, (N, F)."
        )
    return {str(i): table[:, i] for i in range(table.shape[1])}


def _check_lengths(given: Given) -> None:
    beside = {"labels": given.labels, "condition": given.condition, "anomalies": given.anomalies}
    factors = {f"the factor {name!r}": f for name, f in (given.factors or {}).items()}
    for name, values in {**beside, **factors}.items():
        if values is not None and len(values) != len(given.x):
            raise LatentryError(
                f"{name} has {len(values)} entries for {len(given.x)} rows; give one for each row."
            )


def _try(found: Found, what: str, compute: Callable[[], Mapping[str, Any]]) -> None:
    """Keep what `compute` finds; where it refuses, a note says why."""
    try:
        found.put(compute())
    except LatentryError as error:
        found.note(f"{what}: {error}")


# ------------------------------------------------------------------------- one function for a group


def _likelihood(given: Given, found: Found) -> None:
    from .decomposition import convergence, decompose

    est, c = given.est, given.condition
    base = est.evaluate(given.x, draws=given.draws, condition=c)
    found.put({name: base[name] for name in names_of("likelihood") if name in base})
    for sentence in base["notes"]:
        found.note(sentence)
    if base["rate"] is None:
        return
    parts = decompose(est, given.x, condition=c, seed=given.seed)
    # The rate of all rows is known already; the parts are those of the rows that were looked at.
    found.put({name: value for name, value in parts.items() if name != "rate"})
    found.notes += _about_parts(parts, len(given.x))
    if base["nll"] is None:
        return
    steps = tuple(sorted({max(1, given.draws // 10), given.draws, 10 * given.draws}))
    hint = convergence(est, given.x, condition=c, draws=steps, seed=given.seed)
    found.put({"effective_draws": hint["effective_draws"], "nll_gain": hint["gain"]})
    found.details["nll_by_draws"] = {str(k): float(v) for k, v in hint["nll"].items()}
    found.note(str(hint["verdict"]))


def _about_parts(parts: Mapping[str, Any], rows: int) -> list[str]:
    """What is to be said about the parts of the rate."""
    used, information = int(parts["rows"]), parts["index_code_mi"]
    if information is None:
        return ["The rate has no parts here: q(z|x) and p(z) are no factorised Gaussians."]
    said = []
    if used < rows:
        said.append(f"The parts of the rate are those of {used:,} rows.")
    if information > CEILING * np.log(used):
        said.append(
            f"The index-code information is at its ceiling, the log of {used:,} rows: with more"
            " rows it would be higher, and the marginal KL lower by as much."
        )
    return said


def _reconstruction(given: Given, found: Found) -> None:
    from . import reconstruction as of

    est, c, labels = given.est, given.condition, given.labels
    if est.schema_.kind == "table":
        result = of.of_cells(of.cell_errors(est, given.x, condition=c), labels=labels)
        found.note(of.ABOUT_CELLS)
    else:
        again = est.reconstruct(given.x, condition=c)
        # Counts and real numbers have no largest value that a ratio could be taken to.
        span = 1.0 if est.schema_.values in ("binary", "levels", "unit") else None
        pair = of.scaled(est, given.x), of.scaled(est, again)
        result = of.reconstruction(*pair, span=span, labels=labels)
        if est.schema_.kind != "image":
            found.note("SSIM is for images; these rows are vectors.")
    found.put(result)
    found.details["worst_rows"] = [int(row) for row in result["worst"]]
    per_class = result["per_class"] or {}
    if per_class:
        found.details["mse_per_class"] = {str(k): float(v) for k, v in per_class.items()}


def _samples(given: Given, found: Found) -> None:
    from . import samples

    est = given.est
    # A table of mixed columns has distances only as points.
    x, train = (data_points(est.schema_, rows) for rows in (given.x, given.train))
    given = dataclasses.replace(given, x=x, train=train)
    some = given.at_most(MOST_SAMPLES)
    features = given.features or _features(given, found)
    found.feature_space = features.name
    found.note(features.note)
    how: dict[str, Any] = {"condition": some.condition, "seed": given.seed}
    fake = data_points(est.schema_, est.sample(len(some.x), **how))
    _try(
        found,
        "Samples",
        lambda: samples.samples(some.x, fake, features=features, train=train, seed=given.seed),
    )
    if train is None:
        found.note("Copying is not measured: no training rows were given.")
    if est.condition_ is not None:
        _agreement(features, fake, some.condition, found)


def _features(given: Given, found: Found) -> Features:
    """A feature space learned from the training rows where they are given, else from the rows."""
    from .features import choose

    if given.train is not None:
        return choose(given.train, given.train_labels, seed=given.seed)
    found.note(
        "The feature space was learned from the rows that are judged in it: no training rows were"
        " given."
    )
    return choose(given.x, given.labels, seed=given.seed)


def _agreement(
    features: Features, fake: np.ndarray, asked: np.ndarray | None, found: Found
) -> None:
    from .features import ClassifierFeatures
    from .samples import agreement

    if asked is None or asked.ndim != 1 or not isinstance(features, ClassifierFeatures):
        found.note("Agreement with the condition needs a classifier trained on those classes.")
        return
    _try(found, "Agreement", lambda: {"agreement": agreement(features, fake, asked)})


def _latents(given: Given, found: Found) -> None:
    from .latents import latents

    how: dict[str, Any] = {"condition": given.condition, "seed": given.seed}
    _try(found, "Latents", lambda: latents(given.est, given.x, given.labels, **how))
    if given.labels is None:
        found.note("There are no labels: probes, neighbours and clusters are not measured.")


def _paths(given: Given, found: Found) -> None:
    from .paths import paths

    how: dict[str, Any] = {"condition": given.condition, "seed": given.seed, "kinds": KINDS}
    _try(found, "Paths", lambda: paths(given.est, given.x, given.labels, **how))


def _robustness(given: Given, found: Found) -> None:
    from . import detection, robustness

    some = given.at_most()
    how: dict[str, Any] = {"condition": some.condition, "seed": some.seed}

    def denoised() -> dict[str, float]:
        result = robustness.denoising(some.est, some.x, levels=LEVELS, **how)
        return {
            f"{name}_{level:g}": value
            for name, by_level in result.items()
            for level, value in by_level.items()
        }

    def filled() -> dict[str, float]:
        result = robustness.filling(some.est, some.x, **how)
        return {f"filling_{name}": value for name, value in result.items()}

    def detected() -> dict[str, float | None]:
        result = detection.detection(given.est, given.x, given.anomalies, condition=given.condition)
        return {f"auroc_{name}": value for name, value in result.items()}

    _try(found, "Denoising", denoised)
    _try(found, "Occlusion", lambda: robustness.occlusion(some.est, some.x, **how))
    _try(found, "Filling", filled)
    if given.anomalies is None:
        found.note("Detection is not measured: no rows were said to be anomalies.")
    else:
        _try(found, "Detection", detected)


def _disentanglement(given: Given, found: Found) -> None:
    from .disentanglement import disentanglement

    if given.factors is None:
        found.note("Disentanglement is not measured: it needs rows whose factors are known.")
        return
    some = given.at_most(MOST_FACTORS)
    assert some.factors is not None
    there = np.all([known(column) for column in some.factors.values()], axis=0)
    if not there.all():
        found.note(f"{int((~there).sum()):,} rows of which a factor is missing are left out.")
    codes = some.est.transform(some.x, condition=some.condition)[there]
    # Classes in the order of their values, so that factors of several types make one table.
    classes = [np.unique(f[there], return_inverse=True)[1] for f in some.factors.values()]
    table = np.stack(classes, axis=1)
    _try(found, "Disentanglement", lambda: disentanglement(codes, table, seed=some.seed))


_MEASURING: dict[str, Callable[[Given, Found], None]] = {
    "likelihood": _likelihood,
    "reconstruction": _reconstruction,
    "samples": _samples,
    "latents": _latents,
    "paths": _paths,
    "robustness": _robustness,
    "disentanglement": _disentanglement,
}
