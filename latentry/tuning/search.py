"""The search itself: trials one after the other, each a fit that is judged on held-out rows.

Fields are proposed by a tree-structured Parzen estimator (Bergstra et al., 2011, "Algorithms for
hyper-parameter optimization", NeurIPS), the first trial being the fields as they were given. A
trial whose held-out bound falls behind the median of the earlier ones at the same epoch is pruned
(Golovin et al., 2017, "Google Vizier", KDD).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

from ..building import check_fields
from ..building import seed as seed_from
from ..data.datasets import Dataset
from ..data.files import atomic
from ..errors import Interrupted, LatentryError
from ..estimator import Estimator
from ..fitting import fingerprint, split
from ..inputs import read_training
from ..zoo import load, named
from .progress import Bar, Watch
from .space import Space, check_space, default_space, text_of
from .study import open_study, quiet
from .tuned import ABOUT_TRIALS, BOUND, ONLY_RECONSTRUCTION, RECONSTRUCTION, WEIGHTED, Tuned

if TYPE_CHECKING:
    import pandas as pd
    from optuna.trial import FrozenTrial, Trial

TABLE, BEST, TRIAL = "trials.csv", "best", "trial"
RANDOM_TRIALS = 10
"""Trials with random fields, before fields are proposed from what was seen."""
WHOLE_TRIALS = 5
"""Trials before any is pruned."""
DRAWS = 16
ROWS = 2000
"""Held-out rows that a finished trial is judged on."""
STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
HOPELESS = 3
"""So many trials that fail before any succeeds end the search."""


def tune(
    model: str | type[Estimator] | Estimator,
    X: Any,
    *,
    space: Mapping[str, Any] | None = None,
    trials: int = 30,
    folder: str | Path | None = None,
    condition: Any = None,
    random_state: int = 0,
    timeout: float | None = None,
    verbose: bool = False,
) -> Tuned:
    """Search the fields of a model for the best bound on held-out rows of X.

    model: a name, a class, or an estimator, whose other fields stay as they are.
    space: for each field a tuple (low, high) or a list of values; without it, `default_space`.
    trials: how many there are to be, those found in `folder` included.
    folder: where the trials are kept (study.jsonl, trials.csv) and the best one as a run (best/).
        A search that is found there, of the same model on the same data, is continued; a search
        that was stopped and continued proposes what an undisturbed one would have.
    random_state: seed of the search and of every trial; a model's own, if it has one, goes first.
    timeout: seconds after which no further trial is begun.

    The value of a trial is the mean of `score_samples` on the held-out rows, whatever weights it
    was trained with. Trials are pruned by the bound of each epoch.
    Raises LatentryError for fields and data that cannot work; Interrupted after Ctrl-C once all
    that was finished is kept (without a folder, what was found so far is returned).
    """
    if trials < 1:
        raise LatentryError(f"trials={trials} is too few; a search takes at least 1.")
    with quiet():
        search = _Search(model, X, space, folder, condition, random_state)
        search.run(trials, timeout, verbose)
        return search.result()


class _Search:
    """One search, and what it has found."""

    def __init__(
        self,
        model: Any,
        X: Any,
        space: Mapping[str, Any] | None,
        folder: str | Path | None,
        condition: Any,
        random_state: int,
    ) -> None:
        self.est = _estimator(model)
        check_fields(self.est)
        self.seed = random_state
        if self.est.random_state is not None:
            self.seed = seed_from(self.est.random_state)
        self.x, self.condition = X, condition
        array, schema = read_training(_copy(self.est), X)
        self.held = self.held_out(len(array))
        given = space is not None
        self.space: Space = (
            check_space(self.est, space) if given else default_space(self.est, schema, len(array))
        )
        self.folder = None if folder is None else Path(folder)
        self.best: Estimator | None = None
        self.study = open_study(self.folder, self.about(fingerprint(array)))

    def held_out(self, n: int) -> np.ndarray:
        held = split(n, self.est.valid, self.seed)[1]
        if not len(held):
            raise LatentryError(
                f"none of the {n} rows are held out with valid={self.est.valid}, so trials cannot"
                " be compared; give more rows or a larger valid."
            )
        return held[:: -(-len(held) // ROWS)]

    def about(self, data: str) -> dict[str, Any]:
        """What must be the same for a search to go on."""
        fields = {
            name: text_of(value)
            for name, value in self.est.get_params(deep=False).items()
            if name not in ("verbose", "device", "random_state")
        }
        space = {name: repr(each) for name, each in self.space.items()}
        return {
            "model": type(self.est).__name__,
            "data": data,
            "random_state": self.seed,
            "condition": self.condition is not None,
            **{f"the field {name}": value for name, value in fields.items()},
            **{f"the range of {name}": value for name, value in space.items()},
        }

    # --------------------------------------------------------------------------------- the trials

    def finished(self) -> list[FrozenTrial]:
        """Trials that are over; one that was interrupted is not, and is made again."""
        return [t for t in self.study.trials if t.state.is_finished() and "epochs" in t.user_attrs]

    def complete(self) -> list[FrozenTrial]:
        return [t for t in self.finished() if t.value is not None and t.state.name == "COMPLETE"]

    def run(self, trials: int, timeout: float | None, verbose: bool) -> None:
        began = time.monotonic()
        with Bar(trials, verbose) as bar:
            while (number := len(self.finished())) < trials:
                if timeout is not None and time.monotonic() - began > timeout and self.complete():
                    break
                bar.show(number, self.value())
                try:
                    self.trial(number, bar)
                except (KeyboardInterrupt, Interrupted):
                    self.stop(trials)
                    break
                self.write_table()

    def value(self) -> float | None:
        return max((t.value for t in self.complete() if t.value is not None), default=None)

    def trial(self, number: int, bar: Bar) -> None:
        """One fit. However it ends, the study knows."""
        import optuna

        # What is proposed depends on the seed and the trials before it, and on nothing else.
        generator = np.random.SeedSequence([self.seed, number]).generate_state(1)
        self.study.sampler = optuna.samplers.TPESampler(
            seed=int(generator[0]), n_startup_trials=RANDOM_TRIALS
        )
        self.study.pruner = optuna.pruners.MedianPruner(WHOLE_TRIALS)
        if number == 0:
            self.study.enqueue_trial(self.as_given(), skip_if_exists=False)
        trial = self.study.ask({name: each.distribution() for name, each in self.space.items()})
        est = self.proposed(trial)
        watch = Watch(trial, bar)
        began = time.monotonic()
        where = None if self.folder is None else self.folder / TRIAL
        if where is not None:
            shutil.rmtree(where, ignore_errors=True)  # of a process that was killed
        try:
            est.fit(self.x, condition=self.condition, folder=where, progress=watch)
            value = self.judge(est)
            self.note(trial, watch, began)
            if self.best_so_far(value):
                self.keep(est, where)
            self.study.tell(trial, value)
        except optuna.TrialPruned:
            self.note(trial, watch, began)
            self.study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        except LatentryError as error:
            trial.set_user_attr("error", str(error))
            self.note(trial, watch, began)
            self.study.tell(trial, state=optuna.trial.TrialState.FAIL)
            if not self.complete() and len(self.finished()) >= HOPELESS:
                raise LatentryError(f"no trial could be trained: {error}") from error
        except BaseException:
            self.study.tell(trial, state=optuna.trial.TrialState.FAIL)
            raise
        finally:
            if where is not None:
                shutil.rmtree(where, ignore_errors=True)

    def as_given(self) -> dict[str, Any]:
        """The fields as they were given, where the space has them."""
        drawn = {n: each.encode(getattr(self.est, n)) for n, each in self.space.items()}
        return {name: value for name, value in drawn.items() if value is not None}

    def proposed(self, trial: Trial) -> Estimator:
        fields = {name: each.decode(trial.params[name]) for name, each in self.space.items()}
        return _copy(self.est, **fields, random_state=self.seed, verbose=False)

    def note(self, trial: Trial, watch: Watch, began: float) -> None:
        trial.set_user_attr("seconds", round(time.monotonic() - began, 3))
        trial.set_user_attr("epochs", watch.epochs)

    def judge(self, est: Estimator) -> float:
        given = None if self.condition is None else np.asarray(self.condition)[self.held]
        scores = est.score_samples(_some(self.x, self.held), draws=DRAWS, condition=given)
        value = float(np.mean(scores, dtype=np.float64))
        if not np.isfinite(value):
            raise LatentryError("the held-out bound is not finite; try a smaller lr.")
        return value

    def best_so_far(self, value: float) -> bool:
        before = self.value()
        return before is None or value > before

    def keep(self, est: Estimator, where: Path | None) -> None:
        """The best trial's model, in place of the one before it."""
        self.best = est
        if where is None or self.folder is None:
            return
        kept, aside = self.folder / BEST, self.folder / ".replaced"
        shutil.rmtree(aside, ignore_errors=True)
        if kept.exists():
            kept.rename(aside)
        where.rename(kept)
        shutil.rmtree(aside, ignore_errors=True)

    def stop(self, trials: int) -> None:
        """After Ctrl-C: say what is kept; without a folder, only what was found so far counts."""
        done = len(self.finished())
        if self.folder is not None:
            self.write_table()
            best = f" The best so far is in {self.folder / BEST}." if self.complete() else ""
            raise Interrupted(
                f"The search stopped after {done} of {trials} trials; the same call with the folder"
                f" {self.folder} goes on from there.{best}"
            )
        if self.best is None:
            raise KeyboardInterrupt

    # --------------------------------------------------------------------------------- the result

    def table(self) -> pd.DataFrame:
        """One row for each trial that is over."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "trial": number,
                    "value": t.value if t.state.name == "COMPLETE" else None,
                    "state": STATES[t.state.name],
                    "epochs": t.user_attrs["epochs"],
                    "seconds": t.user_attrs["seconds"],
                    **{name: _shown(each.decode(t.params[name]))
                       for name, each in self.space.items()},
                }
                for number, t in enumerate(self.finished())
            ],
            columns=[*ABOUT_TRIALS, *self.space],
        )  # fmt: skip

    def write_table(self) -> None:
        if self.folder is not None:
            with atomic(self.folder / TABLE, "w") as file:
                file.write(self.table().to_csv(index=False))

    def result(self) -> Tuned:
        value = self.value()
        if value is None:
            errors = [t.user_attrs["error"] for t in self.finished() if "error" in t.user_attrs]
            raise LatentryError(f"no trial could be trained: {errors[-1]}")
        best = self.best_model()
        bound = best.model_.has_bound
        notes = [] if bound else [ONLY_RECONSTRUCTION]
        if bound and "beta" in self.space:
            notes.append(WEIGHTED)
        unit = BOUND if bound else RECONSTRUCTION
        where = None if self.folder is None else self.folder / BEST
        return Tuned(best, self.table(), self.study, value, unit, notes, where)

    def best_model(self) -> Estimator:
        """The fitted model of the best trial, fitted again where its run was lost."""
        if self.best is not None:
            return self.best
        assert self.folder is not None  # a search without a folder has fitted its best itself
        kept = self.folder / BEST
        with suppress(LatentryError):
            return load(kept)
        shutil.rmtree(kept, ignore_errors=True)
        best = max(self.complete(), key=lambda t: t.value or -np.inf)
        fields = {name: each.decode(best.params[name]) for name, each in self.space.items()}
        est = _copy(self.est, **fields, random_state=self.seed, verbose=False)
        return est.fit(self.x, condition=self.condition, folder=kept)


def _estimator(model: Any) -> Estimator:
    if isinstance(model, Estimator):
        return _copy(model)
    if isinstance(model, type) and issubclass(model, Estimator):
        return model()
    if isinstance(model, str):
        return named(model)()
    raise LatentryError(f"{model!r} is no model; give a name, a class or an estimator.")


def _copy(est: Estimator, **fields: Any) -> Estimator:
    """An unfitted one like it, with other values of these fields."""
    copy: Any = clone(est)
    return copy.set_params(**fields)


def _some(X: Any, rows: np.ndarray) -> Any:
    """Rows of whatever was given, with its column names where it has them."""
    if isinstance(X, Dataset):
        return np.asarray(X.x[rows])
    if hasattr(X, "iloc"):
        return X.iloc[rows]
    return X[rows] if hasattr(X, "columns") else np.asarray(X)[rows]


def _shown(value: Any) -> Any:
    return text_of(value) if value is None or isinstance(value, tuple) else value
