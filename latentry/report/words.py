"""What a page says about a model: its numbers with their units, its make, its training."""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..evaluation.likelihood import has_likelihood

if TYPE_CHECKING:
    from ..estimator import Estimator

DASH = "–"

MEANING = {
    "elbo": ("ELBO", "lower bound on log p(x); higher is better"),
    "distortion": ("Distortion", "−E log p(x|z), the reconstruction term; lower is better"),
    "rate": ("Rate", "KL from posterior to prior: what the code carries"),
    "nll": ("Negative log-likelihood", "−log p(x) by importance sampling; lower is better"),
    "bits_per_dim": ("Bits per dimension", "the negative log-likelihood in bits, per dimension"),
    "mse": ("Mean squared error", "of the reconstruction from the posterior mean"),
    "active_units": ("Active units", "latent dimensions whose posterior mean varies"),
    "rows": ("Samples evaluated", ""),
}
UNITS = {
    "elbo": "nats per sample",
    "distortion": "nats per sample",
    "rate": "nats per sample",
    "nll": "nats per sample",
    "bits_per_dim": "bits per dimension",
    "active_units": "dimensions",
    "rows": "samples",
}
"""Short units, where the evaluation's own say more than a column of a table can."""
APART = ("units", "notes", "latent_kl", "nll_draws", "nll_stderr")


@dataclass(frozen=True)
class Fact:
    """A row of a table: what it is, how much, of what, and what to know about it."""

    name: str
    value: str
    unit: str = ""
    remark: str = ""


def number(value: float, digits: int = 4) -> str:
    """A number as a person writes it: 4 digits, thousands apart, a real minus sign."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if math.isnan(value):
        return DASH
    if isinstance(value, int) or value == 0:
        text = f"{int(value):,}"
    elif abs(value) < 1e-3 or abs(value) >= 1e7:
        text = f"{value:.{digits - 1}e}"
    else:
        whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
        small = 0 if whole else -math.floor(math.log10(abs(value))) - 1
        text = f"{value:,.{max(digits - whole + small, 0)}f}"
    return text.replace("-", "−").replace(",", "\u2009")


def figures(est: Estimator, evaluation: Mapping[str, Any]) -> list[Fact]:
    """The evaluation as rows; a quantity that the model lacks is a dash with the reason."""
    units = evaluation.get("units") or {}
    known = [name for name in MEANING if name in evaluation]
    others = [k for k in evaluation if k not in MEANING and k not in APART]
    return [_fact(est, name, evaluation, units) for name in [*known, *others]]


def _fact(est: Estimator, name: str, found: Mapping[str, Any], units: Mapping[str, str]) -> Fact:
    label, remark = MEANING.get(name, (name.replace("_", " ").capitalize(), ""))
    unit, value = UNITS.get(name, ""), found[name]
    if name == "mse":
        unit = re.sub(r".*in (squared units of .*)", r"\1", units.get("mse", "")) or unit
        remark = f"{remark}, per dimension"
    unit = unit or units.get(name, "")
    if value is None:
        return Fact(label, DASH, unit, reason(est, name))
    text = number(value) if isinstance(value, int | float) else str(value)
    if name == "nll":
        error, draws = found.get("nll_stderr"), found.get("nll_draws")
        text += f" ± {number(error, 2)}" if error is not None else ""
        remark += f"; {number(draws)} draws per sample" if draws else ""
    if name == "active_units":
        text += f" of {est.model_.latent}"
    return Fact(label, text, unit, remark)


def reason(est: Estimator, name: str) -> str:
    """Why a model has no such quantity."""
    if name == "active_units":
        return "it takes more than one sample to see a code vary"
    if not est.model_.has_bound:
        why = "its codes are points" if est.model_.has_prior else "it has no prior"
        return f"none: this model has no bound and no likelihood, since {why}"
    if not has_likelihood(est):
        return (
            f"none: the {est.likelihood_} likelihood is not a normalised density for"
            f" {_values(est)}, so this would not be a likelihood"
        )
    if name == "bits_per_dim" and est.schema_.kind == "table":
        return "none: one column of a table is not like another"
    if name == "bits_per_dim":
        return "none: bits of grey levels need a likelihood over the levels, not a density"
    return "none: the model does not have it in closed form"


def _values(est: Estimator) -> str:
    schema = est.schema_
    return {
        "binary": "values of 0 or 1",
        "levels": f"{schema.levels} grey levels",
        "unit": "values from 0 to 1",
        "count": "counts",
        "real": "real numbers",
        "mixed": "mixed kinds",
    }[schema.values]


def one_sample(est: Estimator) -> str:
    """What one sample is, in words."""
    schema = est.schema_
    if schema.kind == "image":
        channels, height, width = schema.shape
        colour = {1: "grey", 3: "colour"}.get(channels, f"{channels}-channel")
        values = _values(est).replace("grey ", "" if channels > 1 else "grey ")
        return f"{height} × {width} {colour} images of {values}"
    if schema.kind == "series":
        steps, channels = schema.shape
        each = "" if channels == 1 else f" of {channels} channels"
        return f"series of {steps} steps{each} of {_values(est)}"
    width = schema.shape[0]
    if schema.kind == "table":
        return f"rows of a table of {width} {'column' if width == 1 else 'columns'} of mixed kinds"
    return f"vectors of {width} {'column' if width == 1 else 'columns'} of {_values(est)}"


def data_name(source: Mapping[str, Any] | None) -> str:
    """The name of the data as a run keeps it, or nothing."""
    if not source:
        return ""
    for key in ("data", "name", "path"):
        if source.get(key):
            text = str(source[key]).replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
            split = source.get("split")
            return f"{text}:{split}" if split and ":" not in text and split != "train" else text
    return ""


def lead(est: Estimator) -> str:
    """The first sentence of the page."""
    size = "dimension" if est.model_.latent == 1 else "dimensions"
    return f"{est.model_.latent} latent {size}, trained on {one_sample(est)}."


def source_of(est: Estimator) -> tuple[str, str]:
    """The model's own first sentence, and the paper behind it."""
    paragraphs = (inspect.getdoc(type(est)) or "").split("\n\n")
    first = " ".join(paragraphs[0].split()).rstrip(".")
    papers = [line.strip() for p in paragraphs[1:] for line in p.split("\n") if "http" in line]
    return f"{first}." if first else "", "; ".join(papers)


