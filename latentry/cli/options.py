"""Options of `latentry fit` that are derived from the fields of the zoo's models.

A model's field becomes an option by existing: its name is the option's, its annotation the type,
its metadata "help" the sentence beside it.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import types
import typing
from collections import Counter
from typing import Any

import typer
from typer.core import TyperCommand

from ..errors import LatentryError

GIVEN = "latentry.fields"
"""Where a context keeps the fields that were given on the command line."""

RENAMED = {"random_state": "seed"}
SHOWN_ELSEWHERE = {"verbose"}

SHARED_PANEL = "Options of every model"
OWN_PANEL = "Options of some models"


@dataclasses.dataclass(frozen=True)
class FieldOption:
    """One option: a field, and the models of the zoo that have it."""

    field: str
    kind: Any  # int, float, str, bool; list for a tuple of int; object for "anything short"
    help: str
    models: tuple[str, ...]
    defaults: tuple[Any, ...]

    @property
    def flag(self) -> str:
        """The option as it is typed, such as --batch-size."""
        return "--" + RENAMED.get(self.field, self.field).replace("_", "-")

    def parse(self, value: Any) -> Any:
        """What the field should hold, from what was typed."""
        if self.kind in (int, float):
            return _number(self.flag, self.kind, value)
        if self.kind is list:
            return _sizes(self.flag, value)
        if self.kind is object:
            return _anything(value)
        return value


def _number(flag: str, kind: type[int] | type[float], text: str) -> int | float:
    try:
        return kind(text)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise LatentryError(f"{flag} {text} is no number; {flag} takes {what}.") from None


def _sizes(flag: str, given: list[str]) -> tuple[int, ...]:
    """--hidden 400 --hidden 200, or --hidden 400,200."""
    words = [word.strip() for text in given for word in text.split(",") if word.strip()]
    try:
        sizes = tuple(int(word) for word in words)
    except ValueError:
        raise LatentryError(
            f"{flag} {','.join(words)} is no list of whole numbers; write {flag} 400 or"
            f" {flag} 400,200."
        ) from None
    if not sizes:
        raise LatentryError(f"{flag} is empty; write {flag} 400 or {flag} 400,200.")
    return sizes


def _anything(text: str) -> Any:
    """Text as the bool or number that it spells, else as it is."""
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if text.lower() in words:
        return words[text.lower()]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _kind(annotation: Any) -> Any:
    """The type to read from the command line, None where no text can stand for the value."""
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        kinds = {_kind(part) for part in typing.get_args(annotation)} - {type(None)}
        if list in kinds:
            return list
        kinds.discard(None)
        return kinds.pop() if len(kinds) == 1 else object if kinds else None
    if annotation is type(None):
        return type(None)
    if annotation in (int, float, str, bool):
        return annotation
    if annotation is Any:
        return object
    if typing.get_origin(annotation) is typing.Literal:
        return str
    if typing.get_origin(annotation) in (tuple, list):
        return list
    return None


@functools.cache
def field_options() -> dict[str, FieldOption]:
    """Every option that some model of the zoo has, by field, shared ones first."""
    from ..zoo import models

    found: dict[str, FieldOption] = {}
    for name, cls in models().items():
        hints = typing.get_type_hints(cls)
        for field in dataclasses.fields(cls):
            kind = int if field.name == "random_state" else _kind(hints[field.name])
            if kind is None or field.name in SHOWN_ELSEWHERE or not field.init:
                continue
            before = found.get(field.name)
            found[field.name] = FieldOption(
                field.name,
                kind,
                before.help if before else field.metadata.get("help", ""),
                (*(before.models if before else ()), name),
                (*(before.defaults if before else ()), field.default),
            )
    return dict(sorted(found.items(), key=lambda item: -len(item[1].models)))


def _default(option: FieldOption) -> str:
    """The default in words: the usual one, then the models that have another."""
    usual = Counter(map(str, option.defaults)).most_common(1)[0][0]
    others = [
        f"{other} with {name}"
        for name, other in zip(option.models, option.defaults, strict=True)
        if str(other) != usual
    ]
    words = [f"default {usual}"] if usual != "None" else []
    return "; ".join(words + others)


def _typer_option(option: FieldOption, everywhere: bool) -> inspect.Parameter:
    # Numbers are read as text and parsed by FieldOption, whose errors name what was typed.
    annotation = {list: list[str], bool: bool}.get(option.kind, str)
    owners = "" if everywhere else ", ".join(option.models)
    beside = "; ".join(filter(None, [owners, _default(option)]))
    info = typer.Option(
        f"{option.flag}/--no-{option.flag[2:]}" if option.kind is bool else option.flag,
        help=f"{option.help} ({beside})" if beside else option.help,
        show_default=False,
        metavar=None if option.kind is bool else _metavar(option),
        callback=_remember,
        expose_value=False,
        rich_help_panel=SHARED_PANEL if everywhere else OWN_PANEL,
    )
    return inspect.Parameter(
        option.field,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=typing.Annotated[annotation | None, info],
    )


def _metavar(option: FieldOption) -> str:
    return {int: "INT", float: "FLOAT", list: "INT,..."}.get(option.kind, "TEXT")


def _remember(ctx: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
    """Keep an option that was given; a value of None means that it was not."""
    if value is not None:
        ctx.meta.setdefault(GIVEN, {})[param.name] = value
    return value


class WithModelOptions(TyperCommand):
    """A command whose options include the fields of the zoo's models.

    They are added when the command is looked at, so that `latentry --help` needs no zoo.
    """

    _extended = False

    def get_params(self, ctx: Any) -> list[Any]:
        """The command's own parameters, then the models'."""
        if not self._extended:
            self._extended = True
            self.params = [*self.params, *_model_params()]
        return super().get_params(ctx)


def _model_params() -> list[Any]:
    """The models' options, made by Typer from a signature as if somebody had written it."""
    options = field_options().values()
    most = max(len(option.models) for option in options)

    def command(**fields: Any) -> None:
        """Never called: each option is kept by its callback."""

    parameters = [_typer_option(option, len(option.models) == most) for option in options]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    app = typer.Typer(add_completion=False)
    app.command()(command)
    return typer.main.get_command(app).params


def given_fields(ctx: typer.Context, model: str) -> dict[str, Any]:
    """The fields given on the command line, checked against the model that was asked for.

    Raises LatentryError for an option that this model lacks.
    """
    options = field_options()
    fields = {}
    for name, value in ctx.meta.get(GIVEN, {}).items():
        option = options[name]
        if model not in option.models:
            has = ", ".join(option.models)
            raise LatentryError(
                f"the model {model} has no option {option.flag}; {has}"
                f" {'has' if len(option.models) == 1 else 'have'} it."
            )
        fields[name] = option.parse(value)
    return fields
