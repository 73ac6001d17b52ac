"""A job on disk: a folder with job.json, its arrays, and a folder for each of its models.

job.json says which job it is and what it learned, and carries a checksum of itself and one of
job.safetensors, which holds the arrays. Models are folders as `latentry.persistence` writes them.
There is no pickle, and reading a folder from a stranger runs nothing of theirs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .. import __version__, persistence
from ..data.files import atomic, sha256
from ..data.schema import Schema
from ..errors import LatentryError
from ..estimator import Estimator
from ..zoo import named
from . import constraints
from .defaults import Detective
from .fillers import Filler
from .tabular import Tabular

ARRAYS, MODELS = "job.safetensors", "models"
OWN: dict[str, type[Estimator]] = {cls.__name__: cls for cls in (Detective, Filler, Tabular)}
"""Models that the jobs take where none is given."""
VERBS = {"AnomalyDetector": "detect", "Imputer": "impute", "Synthesizer": "synthesize"}
"""The jobs, and the verbs of the command line that do them."""


class Kept:
    """A job that can be saved and loaded: what it is, is in its attributes."""

    def save(self, folder: str | Path) -> None:
        """Write all that was learned into a new folder, whole or not at all (no pickle)."""
        check_is_fitted(self)
        with persistence.new_folder(Path(folder), "job") as whole:
            _Writer(whole).write(type(self).__name__, self._to_keep())

    @classmethod
    def load(cls, folder: str | Path, **modules: Any) -> Self:
        """A saved job. `encoder=` and `decoder=` give back your own bodies where it had them."""
        made = load(folder, **modules)
        if not isinstance(made, cls):
            raise LatentryError(
                f"{folder} holds the job {type(made).__name__}, not {cls.__name__}; open it with"
                f" latentry.load, or use it with: latentry {VERBS[type(made).__name__]} --use"
            )
        return made

    def _to_keep(self) -> dict[str, Any]:
        """What `_come_back` is given, by name: see `_Writer.plain` for what can be kept."""
        return dict(vars(self))

    def _come_back(self, kept: dict[str, Any]) -> None:
        """Take on what `_to_keep` gave."""
        vars(self).update(kept)


def read_info(folder: Path) -> dict[str, Any]:
    """job.json of a kept job, checked."""
    if not folder.exists():
        raise LatentryError(f"there is no job at {folder}; check the path, or keep one with save.")
    if persistence.is_run(folder):
        model = persistence.read_info(folder)["model"]
        raise LatentryError(
            f"{folder} holds a model, {model}, and no job; open it with latentry.load, and keep"
            " jobs with their own save."
        )
    path = folder / persistence.JOB
    if not path.is_file():
        raise LatentryError(f"{folder} holds no job: it has no {path.name}; keep one with save.")
    return persistence.read_checked(path)


def load(folder: str | Path, **modules: Any) -> Any:
    """The job in a folder, whichever it is.

    Raises LatentryError for a folder that is missing, damaged, from the future or no job's.
    """
    from .. import jobs

    folder = Path(folder)
    info = read_info(folder)
    if info["job"] not in VERBS:
        raise LatentryError(f"{folder} holds an unknown job, {info['job']!r}; upgrade latentry.")
    made: Any = getattr(jobs, info["job"])()
    made._come_back(_Reader(folder, info, modules).read())
    return made


class _Writer:
    """Puts values into a folder: plain ones into JSON, arrays and models beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.arrays: dict[str, np.ndarray] = {}
        self.models = 0

    def write(self, job: str, kept: dict[str, Any]) -> None:
        from safetensors.numpy import save

        values = {name: self.plain(name, value) for name, value in kept.items()}
        with atomic(self.folder / ARRAYS) as file:
            file.write(save(self.arrays))
        about = {"format": persistence.FORMAT, "latentry": __version__, "job": job}
        sums = {"arrays": sha256(self.folder / ARRAYS), "kept": values}
        persistence.write_checked(self.folder / persistence.JOB, about | sums)

    def plain(self, name: str, value: Any) -> Any:
        """A value as JSON can hold it: what is none of JSON's own is {"what it is": ...}."""
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, list):
            return [self.plain(name, each) for each in value]
        if isinstance(value, tuple):
            return {"tuple": self.plain(name, list(value))}
        if isinstance(value, dict):
            return {"dict": {key: self.plain(name, each) for key, each in value.items()}}
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, Schema):
            return {"schema": value.to_dict()}
        if isinstance(value, constraints.Constraint):
            return {"constraint": constraints.to_dict(value)}
        if isinstance(value, Estimator):
            return self._model(value)
        if isinstance(value, np.random.RandomState):
            return None  # where it stands in its sequence is nobody's to tell
        raise LatentryError(f"{name}={value!r} cannot be kept in a file.")

    def _array(self, value: np.ndarray) -> Any:
        if value.dtype == object:
            return {"objects": [str(each) for each in value]}
        name = str(len(self.arrays))
        self.arrays[name] = np.ascontiguousarray(value)
        return {"array": name}

    def _model(self, est: Estimator) -> Any:
        name = type(est).__name__
        if _class_of(name) is not type(est):
            raise LatentryError(
                f"{name} is your own class under the name of another; rename it to keep the job."
            )
        if not hasattr(est, "model_"):
            return {"unfitted": {"model": name, "fields": persistence.fields_of(est)}}
        path = f"{MODELS}/{self.models}"
        self.models += 1
        persistence.save(est, self.folder / path)
        return {"fitted": path}


class _Reader:
    """Gives back what a `_Writer` put into a folder."""

    def __init__(self, folder: Path, info: dict[str, Any], modules: dict[str, Any]) -> None:
        self.folder, self.info, self.modules = folder, info, modules

    def read(self) -> dict[str, Any]:
        from safetensors.numpy import load_file

        path = self.folder / ARRAYS
        if not path.is_file() or sha256(path) != self.info["arrays"]:
            raise LatentryError(persistence.damaged(path))
        self.arrays = load_file(path)
        return {name: self.value(plain) for name, plain in self.info["kept"].items()}

    def value(self, plain: Any) -> Any:
        """The value that `_Writer.plain` wrote."""
        if isinstance(plain, list):
            return [self.value(each) for each in plain]
        if not isinstance(plain, dict):
            return plain
        ((what, held),) = plain.items()
        match what:
            case "tuple":
                return tuple(self.value(held))
            case "dict":
                return {key: self.value(each) for key, each in held.items()}
            case "array":
                return self.arrays[held]
            case "objects":
                return np.array(held, dtype=object)
            case "schema":
                return Schema.from_dict(held)
            case "constraint":
                return constraints.from_dict(held)
            case "unfitted":
                return persistence.restore(held, None, _class_of(held["model"]), self.modules)
            case "fitted":
                return self._fitted(held)
        raise LatentryError(persistence.damaged(self.folder / persistence.JOB))

    def _fitted(self, held: Any) -> Any:
        path = self.folder / held
        if not persistence.is_run(path):
            raise LatentryError(f"{self.folder} has lost its {held}; restore it from a copy.")
        return _class_of(persistence.read_info(path)["model"]).load(path, **self.modules)


def _class_of(name: str) -> type[Estimator]:
    return OWN.get(name) or named(name)
