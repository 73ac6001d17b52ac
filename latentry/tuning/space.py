"""Where a search may look: for each field, a range of numbers or a list of choices."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from ..building import choices
from ..data.schema import Schema
from ..errors import LatentryError, suggest
from ..estimator import Estimator
from ..nets.default import default_hidden

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

FIXED = {
    "random_state": "every trial has the same seed, so that the same rows are held out",
    "valid": "every trial must be judged on the same rows",
    "likelihood": "bounds under different likelihoods do not compare",
    "encoder": "a network is not a value to choose from a file",
    "decoder": "a network is not a value to choose from a file",
    "verbose": "it changes nothing",
    "device": "it changes nothing but the speed",
    "compile": "it changes nothing but the speed",
}
"""Fields that cannot be searched, and why."""

WIDE = 10
"""A range whose ends lie further apart than this factor is searched by orders of magnitude."""

OWN: dict[str, tuple[float, float]] = {
    "activity": (0.01, 0.3),
    "alpha": (0.0, 1.0),
    "beta": (0.1, 10.0),
    "level": (0.05, 0.6),
    "rise": (0.1, 1.0),
    "warmup": (0.0, 0.8),
}
"""Ranges of fields of single models; any other positive one is searched a factor of ten about its
default."""


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; `whole` ones, and `log` scaled, where true."""

    low: float
    high: float
    whole: bool = False
    log: bool = False

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.whole:
            return IntDistribution(int(self.low), int(self.high), log=self.log)
        return FloatDistribution(self.low, self.high, log=self.log)

    def decode(self, drawn: Any) -> Any:
        return drawn

    def encode(self, value: Any) -> Any:
        """What stands for a value in a trial, None where it is outside."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return value if number and self.low <= value <= self.high else None


@dataclass(frozen=True)
class Choice:
    """One of some values, each of which goes by its text."""

    values: tuple[Any, ...]

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution([text_of(value) for value in self.values])

    def decode(self, drawn: str) -> Any:
        return next(value for value in self.values if text_of(value) == drawn)

    def encode(self, value: Any) -> Any:
        """What stands for a value in a trial, None where it is not among the choices."""
        return text_of(value) if value in self.values else None


Space = dict[str, Range | Choice]


def text_of(value: Any) -> str:
    """A value as it is typed: 400x200 for two layers, and auto where the choice is left open.

    >>> text_of((400, 200))
    '400x200'
    """
    if value is None:
        return "auto"
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def default_space(est: Estimator, schema: Schema, rows: int) -> Space:
    """Fields of the estimator that are worth a search on such data.

    latent, lr, the hidden sizes, batch_size, and the model's own weights and shares. Fields that
    were given another value than their default are left as they are.
    """
    space: Space = {"latent": Range(2, max(4, min(64, schema.features)), whole=True, log=True)}
    space["lr"] = Range(1e-4, 1e-2, log=True)
    if est.encoder is None and est.decoder is None:
        space["hidden"] = _hidden(est, schema)
    sizes = tuple(size for size in (32, 64, 128, 256) if size <= max(128, rows // 4))
    space["batch_size"] = Choice(sizes)
    shared = {field.name: field.default for field in dataclasses.fields(Estimator)}
    hints = typing.get_type_hints(type(est))
    for field in dataclasses.fields(est):
        name, default = field.name, cast(Any, field.default)
        own = name not in shared or shared[name] != default
        if not own or hints[name] is not float or name in space:
            continue
        low, high = OWN.get(name, (0.0, -1.0))
        if low <= default <= high:  # another model may mean another thing by the name
            space[name] = Range(low, high, log=low > 0)
        elif default > 0:
            space[name] = Range(default / WIDE, default * WIDE, log=True)
    defaults = {field.name: field.default for field in dataclasses.fields(est)}
    return {name: each for name, each in space.items() if getattr(est, name) == defaults[name]}


def _hidden(est: Estimator, schema: Schema) -> Choice:
    """The network's own default sizes (None), half of them, twice of them, and one layer more."""
    sizes = default_hidden(choices(est, schema)[1], schema.shape)
    half, double = (tuple(max(4, int(size * by)) for size in sizes) for by in (0.5, 2))
    deeper = (*sizes, sizes[-1] // 2 if len(sizes) == 1 else sizes[-1])
    return Choice((None, half, double, deeper))


def check_space(est: Estimator, space: Mapping[str, Any]) -> Space:
    """A space given by the user: (low, high), a list of values, `Range` or `Choice`, by field.

    Raises LatentryError for a field that the model lacks or that cannot be searched, and for an
    empty range.
    """
    known = {field.name for field in dataclasses.fields(est)}
    found: Space = {}
    for name, given in space.items():
        if name not in known:
            raise LatentryError(
                f"the model {type(est).__name__} has no field {name!r} to search."
                + suggest(name, known)
            )
        if name in FIXED:
            raise LatentryError(f"{name} cannot be searched: {FIXED[name]}; leave it out.")
        found[name] = _one(est, name, given)
    if not found:
        raise LatentryError("the space is empty; name a field to search, such as lr=1e-4..1e-2.")
    return found


def _one(est: Estimator, name: str, given: Any) -> Range | Choice:
    if isinstance(given, Range | Choice):
        return given
    numbers = isinstance(given, tuple) and all(isinstance(v, int | float) for v in given)
    if numbers and len(given) == 2 and name != "hidden":
        return _range(est, name, *given)
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise LatentryError(
            f"{name}={given!r} is no range and no list; give (low, high) or a list of values."
        )
    return Choice(tuple(tuple(v) if isinstance(v, list) else v for v in given))


def _range(est: Estimator, name: str, low: float, high: float) -> Range:
    if not low < high:
        raise LatentryError(f"{name}={low:g}..{high:g} is empty; give the smaller number first.")
    hint = typing.get_type_hints(type(est))[name]
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    whole = int in kinds and float not in kinds
    if whole and not (float(low).is_integer() and float(high).is_integer()):
        raise LatentryError(f"{name}={low:g}..{high:g}: {name} takes whole numbers.")
    return Range(low, high, whole, log=low > 0 and high / low >= WIDE)


def parse_space(text: str) -> dict[str, Any]:
    """A space as it is typed, "lr=1e-4..1e-2,latent=2..64,net=mlp|conv,hidden=64|400x200".

    Gives a tuple (low, high) for each range and a list for choices. Raises LatentryError for
    anything else.

    >>> parse_space("lr=1e-4..1e-2,latent=2..64,hidden=64|400x200")
    {'lr': (0.0001, 0.01), 'latent': (2, 64), 'hidden': [(64,), (400, 200)]}
    """
    space: dict[str, Any] = {}
    for part in (part.strip() for part in text.split(",") if part.strip()):
        name, equals, values = (word.strip() for word in part.partition("="))
        name = name.replace("-", "_")
        if not equals or not values:
            raise LatentryError(
                f"{part!r} is no part of a space; write lr=1e-4..1e-2 for a range and"
                " net=mlp|conv for choices."
            )
        if ".." in values:
            low, _, high = values.partition("..")
            space[name] = (_number(part, low), _number(part, high))
        else:
            space[name] = [_value(name, word.strip()) for word in values.split("|")]
    return space


def _number(part: str, text: str) -> int | float:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    raise LatentryError(f"{part!r}: {text!r} is no number; write a range as lr=1e-4..1e-2.")


def _value(name: str, text: str) -> Any:
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    if name == "hidden":
        sizes = text.lower().split("x")
        if not all(size.isdigit() and int(size) for size in sizes):
            raise LatentryError(
                f"hidden={text} is no list of sizes; write 400, or 400x200 for two layers."
            )
        return tuple(int(size) for size in sizes)
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
