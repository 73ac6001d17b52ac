"""A model on disk: a folder with model.json and model.safetensors, and no pickle.

model.json says what the model is (format version, named model and its fields, schema, fitted
transforms, library versions, where the data came from), carries a checksum of itself and one of
model.safetensors, and reading a folder from a stranger runs nothing of theirs.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from . import __version__, sampling
from .building import build_model
from .data.conditions import Condition
from .data.files import atomic, sha256
from .data.labels import from_dict as labels_from
from .data.schema import Schema
from .data.transforms import Transform
from .errors import LatentryError
from .sampling.mixtures import Mixture
from .training import checkpoint
from .training.history import History

if TYPE_CHECKING:
    from .estimator import Estimator

E = TypeVar("E", bound="Estimator")

FORMAT = 1
"""The version of the folder's layout; a newer one is refused."""

INFO, WEIGHTS, HISTORY = "model.json", "model.safetensors", "history.csv"
JOB = "job.json"
"""What a folder holds instead of model.json where it is that of a job: see `jobs.keeping`."""
SAMPLERS = "samplers.safetensors"
"""The densities that were fitted to the codes, in a file that can be replaced by itself."""
NOT_THE_RUN = ("verbose", "device")
"""Fields that may differ when a run is continued."""


# --------------------------------------------------------------------------------- files of a run


def is_run(folder: Path) -> bool:
    """Whether the folder holds a model.json."""
    return (folder / INFO).is_file()


def read_info(folder: Path) -> dict[str, Any]:
    """model.json of a run, checked."""
    if not folder.exists():
        raise LatentryError(f"there is no run at {folder}; check the path, or make one with fit.")
    if (folder / JOB).is_file():
        raise LatentryError(
            f"{folder} is no run: it holds a job, such as an AnomalyDetector; open it with"
            " latentry.load, or name it by --use."
        )
    if not is_run(folder):
        raise LatentryError(f"{folder} is no run: it has no {INFO}; name a folder made by fit.")
    return read_checked(folder / INFO)


def read_checked(path: Path) -> dict[str, Any]:
    """What `write_checked` wrote. Raises LatentryError for a file that is damaged, or newer."""
    try:
        info = json.loads(path.read_text("utf-8"))
        checksum = info.pop("checksum")
        if info["format"] > FORMAT:
            raise LatentryError(
                f"{path.parent} was written in format {info['format']} by latentry"
                f" {info['latentry']}; this latentry reads up to format {FORMAT}: upgrade latentry."
            )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, LatentryError):
            raise
        raise LatentryError(damaged(path)) from None
    if checksum != _checksum(info):
        raise LatentryError(damaged(path))
    return info


def read_tensors(folder: Path, info: dict[str, Any]) -> dict[str, Tensor]:
    """model.safetensors of a finished run, checked against model.json."""
    from safetensors.torch import load_file

    path = folder / WEIGHTS
    if info["status"] != "finished":
        raise LatentryError(
            f"the run in {folder} is not finished ({info['status']});"
            f" finish it with: latentry resume {folder}"
        )
    if not path.is_file():
        raise LatentryError(f"{folder} has lost its {WEIGHTS}; train the model again.")
    if sha256(path) != info["weights"]:
        raise LatentryError(damaged(path))
    return load_file(path)


def read_history(folder: Path, info: dict[str, Any]) -> History:
    """What was recorded while the run was trained; empty where its file is gone."""
    path = folder / HISTORY
    history = History.read_csv(path) if path.is_file() else History()
    history.notes = list(info["notes"])
    return history


def damaged(path: Path) -> str:
    """The sentence about a file that is not as it was written."""
    return (
        f"{path} is damaged (its checksum does not match): restore it from a copy,"
        " or train the model again."
    )


def _checksum(info: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(info, sort_keys=True).encode()).hexdigest()


def write_checked(path: Path, info: dict[str, Any]) -> None:
    """Write JSON with a checksum of itself, whole or not at all."""
    info = json.loads(json.dumps(info))  # as it will be read back
    text = json.dumps({**info, "checksum": _checksum(info)}, indent=1)
    with atomic(path) as file:
        file.write(text.encode())


