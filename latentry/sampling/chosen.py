"""Fitting densities to the codes of an estimator, choosing one of them, and drawing from it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ..core import noise
from ..core.discrete import CodeInference
from ..core.riemannian import Riemannian
from ..core.samplers import Codes, Sampler
from ..core.spheres import VonMisesFisher
from ..errors import LatentryError, suggest
from .members import MEMBERS, SAID, Space, suitable

if TYPE_CHECKING:
    from ..estimator import Estimator

PRIOR, AUTO = "prior", "auto"
DEFAULT = "mixture"
"""The density of the codes of a model without a prior, for as long as nobody asks for another."""
HELD_OUT = 0.2
FEWEST = 10
"""Rows that a density is fitted to, at least, and with as many again it is scored."""
ROWS_AT_ONCE = 1024

Batches = Iterable[tuple[Tensor, Tensor | None]]


@dataclass(frozen=True)
class Score:
    """The mean log density of held-out codes, in nats for each; higher is better."""

    mean: float
    error: float
    """The standard error of the mean over the rows."""
    bound: str = ""
    """What the figure is where it is a bound on that."""

    def __str__(self) -> str:
        return f"{self.mean:.2f} ± {self.error:.2f}"


# ------------------------------------------------------------------------------------------ codes


@torch.no_grad()
def encoded(est: Estimator, batches: Batches, seed: int) -> tuple[Codes, Space, Tensor | None]:
    """A draw from q(z | x) for each row, what the codes are, and log p(z) where there is a prior.

    batches: rows in the model's scale with their conditions, of which the first numbers are the
    model's own (what it learned of labels may stand behind them).
    """
    model, width = est.model_, 0 if est.condition_ is None else est.condition_.width
    parts: dict[str, list[Tensor]] = {}
    space = None
    for x, given in batches:
        c = None if given is None or not width else given[:, :width]
        q = model.encode(x, c)
        space = Space.of(model, q, width) if space is None else space
        found: dict[str, Any] = {"z": q.mean, "c": c}
        if model.has_prior:
            with noise.per_row(x, seed):
                r = model.infer(x, c, 1)
            drawn = r.codes if isinstance(r, CodeInference) else r.z
            assert drawn is not None
            found |= {"z": drawn[0], "log_p": r.log_p[0]}
        if space.spread:
            vmf = isinstance(q, VonMisesFisher)
            found |= {"loc": q.mean, "spread": q.concentration[:, None] if vmf else _scale(q)}
        for name, value in found.items():
            if value is not None:
                parts.setdefault(name, []).append(value.clone())
    assert space is not None
    whole: dict[str, Any] = {name: torch.cat(values) for name, values in parts.items()}
    log_p = whole.pop("log_p", None)
    metric = model.metric() if isinstance(model, Riemannian) else None
    return Codes(**whole, metric=metric), space, log_p


def _scale(q: Any) -> Tensor:
    """A wrapped normal's own scale, in the tangent space, and any other's standard deviation."""
    return q.scale if hasattr(q, "scale") else q.stddev


def make(name: str, space: Space, seed: int, like: Tensor) -> Sampler:
    """A new density of that name, on the device of `like`."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return MEMBERS[name].make(space).eval().to(like.device)


# ---------------------------------------------------------------------------------------- fitting


def begin(est: Estimator, batches: Batches | None) -> None:
    """Without a prior a trained model is drawn from by a mixture fitted to its codes."""
    est.sampler_, est.samplers_, est.sampler_scores_ = None, {}, {}
    est.sampler_space_ = est.sampler_auto_ = None
    if not est.model_.has_prior and batches is not None:
        codes, est.sampler_space_, _ = encoded(est, batches, est.seed_)
        est.sampler_ = make(DEFAULT, est.sampler_space_, est.seed_, codes.z)
        est.sampler_.fit(codes, est.seed_)
        est.samplers_[DEFAULT] = est.sampler_


def fit(est: Estimator, batches: Batches, name: str, seed: int) -> None:
    """Fit the density of that name, or the best one, and draw from it from now on.

    A fifth of the rows, by the seed, is held out for the score.
    """
    if name not in (AUTO, PRIOR, *MEMBERS):
        raise LatentryError(
            f"sampler={name!r} is no density of codes; there are"
            f" {', '.join((AUTO, PRIOR, *MEMBERS))}.{suggest(name, (AUTO, PRIOR, *MEMBERS))}"
        )
    codes, space, log_p = encoded(est, batches, seed)
    _check(est, name, space, len(codes))
    generator = torch.Generator().manual_seed(seed % 2**63)
    order = torch.randperm(len(codes), generator=generator).to(codes.z.device)
    held = max(FEWEST, int(HELD_OUT * len(codes)))
    train, test = codes.at(order[held:]), codes.at(order[:held])
    wanted = [name] if name in MEMBERS else []
    if name == AUTO:
        wanted = [n for n in suitable(space) if MEMBERS[n].most >= space.latent]
    scores: dict[str, Score] = {}
    fitted: dict[str, Sampler] = {}
    for each in wanted:
        fitted[each] = make(each, space, seed, codes.z)
        fitted[each].fit(train, seed)
        if fitted[each].is_density:
            with torch.no_grad():
                values = fitted[each].log_prob(test.z, test.c)
            scores[each] = _score(values, fitted[each].bound)
    if log_p is not None:
        scores[PRIOR] = _score(log_p[order[:held]])
    best = max(scores, key=lambda n: scores[n].mean) if name == AUTO else name
    # Of those that "auto" tried, the best one is kept.
    kept = est.samplers_ if est.sampler_space_ == space else {}
    est.samplers_ = kept | {n: each for n, each in fitted.items() if n == best}
    est.sampler_scores_, est.sampler_space_ = est.sampler_scores_ | scores, space
    est.sampler_auto_ = best if name == AUTO else est.sampler_auto_
    est.sampler_ = None if best == PRIOR else est.samplers_[best]
    before = [each for each in est.choices_ if not each.startswith("sampler ")]
    est.choices_ = [*before, sentence(best, name, scores, held)]


