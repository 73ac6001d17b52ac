"""The file in which a search is kept: Optuna's journal, one line of JSON for each event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import LatentryError

if TYPE_CHECKING:
    from optuna import Study

JOURNAL = "study.jsonl"


@contextmanager
def quiet() -> Iterator[None]:
    """Optuna's own lines are left out, and its setting is put back."""
    try:
        import optuna
    except ImportError:
        raise LatentryError(
            "tune needs Optuna, which is not installed; run: pip install 'latentry[tune]'"
        ) from None
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def open_study(folder: Path | None, about: dict[str, Any]) -> Study:
    """A new study, or the one in the folder; without a folder it is kept in memory.

    about: what must be the same for a search to go on. Raises LatentryError where it is not, and
    where the folder holds something else.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = None
    if folder is not None:
        journal = folder / JOURNAL
        if folder.exists() and not journal.exists() and any(folder.iterdir()):
            raise LatentryError(f"{folder} exists and is no search; name a new folder.")
        folder.mkdir(parents=True, exist_ok=True)
        storage = JournalStorage(JournalFileBackend(str(journal)))
    study = optuna.create_study(
        storage=storage, study_name="latentry", direction="maximize", load_if_exists=True
    )
    before = study.user_attrs.get("about")
    if before is None:
        study.set_user_attr("about", json.dumps(about))
        return study
    _check_same(folder, json.loads(before), about)
    for trial in study.trials:
        if not trial.state.is_finished():  # its process was killed
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return study


def _check_same(folder: Path | None, old: dict[str, Any], new: dict[str, Any]) -> None:
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) != new.get(name):
            raise LatentryError(
                f"{folder} holds a search with another value of {name} ({old.get(name)!r}, not"
                f" {new.get(name)!r}); give the same, or another folder."
            )
