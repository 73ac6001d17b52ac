"""A comparison as a folder: compare.json, a run for each fit, and the figures of each beside it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..data.files import atomic
from ..errors import LatentryError
from ..fitting import fingerprint
from .budget import Plan
from .entrants import Entrant
from .parts import Part

FORMAT = 1
INFO, FIGURES, TABLE = "compare.json", "measures.json", "compare.csv"


def arguments(entrants: Sequence[Entrant], rows: Part, given: dict[str, Any]) -> dict[str, Any]:
    """What a comparison is a function of, as JSON can hold it."""
    return {
        "models": {each.name: _fields(each) for each in entrants},
        **given,
        "data": fingerprint(np.asarray(rows.data.x)),
        "labels": _digest(rows.labels),
        "condition": _digest(rows.condition),
    }


def _fields(entrant: Entrant) -> dict[str, Any]:
    plain = (bool, int, float, str, type(None))
    found: dict[str, Any] = {"model": type(entrant.estimator).__name__}
    for field in dataclasses.fields(entrant.estimator):
        value = getattr(entrant.estimator, field.name)
        if field.name in ("verbose", "random_state", "device"):
            continue
        if isinstance(value, tuple | list):
            value = list(value)
        elif not isinstance(value, plain):
            value = {"module": type(value).__name__}
        found[field.name] = value
    return found


def _digest(values: np.ndarray | None) -> str | None:
    if values is None:
        return None
    return hashlib.sha256("\n".join(map(str, values.tolist())).encode()).hexdigest()[:16]


class Records:
    """The folder of a comparison, or nothing at all where none was given."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def open(self, asked: dict[str, Any]) -> Plan | None:
        """The plan of a comparison that was begun here before, None for a new one.

        Raises LatentryError where the folder holds something else, or a comparison with other
        arguments.
        """
        if self.folder is None or not self.folder.exists():
            return None
        if not (self.folder / INFO).is_file():
            if self.folder.is_dir() and not any(self.folder.iterdir()):
                return None
            raise LatentryError(
                f"{self.folder} exists and holds no comparison; name a new folder for this one."
            )
        found = self.read()
        _check_same(self.folder, found["arguments"], json.loads(json.dumps(asked)))
        return Plan(**found["plan"])

    def read(self) -> dict[str, Any]:
        """compare.json, checked."""
        assert self.folder is not None
        path = self.folder / INFO
        if not path.is_file():
            raise LatentryError(
                f"{self.folder} holds no comparison: it has no {INFO}; name a folder that"
                " compare made."
            )
        try:
            found = json.loads(path.read_text("utf-8"))
            if found["format"] > FORMAT:
                raise LatentryError(
                    f"{path} was written by latentry {found['latentry']}, in a format that this"
                    " one does not know; upgrade latentry."
                )
            Plan(**found["plan"])
            found["arguments"]["models"].items()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if isinstance(error, LatentryError):
                raise
            raise LatentryError(
                f"{path} is damaged; remove the folder and compare again."
            ) from None
        return found

    def begin(self, asked: dict[str, Any], plan: Plan, source: dict[str, Any]) -> None:
        """Write down what is compared and how, before the first fit."""
        about = {
            "format": FORMAT,
            "latentry": __version__,
            "arguments": asked,
            "plan": dataclasses.asdict(plan),
            "source": source,
        }
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write(self.folder / INFO, about)

    def run(self, entrant: Entrant, seed: int) -> Path | None:
        """The folder of one fit."""
        return None if self.folder is None else self.folder / entrant.folder / f"seed-{seed}"

    def without(self, entrant: Entrant, seed: int, unseen: Any) -> Path | None:
        """The folder of the fit that does not see one class."""
        safe = "".join(c if c.isalnum() else "-" for c in str(unseen))
        run = self.run(entrant, seed)
        return None if run is None else run.with_name(f"seed-{seed}-without-{safe}")

    def figures(self, entrant: Entrant, seed: int) -> dict[str, Any] | None:
        """What was found of a fit, if it is finished."""
        run = self.run(entrant, seed)
        if run is None or not (run / FIGURES).is_file():
            return None
        try:
            found = json.loads((run / FIGURES).read_text("utf-8"))
            return {key: found[key] for key in ("figures", "notes", "likelihood")}
        except (ValueError, KeyError, TypeError):
            return None  # measured again

    def keep(self, entrant: Entrant, seed: int, found: dict[str, Any]) -> None:
        """Write the figures of a fit beside it."""
        run = self.run(entrant, seed)
        if run is not None:
            _write(run / FIGURES, found)

    def keep_table(self, text: str) -> None:
        """Write the table of the whole comparison."""
        if self.folder is not None:
            with atomic(self.folder / TABLE, "w") as file:
                file.write(text)


def _write(path: Path, content: dict[str, Any]) -> None:
    with atomic(path, "w") as file:
        file.write(json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n")


def _check_same(folder: Path, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Raise LatentryError for the first argument that changed."""
    how = "give the same to go on with it, or name another folder"
    if list(old["models"]) != list(new["models"]):
        raise LatentryError(
            f"{folder} holds a comparison of {', '.join(old['models'])}, not of"
            f" {', '.join(new['models'])}; {how}."
        )
    for model, fields in new["models"].items():
        for name, value in fields.items():
            before = old["models"][model].get(name)
            if before != value:
                raise LatentryError(
                    f"{folder} holds a comparison with {name}={before!r} for {model}, not"
                    f" {value!r}; {how}."
                )
    for name, value in new.items():
        if name == "models" or old.get(name) == value:
            continue
        if name in ("data", "labels", "condition"):
            what = {"data": "data", "labels": "labels", "condition": "conditions"}[name]
            raise LatentryError(f"{folder} holds a comparison on other {what}; {how}.")
        raise LatentryError(
            f"{folder} holds a comparison with {name}={old.get(name)!r}, not {value!r}; {how}."
        )
