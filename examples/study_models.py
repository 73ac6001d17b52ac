"""The models of the study and their training, each kept as a run folder and trained only once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from latentry import (
    AE,
    IWAE,
    VAE,
    BetaVAE,
    ConditionalVAE,
    Dataset,
    DenoisingAE,
    Estimator,
    LatentryError,
    SigmaVAE,
    load,
    load_data,
)
from latentry.fitting import fingerprint
from latentry.persistence import read_info

NARROW, WIDE = 10, 1000
"""Latent dimensions: fewer than an image has pixels (784), and more."""

HELD_OUT_ROWS = 20_000
"""Rows of which each pair of anomaly detectors sees the nine classes left to it."""

WIDE_ROWS = 9_000
"""Rows that the nets around the wide code are trained on; they are five times as large."""

CONDITIONAL = "ConditionalVAE"


@dataclass(frozen=True)
class Size:
    """How much is trained: passes over the data for each family of models."""

    epochs: int
    wide_epochs: int
    held_out_epochs: int
    hidden: int
    wide_hidden: int
    wide: int


FULL = Size(15, 12, 4, 400, 800, WIDE)
QUICK = Size(2, 2, 1, 64, 64, 200)


@dataclass(frozen=True)
class Job:
    """One model to train: its name, its settings, and the rows that it sees."""

    name: str
    est: Estimator
    rows: np.ndarray
    condition: bool = False


def data_sets(name: str, folder: str | None) -> tuple[Dataset, Dataset]:
    """MNIST or Fashion-MNIST, to train and to test on."""
    return load_data(name, data_dir=folder), load_data(f"{name}:test", data_dir=folder)


def main_models(size: Size) -> dict[str, Estimator]:
    """The models that are held against each other, alike in all but what each paper changes.

    All but two score pixels by the same likelihood, so that their distortions compare: SigmaVAE is
    a Gaussian by definition, and the AE is trained by the squared error as well, as is usual.
    """
    net: dict[str, Any] = {"latent": NARROW, "hidden": size.hidden, "net": "mlp", "valid": 0}
    net |= {"epochs": size.epochs, "random_state": 0}
    bernoulli: dict[str, Any] = {**net, "likelihood": "bernoulli"}
    return {
        "AE": AE(**bernoulli),
        "AE, squared error": AE(**net, likelihood="gaussian"),
        "DenoisingAE": DenoisingAE(**bernoulli, level=0.3),
        "VAE": VAE(**bernoulli),
        "SigmaVAE": SigmaVAE(**net),
        "BetaVAE": BetaVAE(**bernoulli, beta=4.0),
        CONDITIONAL: ConditionalVAE(**bernoulli),
        "IWAE": IWAE(**bernoulli, draws=5),
    }


def wide_models(size: Size) -> dict[str, Estimator]:
    """Nets without a layer narrower than the input, around a code wider than it, and a narrow one.

    (With --quick they are smaller than the input: a check of the script, no measurement.)
    """
    net: dict[str, Any] = {"hidden": size.wide_hidden, "net": "mlp", "valid": 0}
    net |= {"epochs": size.wide_epochs, "random_state": 0, "likelihood": "bernoulli"}
    return {
        f"AE, {NARROW}": AE(latent=NARROW, **net),
        f"AE, {size.wide}": AE(latent=size.wide, **net),
        f"DenoisingAE, {size.wide}": DenoisingAE(latent=size.wide, **net, level=0.3),
        f"VAE, {NARROW}": VAE(latent=NARROW, **net),
        f"VAE, {size.wide}": VAE(latent=size.wide, **net),
    }


def detectors(size: Size) -> dict[str, Estimator]:
    """The two that look for anomalies."""
    net: dict[str, Any] = {"latent": NARROW, "hidden": size.hidden, "net": "mlp", "valid": 0}
    net |= {"epochs": size.held_out_epochs, "random_state": 0, "likelihood": "bernoulli"}
    return {"AE": AE(**net), "VAE": VAE(**net)}


def jobs(labels: np.ndarray, size: Size) -> Iterator[Job]:
    """Every model of the study, in the order in which they are trained."""
    every = np.arange(len(labels))
    for name, est in main_models(size).items():
        yield Job(name, est, every, condition=name == CONDITIONAL)
    for name, est in wide_models(size).items():
        yield Job(name, est, every[:WIDE_ROWS])
    for k in np.unique(labels).tolist():
        seen = every[:HELD_OUT_ROWS][labels[:HELD_OUT_ROWS] != k]
        for name, est in detectors(size).items():
            yield Job(f"{name} without {k}", est, seen)


class Runs:
    """The trained models, each in a folder of its own below `folder`.

    A finished one is read, an unfinished one is continued, so that a study that was stopped goes
    on where it was. Raises LatentryError for a folder that holds a model with other settings or of
    other data.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def trained(self, job: Job, train: Dataset) -> Estimator:
        """The model of a job, now or earlier trained."""
        folder = self.folder / slug(job.name)
        x = train.x[job.rows]
        kept = self._finished(folder)
        if kept is not None:
            self._check(folder, kept, job.est, x)
            return kept
        data = dataclasses.replace(train, x=x, labels=None, source={})
        condition = train.labels[job.rows] if job.condition and train.labels is not None else None
        return job.est.fit(data, condition=condition, folder=folder)

    def _finished(self, folder: Path) -> Estimator | None:
        if not (folder / "model.json").exists() or read_info(folder)["status"] != "finished":
            return None
        return load(folder)

    def _check(self, folder: Path, kept: Estimator, wanted: Estimator, x: np.ndarray) -> None:
        for field in dataclasses.fields(wanted):
            before, now = getattr(kept, field.name, None), getattr(wanted, field.name)
            if type(kept) is not type(wanted) or before != now:
                raise LatentryError(
                    f"{folder} was trained with {field.name}={before!r}, and the study asks for"
                    f" {now!r}; give another --out, or remove that folder."
                )
        if read_info(folder)["fingerprint"] != fingerprint(x):
            raise LatentryError(
                f"{folder} was trained on other data; give another --out, or remove that folder."
            )


def seconds(est: Estimator) -> float:
    """How long a model was trained, in seconds, also where that was in an earlier call."""
    return float(est.history_.column("seconds")[-1]) if est.history_.rows else 0.0


def slug(name: str) -> str:
    """A name as a folder has it.

    >>> slug("AE, squared error")
    'ae-squared-error'
    """
    return "-".join(name.lower().replace(",", " ").split())
