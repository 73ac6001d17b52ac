"""The figures of `evaluate --measures`: what they are taken from, and their table."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import LatentryError, suggest
from .given import Opening, open_for, open_own
from .output import say, table

if TYPE_CHECKING:
    from ..data.datasets import Dataset
    from ..data.schema import Schema
    from ..estimator import Estimator
    from ..evaluation.features import Features

OWN_ROWS = (
    "These rows include those that the model was trained on: figures on unseen rows are worse."
)


@dataclass(frozen=True)
class Asked:
    """What was asked for beside the data.

    groups : of figures, checked
    weights : of an Inception network, for the feature space, or None
    factors : columns that hold known factors
    anomalies : labels of the rows that count as anomalies
    """

    groups: tuple[str, ...]
    weights: Path | None = None
    factors: tuple[str, ...] = ()
    anomalies: tuple[str, ...] = ()
    draws: int = 100
    seed: int = 0

    def features(self, schema: Schema) -> Features | None:
        """The feature space that the user's network spans, if one was given."""
        if self.weights is None:
            return None
        from ..evaluation.features import InceptionFeatures

        white = {"levels": schema.levels - 1.0, "unit": 1.0, "binary": 1.0}
        return InceptionFeatures(self.weights, highest=white.get(schema.values, 255.0))


def measured(
    est: Estimator,
    run: Path,
    info: dict[str, Any],
    data: str,
    opening: Opening,
    data_dir: Path | None,
    asked: Asked,
) -> dict[str, Any]:
    """The figures of a run on DATA: see `latentry.evaluation.measures.measure`."""
    from ..evaluation.measures import measure

    features = asked.features(est.schema_)
    needed = [c.name for c in est.schema_.table]  # a factor may be a column of the model's own
    factors, opening = _factors(data, opening, data_dir, asked.factors, needed)
    dataset, c = open_for(est, run, info, data, opening, data_dir)
    train, train_labels, own = _training(est, run, info, dataset, asked.groups)
    found = measure(
        est,
        dataset,
        labels=dataset.labels,
        train=train,
        train_labels=train_labels,
        condition=c,
        factors=factors or (dataset.taken if dataset.columns is None else None),
        anomalies=anomalies_of(data, dataset, asked.anomalies),
        groups=asked.groups,
        features=features,
        draws=asked.draws,
        seed=asked.seed,
    )
    if own:
        found["notes"].append(OWN_ROWS)
    return found


def _factors(
    data: str,
    opening: Opening,
    data_dir: Path | None,
    names: Sequence[str],
    needed: Sequence[str],
) -> tuple[dict[str, np.ndarray], Opening]:
    """The columns that hold known factors, and how to open the data without them."""
    if not names:
        return {}, opening
    from ..data import load

    found = load(data, data_dir=data_dir, take=names)
    factors = {name: np.asarray(found.taken[name]) for name in names}
    if found.columns is None:  # the factors of a data set of images are no part of its samples
        return factors, opening
    out = [name for name in names if name not in (opening.label, opening.condition, *needed)]
    return factors, dataclasses.replace(opening, drop=tuple(dict.fromkeys([*opening.drop, *out])))


def _training(
    est: Estimator, run: Path, info: dict[str, Any], dataset: Dataset, groups: Sequence[str]
) -> tuple[np.ndarray | None, np.ndarray | None, bool]:
    """The rows that the model was trained on with their labels, and whether DATA are the same.

    None where the run does not know them, or they are not on this machine any more.
    """
    same = (info.get("data") or {}).get("data") == dataset.source.get("data")
    if "samples" not in groups:
        return None, None, same
    from ..fitting import split

    try:
        own, _ = open_own(run, info)
    except LatentryError:
        return None, None, same
    rows = split(len(own.x), est.valid, est.seed_)[0]
    return own.x[rows], None if own.labels is None else own.labels[rows], same


def anomalies_of(data: str, dataset: Dataset, names: Sequence[str]) -> np.ndarray | None:
    """Which rows (N,) have one of the labels named; None where none is named."""
    if not names:
        return None
    if dataset.labels is None:
        raise LatentryError(f"{data} has no labels, so none of its rows can be named anomalies.")
    labels = np.asarray([str(label) for label in dataset.labels])
    known = np.unique(labels).tolist()
    for name in names:
        if name not in known:
            raise LatentryError(
                f"--anomalies {name} is no label of {data}; there are {', '.join(known)}."
                + suggest(name, known)
            )
    return np.isin(labels, list(names))


def measures_table(found: dict[str, Any]) -> None:
    """The figures with their units and which way is better, a table for each group; then notes."""
    from ..evaluation.measures import GROUPS, MEASURES

    for group in GROUPS:
        rows = [
            (name, value, MEASURES[name].better or "", found["units"][name])
            for name, value in found["figures"].items()
            if MEASURES[name].group == group
        ]
        if rows:
            table((group, "value", "better", "unit"), rows)
            say("")
    if found["feature_space"]:
        say(f"Feature space: {found['feature_space']}.")
    for sentence in found["notes"]:
        say(f"Note: {sentence.rstrip('.')}.")