def _write_info(folder: Path, info: dict[str, Any]) -> None:
    write_checked(folder / INFO, info)


def _write_tensors(folder: Path, tensors: dict[str, Tensor]) -> str:
    from safetensors.torch import save

    with atomic(folder / WEIGHTS) as file:
        file.write(save(tensors))
    return sha256(folder / WEIGHTS)


# ------------------------------------------------------------------------------- the life of a run


def start(est: Estimator, folder: Path, source: dict[str, Any] | None, fingerprint: str) -> None:
    """Make the run's folder, or check that the unfinished one there is the same run."""
    info = describe(est) | {"status": "running", "data": source, "fingerprint": fingerprint}
    if is_run(folder):
        _check_same(folder, read_info(folder), json.loads(json.dumps(info)))
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise LatentryError(f"{folder} exists and is no run; name a new folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_info(folder, info)
    except OSError as error:
        raise LatentryError(
            f"the run cannot be written to {folder} ({error.strerror}); name another folder."
        ) from None


def _check_same(folder: Path, old: dict[str, Any], new: dict[str, Any]) -> None:
    if old["status"] == "finished":
        raise LatentryError(f"{folder} holds a finished run; name a new folder.")
    if old["model"] != new["model"]:
        raise LatentryError(
            f"{folder} holds an unfinished {old['model']}, not {new['model']}; name a new folder."
        )
    for name, value in new["fields"].items():
        before = old["fields"].get(name)
        if before != value and name not in NOT_THE_RUN:
            raise LatentryError(
                f"{folder} holds an unfinished run with {name}={before!r}, not {value!r};"
                " give the same options, or name a new folder."
            )
    if old.get("labels") != new["labels"]:
        raise LatentryError(
            f"the run in {folder} was started with other labels; give the same y, or name a new"
            " folder."
        )
    if old["fingerprint"] != new["fingerprint"]:
        raise LatentryError(
            f"the data differ from those the run in {folder} was started on;"
            " give the same data, or name a new folder."
        )


def mark(folder: Path, status: str) -> None:
    """Change the status of a run."""
    _write_info(folder, read_info(folder) | {"status": status})


def finish(est: Estimator, folder: Path) -> None:
    """Write the trained model into its run's folder."""
    began = read_info(folder)
    write_samplers(est, folder)
    info = describe(est) | {key: began[key] for key in ("data", "fingerprint")}
    _write_info(folder, info | {"weights": _write_tensors(folder, _tensors(est))})


def save(est: Estimator, folder: Path) -> None:
    """Write a fitted estimator into a new folder, whole or not at all."""
    with new_folder(folder, "model") as whole:
        info = describe(est) | {"data": None, "fingerprint": None}
        _write_info(whole, info | {"weights": _write_tensors(whole, _tensors(est))})
        write_samplers(est, whole)
        est.history_.write_csv(whole / HISTORY)


@contextmanager
def new_folder(folder: Path, what: str) -> Iterator[Path]:
    """A folder to write into, which becomes `folder` when the block ends well.

    Raises LatentryError where something stands there, or it cannot be written.
    """
    if folder.exists():
        raise LatentryError(f"{folder} exists; name a new folder, or remove it first.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".latentry-") as made:
            whole = Path(made) / what
            whole.mkdir()
            yield whole
            os.rename(whole, folder)
    except OSError as error:
        raise LatentryError(
            f"the {what} cannot be written to {folder} ({error.strerror}); name another folder."
        ) from None


# --------------------------------------------------------------------- an estimator as plain data


def describe(est: Estimator) -> dict[str, Any]:
    """All of an estimator but its tensors and history, as JSON can hold it."""
    names = getattr(est, "feature_names_in_", None)
    labels = getattr(est, "labels_", None)
    return {
        "format": FORMAT,
        "status": "finished",
        "model": type(est).__name__,
        "fields": fields_of(est),
        "seed": est.seed_,
        "schema": est.schema_.to_dict(),
        "condition": None if est.condition_ is None else est.condition_.to_dict(),
        "labels": None if labels is None else labels.to_dict(),
        "likelihood": est.likelihood_,
        "net": est.net_,
        "choices": est.choices_,
        "notes": list(getattr(est, "history_", History()).notes),
        "n_features_in": est.n_features_in_,
        "feature_names_in": None if names is None else [str(n) for n in names],
        "latentry": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


def fields_of(est: Estimator) -> dict[str, Any]:
    """The fields of an estimator, as JSON can hold them."""
    return {f.name: _plain(getattr(est, f.name)) for f in dataclasses.fields(est)}


def _plain(value: Any) -> Any:
    if isinstance(value, nn.Module):
        return {"module": type(value).__name__}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return value if isinstance(value, bool | int | float | str | None) else None


def _tensors(est: Estimator) -> dict[str, Tensor]:
    parts: dict[str, nn.Module] = {"model": est.model_, "scaler": est.scaler_}
    return {
        f"{part}.{name}": tensor.detach().cpu().contiguous()
        for part, module in parts.items()
        for name, tensor in module.state_dict().items()
    }


def restore(
    info: dict[str, Any],
    tensors: dict[str, Tensor] | None,
    cls: type[E],
    modules: dict[str, nn.Module],
) -> E:
    """The estimator that `describe` described; without tensors, as it was before `fit`."""
    fields: dict[str, Any] = {}
    for name, value in info["fields"].items():
        if isinstance(value, dict):
            if name not in modules:
                raise LatentryError(
                    f"this model was built with your own {name} ({value['module']}), which is not"
                    f" stored; pass it again: load(folder, {name}={value['module']}(...))."
                )
            value = modules[name]
        fields[name] = tuple(value) if isinstance(value, list) else value
    est = cls(**fields)
    if tensors is not None:
        _restore_fitted(est, info, tensors)
    return est


def _restore_fitted(est: Estimator, info: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    est.seed_ = info["seed"]
    est.schema_ = Schema.from_dict(info["schema"])
    est.condition_ = Condition.from_dict(info["condition"]) if info["condition"] else None
    est.labels_ = labels_from(info["labels"]) if info.get("labels") else None
    est.likelihood_, est.net_ = info["likelihood"], info["net"]
    est.choices_ = info["choices"]
    est.n_features_in_ = info["n_features_in"]
    if info["feature_names_in"]:
        est.feature_names_in_ = np.asarray(info["feature_names_in"], dtype=object)
    width = 0 if est.condition_ is None else est.condition_.width
    with torch.random.fork_rng():
        est.model_ = build_model(est, est.schema_, width).eval()
    est.scaler_ = Transform.of(est.schema_)
    sampling.begin(est, None)
    parts: dict[str, nn.Module] = {"model": est.model_, "scaler": est.scaler_}
    for part, module in parts.items():
        prefix = f"{part}."
        module.load_state_dict(
            {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}
        )
    if info.get("sampler"):
        _restore_mixture(est, tensors)


def _restore_mixture(est: Estimator, tensors: dict[str, Tensor]) -> None:
    """The mixture of a folder from before there were other densities of the codes."""
    est.sampler_space_ = sampling.Space(sampling.FLAT, est.model_.latent)
    mixture = Mixture(est.model_.latent)
    names = ("weights", "means", "factors")
    mixture.load_state_dict(
        mixture.state_dict() | {name: tensors[f"sampler.{name}"][None] for name in names}
    )
    est.sampler_ = est.samplers_["mixture"] = mixture


def write_samplers(est: Estimator, folder: Path) -> None:
    """Replace the densities of the codes in a run's folder by those of the estimator."""
    found = sampling.describe(est)
    if found is not None:
        checkpoint.write(folder / SAMPLERS, *found)


def read_samplers(est: Estimator, folder: Path) -> None:
    """Give the estimator of a folder the densities of its codes, where there are some."""
    if (folder / SAMPLERS).is_file():
        fix = f"delete it, and fit them again with: latentry fit-sampler {folder}"
        sampling.restore(est, *checkpoint.read(folder / SAMPLERS, fix))