def _check(est: Estimator, name: str, space: Space, rows: int) -> None:
    """Raise for a density that such codes cannot have, and for too few rows."""
    owner = type(est).__name__
    if name in MEMBERS and name not in suitable(space):
        why = f"the codes of {owner} {SAID[space.kind]}"
        if space.kind in MEMBERS[name].kinds:
            why = f"the posteriors of {owner} are no Gaussians"
        works = [AUTO, *([PRIOR] if est.model_.has_prior else []), *suitable(space)]
        raise LatentryError(
            f"sampler={name!r} does not suit this model: {why}; use {', '.join(works)}."
        )
    if name == PRIOR and not est.model_.has_prior:
        raise LatentryError(
            f"sampler='prior': {owner} has no prior; use {', '.join((AUTO, *suitable(space)))}."
        )
    if rows < 2 * FEWEST:
        raise LatentryError(
            f"{rows} rows are too few to fit and score a density of codes; give at least"
            f" {2 * FEWEST}."
        )


def _score(values: Tensor, bound: str = "") -> Score:
    values = values.double()
    error = float(values.std()) / math.sqrt(len(values))
    return Score(float(values.mean()), error, bound)


def sentence(best: str, asked: str, scores: dict[str, Score], held: int) -> str:
    """What codes are drawn from, and why."""
    if best not in scores:
        return f"sampler {best}, as asked; it has no density to score"
    first = scores[best]
    told = f"sampler {best}, {{}} log density of {held} held-out codes, {first} nats"
    told = told.format("for the highest" if asked == AUTO else "as asked; mean")
    if first.bound:
        told += f" ({first.bound})"
    rest = sorted((n for n in scores if n != best), key=lambda n: -scores[n].mean)
    others = ", ".join(f"{n} {scores[n]}{' (a bound)' if scores[n].bound else ''}" for n in rest)
    return f"{told}; {others}" if others else told


# ---------------------------------------------------------------------------------------- drawing


def named(est: Estimator, name: str | None) -> Sampler | None:
    """The density that codes are drawn from; None for the model's prior."""
    if name is None:
        return est.sampler_
    if name == AUTO:
        name = est.sampler_auto_
        if name is None:
            raise LatentryError(
                "sampler='auto': no density of the codes has been chosen yet; call"
                " fit_sampler(X) first."
            )
    if name == PRIOR:
        if not est.model_.has_prior:
            raise LatentryError(
                f"sampler='prior': {type(est).__name__} has no prior; fitted are"
                f" {', '.join(est.samplers_)}."
            )
        return None
    if name not in MEMBERS:
        known = (AUTO, PRIOR, *MEMBERS)
        raise LatentryError(
            f"sampler={name!r} is no density of codes; there are {', '.join(known)}."
            f"{suggest(name, known)}"
        )
    if name not in est.samplers_:
        raise LatentryError(
            f"sampler={name!r} has not been fitted to this model's codes; call"
            f" fit_sampler(X, {name!r}) first."
        )
    return est.samplers_[name]


def told(est: Estimator, name: str | None = None) -> str:
    """What codes are drawn from, in words."""
    sampler = named(est, name)
    found = next((n for n, each in est.samplers_.items() if each is sampler), None)
    return "the prior" if found is None else MEMBERS[found].says


def draw(est: Estimator, n: int, c: Tensor | None, name: str | None, temperature: float) -> Tensor:
    """N codes (n, D) as the decoder takes them, given c (n, C)."""
    sampler, model = named(est, name), est.model_
    if sampler is None:
        return model.draw(n, c, temperature)
    if temperature != 1 and not sampler.tempers:
        raise LatentryError(
            f"temperature={temperature}: draws from {told(est, name)} have no temperature; leave it"
            " at 1, or take another sampler."
        )
    return model.embed(sampler.draw(n, c, temperature))


# ---------------------------------------------------------------------------------------- keeping


def describe(est: Estimator) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The tensors and the rest of all that was fitted, as JSON can hold it; None for nothing."""
    samplers, scores = est.samplers_, est.sampler_scores_
    if est.sampler_space_ is None:
        return None
    chosen = next((n for n, each in samplers.items() if each is est.sampler_), None)
    about = {
        "space": dataclasses.asdict(est.sampler_space_),
        "fitted": list(samplers),
        "chosen": chosen,
        "auto": est.sampler_auto_,
        "scores": {name: dataclasses.asdict(score) for name, score in scores.items()},
        "said": [each for each in est.choices_ if each.startswith("sampler ")],
    }
    return nn.ModuleDict(samplers).state_dict(), about


def restore(est: Estimator, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
    """What `describe` described, for an estimator whose model is restored."""
    space: dict[str, Any] = about["space"]
    pairs: dict[str, Any] = {n: tuple(v) for n, v in space.items() if isinstance(v, list)}
    est.sampler_space_ = Space(**space | pairs)
    like = next(est.model_.parameters())
    est.samplers_ = {name: make(name, est.sampler_space_, 0, like) for name in about["fitted"]}
    nn.ModuleDict(est.samplers_).load_state_dict(tensors)
    est.sampler_ = est.samplers_.get(about["chosen"])
    est.sampler_auto_ = about["auto"]
    est.sampler_scores_ = {name: Score(**score) for name, score in about["scores"].items()}
    before = [each for each in est.choices_ if not each.startswith("sampler ")]
    est.choices_ = [*before, *about["said"]]