def make(est: Estimator) -> list[Fact]:
    """What was trained on what: the parts of the model and its size."""
    weights = sum(p.numel() for p in est.model_.parameters())
    history = getattr(est.history_, "rows", [])
    last = history[-1] if history else {}
    facts = [
        Fact("Data", capital(one_sample(est))),
        Fact("Scaling", est.scaler_.describe()),
        Fact("Likelihood", est.likelihood_),
        Fact("Network", _network(est)),
        Fact("Parameters", number(weights)),
        Fact("Condition", _condition(est)),
        Fact("Training", _training(est, last)),
    ]
    return [f for f in facts if f.value]


def _network(est: Estimator) -> str:
    hidden = est.hidden
    if hidden is None:
        return est.net_
    sizes = [hidden] if isinstance(hidden, int) else list(hidden)
    return f"{est.net_}, hidden {'–'.join(map(str, sizes))}"


def _condition(est: Estimator) -> str:
    known = est.condition_
    if known is None:
        return ""
    if known.kind == "classes":
        return f"{len(known.classes)} classes: " + ", ".join(map(str, known.classes[:12]))
    return f"{known.width} real {'value' if known.width == 1 else 'values'}"


def _training(est: Estimator, last: Mapping[str, float]) -> str:
    if not last:
        return ""
    parts = [f"{number(int(last.get('epoch', 0)))} epochs"]
    if "step" in last:
        parts.append(f"{number(int(last['step']))} steps of up to {est.batch_size} samples")
    if "seconds" in last:
        parts.append(duration(last["seconds"]))
    text = ", ".join(parts)
    skipped = int(last.get("skipped", 0))
    return f"{text}; {number(skipped)} steps skipped as not finite" if skipped else text


def duration(seconds: float) -> str:
    """Seconds as a person would say them."""
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def fields(est: Estimator) -> list[Fact]:
    """Every field of the model; the remark is its default where it was changed."""
    facts = []
    for field in dataclasses.fields(est):
        value = getattr(est, field.name)
        changed = value is not field.default and value != field.default
        remark = f"default {_plain(field.default)}" if changed else ""
        unit = str(field.metadata.get("help", ""))
        facts.append(Fact(field.name, _plain(value), unit, remark))
    return facts


def _plain(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | str):
        return str(value)
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    return type(value).__name__


def capital(text: str) -> str:
    """The text with its first letter large."""
    return text[:1].upper() + text[1:]
