"""Who takes part in a comparison: models by name, as classes or as estimators."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.base import clone

from ..errors import LatentryError, suggest
from ..estimator import Estimator
from ..zoo import ConditionalVAE, models, named

OF_THE_COMPARISON = ("epochs", "random_state", "verbose")
"""Fields that the comparison itself sets, the same for every model."""

WORDS: dict[str, Any] = {"true": True, "false": False, "none": None}

Model = str | type[Estimator] | Estimator


@dataclass(frozen=True)
class Entrant:
    """A model that takes part.

    name : as the table shows it, such as "beta-vae:beta=4"
    estimator : unfitted, with the fields that all models share
    """

    name: str
    estimator: Estimator

    @property
    def folder(self) -> str:
        """The name as a part of a path."""
        return folder_of(self.name)

    @property
    def conditional(self) -> bool:
        """Whether it is told the condition of each row."""
        return isinstance(self.estimator, ConditionalVAE)

    def make(self, epochs: int | None, seed: int) -> Estimator:
        """The estimator to fit."""
        given: dict[str, Any] = {"random_state": seed, "verbose": False}
        if epochs is not None:
            given["epochs"] = epochs
        copy: Any = clone(self.estimator)
        return copy.set_params(**given)


def folder_of(name: str) -> str:
    """A model's name as a part of a path.

    >>> folder_of("beta-vae:beta=4")
    'beta-vae-beta-4'
    """
    return re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.")


def entrants(given: Any, shared: Mapping[str, Any]) -> list[Entrant]:
    """The models that take part, each with the shared fields; a model's own fields come first.

    given: one model or several: names ("vae", "beta-vae:beta=4"), classes, or estimators.
    Raises LatentryError for an unknown model or field, for a field that some model lacks, and for
    a model that is given twice.
    """
    listed = [given] if isinstance(given, str | type | Estimator) else list(given)
    if not listed:
        raise LatentryError("no model was given to compare; name some, such as 'ae,vae'.")
    found = [_entrant(model, shared) for model in listed]
    for k, one in enumerate(found):
        if any(one.folder == other.folder for other in found[:k]):
            raise LatentryError(
                f"the model {one.name} is given twice; give each once, or with different fields."
            )
    return found


def split_names(text: str) -> list[str]:
    """The models of a list such as "ae,beta-vae:beta=4,latent=2,vae".

    A comma separates models, or the fields of one: what follows it is a field if it has a "=" and
    no model's name before that.

    >>> split_names("ae,beta-vae:beta=4,latent=2,vae")
    ['ae', 'beta-vae:beta=4,latent=2', 'vae']
    """
    found: list[str] = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        if found and "=" in part.partition(":")[0]:
            separator = "," if ":" in found[-1] else ":"
            found[-1] += separator + part
        else:
            found.append(part)
    return found


def _entrant(model: Model, shared: Mapping[str, Any]) -> Entrant:
    if isinstance(model, str):
        name, _, rest = model.partition(":")
        cls, own = named(name.strip()), {}
        for pair in filter(None, rest.split(",")):
            field, sign, text = pair.partition("=")
            if not sign:
                raise LatentryError(
                    f"{pair!r} of the model {model!r} is no field; write name:field=value, such as"
                    " beta-vae:beta=4."
                )
            own[field.strip()] = _value(cls, field.strip(), text.strip())
    elif isinstance(model, type) and issubclass(model, Estimator):
        cls, own = model, {}
    elif isinstance(model, Estimator):
        cls, own = type(model), _changed(model)
    else:
        raise LatentryError(
            f"{model!r} is no model to compare; give a name such as 'vae', a class or an estimator."
        )
    for field in (*shared, *own):
        _check_field(cls, field)
    return Entrant(_name(cls, own), cls(**{**shared, **own}))


def _kebab(cls: type[Estimator]) -> str:
    known = {each: name for name, each in models().items()}
    return known.get(cls, cls.__name__)


def _name(cls: type[Estimator], own: Mapping[str, Any]) -> str:
    fields = ",".join(f"{k}={_text(v)}" for k, v in own.items())
    return _kebab(cls) + (f":{fields}" if fields else "")


def _text(value: Any) -> str:
    if isinstance(value, tuple | list):
        return "x".join(map(str, value))
    return str(value) if isinstance(value, int | float | str | None) else type(value).__name__


def _changed(est: Estimator) -> dict[str, Any]:
    """The fields of an estimator that differ from their defaults."""
    return {
        field.name: getattr(est, field.name)
        for field in dataclasses.fields(est)
        if field.name not in OF_THE_COMPARISON
        and getattr(est, field.name) is not field.default
        and getattr(est, field.name) != field.default
    }


def _check_field(cls: type[Estimator], field: str) -> None:
    known = [f.name for f in dataclasses.fields(cls) if f.init]
    if field in OF_THE_COMPARISON:
        raise LatentryError(
            f"{field} is set by the comparison, the same for every model; give it to compare itself"
            " rather than to a model."
        )
    if field not in known:
        raise LatentryError(
            f"the model {_kebab(cls)} has no field {field!r}; give a field that some models lack"
            f" with the model that has it, such as beta-vae:beta=4.{suggest(field, known)}"
        )


def _value(cls: type[Estimator], field: str, text: str) -> Any:
    """What a field should hold, from its text: a number, true, false, none, 400x200, or a word."""
    _check_field(cls, field)
    kinds = _kinds(typing.get_type_hints(cls)[field])
    value: Any = WORDS.get(text.lower(), text) if kinds != {str} else text
    if value is text:
        for kind in (int, float):
            try:
                value = kind(text)
                break
            except ValueError:
                continue
    if value is text and tuple in kinds and re.fullmatch(r"\d+(x\d+)+", text):
        value = tuple(int(part) for part in text.split("x"))
    if str in kinds and not isinstance(value, str):
        value = text
    wants_number = bool(kinds & {int, float}) and not kinds & {str, bool, Any}
    if wants_number and isinstance(value, str):
        raise LatentryError(f"{field}={text} of the model {_kebab(cls)} is no number; give one.")
    return value


def _kinds(annotation: Any) -> set[Any]:
    """The types that an annotation allows."""
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        return set().union(*(_kinds(part) for part in typing.get_args(annotation)))
    return {typing.get_origin(annotation) or annotation}


def names(found: Sequence[Entrant]) -> list[str]:
    """The entrants' names, in order."""
    return [each.name for each in found]
