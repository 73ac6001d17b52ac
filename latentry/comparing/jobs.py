"""What people use such models for, and the figures by which each use is judged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import LatentryError, suggest
from ..evaluation.measures import MEASURES, Measure

BITS = 4
"""Bits for each dimension in which codes are kept when a model is asked to compress."""


@dataclass(frozen=True)
class Job:
    """One use of a model.

    name : as it is asked for
    purpose : the end of a sentence that begins with "Take this model to ..."
    leading : the figure that ranks the models; where no model has the first, the next one does
    beside : other figures of the job
    needs_labels : whether it cannot be judged without classes
    """

    name: str
    purpose: str
    leading: tuple[str, ...]
    beside: tuple[str, ...] = ()
    needs_labels: bool = False


JOBS = {
    job.name: job
    for job in (
        Job("reconstruct", "reconstruct", ("psnr", "mse"), ("ssim",)),
        Job("compress", "compress", ("compressed_psnr", "compressed_mse")),
        Job("denoise", "denoise", ("cleaned_psnr_0.25",), ("noisy_psnr_0.25",)),
        Job(
            "features", "make features", ("probe_100", "probe_all"), ("knn_all",),
            needs_labels=True,
        ),
        Job(
            "generate", "generate", ("frechet",),
            ("precision", "recall", "density", "coverage", "two_sample_accuracy"),
        ),
        Job(
            "generate-conditional", "generate what was asked for", ("agreement",),
            needs_labels=True,
        ),
        Job(
            "interpolate", "interpolate", ("straight_middle_distance",), ("straight_smoothness",),
        ),
        Job(
            "anomalies", "detect anomalies", ("auroc",),
            ("auroc_reconstruction", "auroc_reconstruction+kl", "auroc_likelihood"),
            needs_labels=True,
        ),
        Job("fill", "fill holes", ("filling_rmse",), ("filling_baseline_rmse",)),
    )
}  # fmt: skip
"""Every job by name, in the order of the table."""

LIKELIHOOD = ("elbo", "nll", "bits_per_dim", "distortion", "rate", "active_units")
"""What is said of every model, whatever the jobs are."""

_SCALE = "squared units of the model's scale, for each dimension"
OWN = {
    measure.name: measure
    for measure in (
        Measure(
            "compressed_psnr", f"PSNR, {BITS}-bit codes", "dB", "higher", "",
            f"PSNR of the reconstruction from codes that are kept in {BITS} bits per dimension",
            "reconstruction",
        ),
        Measure(
            "compressed_mse", f"squared error, {BITS}-bit codes", _SCALE, "lower", "",
            f"squared error of the reconstruction from codes kept in {BITS} bits per dimension",
            "reconstruction",
        ),
        Measure(
            "auroc", "AUROC, own score", "area, 0.5 = chance", "higher",
            "Fawcett, 2006, https://doi.org/10.1016/j.patrec.2005.10.010",
            "how well the model's own loss tells rows of a class that it never saw from the rest:"
            " the negative ELBO, or the distortion of a model without a bound",
            "robustness",
        ),
    )
}  # fmt: skip
"""Figures that only a comparison takes."""


def measure_of(name: str) -> Measure:
    """What is known of a figure."""
    return OWN.get(name) or MEASURES[name]


def figures_of(jobs: Iterable[str]) -> list[str]:
    """The figures of a comparison, in the order of its table."""
    chosen = [JOBS[name] for name in jobs]
    found = [figure for job in chosen for figure in (*job.leading, *job.beside)]
    return [*LIKELIHOOD, *found]


def parse_jobs(given: str | Iterable[str] | None) -> tuple[str, ...]:
    """Jobs from a list or from "reconstruct,generate", in the order of the table; None for all.

    Raises LatentryError for a name that is no job.
    """
    if given is None:
        return tuple(JOBS)
    listed = given.split(",") if isinstance(given, str) else given
    asked = [word.strip().lower() for word in listed if word.strip()]
    for word in asked:
        if word not in JOBS and word != "all":
            raise LatentryError(
                f"{word!r} is no job; there are {', '.join(JOBS)}.{suggest(word, JOBS)}"
            )
    if not asked:
        raise LatentryError(f"no job was named; there are {', '.join(JOBS)}.")
    return tuple(JOBS) if "all" in asked else tuple(job for job in JOBS if job in asked)
