from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import latentry
from latentry import AE, VAE, BetaVAE, tune
from latentry.errors import Interrupted, LatentryError
from latentry.estimator import Estimator
from latentry.tuning import search
from latentry.tuning.study import quiet

RNG = np.random.default_rng(0)
# Two numbers behind six columns: a code of two dimensions is enough.
CLEAN = RNG.normal(size=(200, 2)) @ RNG.normal(size=(2, 6))
ROWS = (CLEAN + 0.1 * RNG.normal(size=CLEAN.shape)).astype(np.float32)
SPACE: dict[str, Any] = {"lr": (1e-6, 1e-1), "latent": (1, 4)}


def small(**fields: Any) -> VAE:
    return VAE(**{"hidden": 8, "epochs": 3, **fields})


def test_the_best_trial_is_the_fitted_model():
    found = tune(small(), ROWS, space=SPACE, trials=6)
    assert isinstance(found.best, VAE)
    done = found.table[found.table.state == "complete"]
    assert found.value == done["value"].max()
    row = done.loc[done["value"].idxmax()]
    assert found.fields == {"lr": row.lr, "latent": row.latent}
    held = search.split(len(ROWS), 0.1, 0)[1]
    assert found.value == pytest.approx(found.best.score(ROWS[held]), rel=1e-6)
    assert list(found.table.columns) == ["trial", "value", "state", "epochs", "seconds", *SPACE]
    assert list(found.table.trial) == list(range(6))
    assert "importance-weighted" in found.unit


def test_the_first_trial_has_the_fields_as_they_are():
    found = tune(small(lr=3e-3, latent=3), ROWS, space=SPACE, trials=1)
    assert found.fields == {"lr": 3e-3, "latent": 3}


def test_a_search_is_a_function_of_its_seed():
    one, other = (tune(small(), ROWS, space=SPACE, trials=4).table for _ in range(2))
    pd.testing.assert_frame_equal(one.drop(columns="seconds"), other.drop(columns="seconds"))
    third = tune(small(), ROWS, space=SPACE, trials=4, random_state=1).table
    assert list(third.lr)[1:] != list(one.lr)[1:]


def test_a_useless_learning_rate_loses():
    found = tune(small(epochs=8), ROWS, space={"lr": [1e-7, 1e-2]}, trials=6)
    assert found.fields == {"lr": 1e-2}


def test_trials_that_fall_behind_are_pruned():
    def lr(number: int) -> float:
        return 1e-2 if number < search.WHOLE_TRIALS else 1e-9

    class Planned(search._Search):
        def proposed(self, trial: Any) -> Estimator:
            est: Any = super().proposed(trial)
            return est.set_params(lr=lr(trial.number))

    with quiet():
        planned = Planned(small(epochs=4), ROWS, {"lr": (1e-9, 1e-1)}, None, None, 0)
        planned.run(8, None, False)
    states = [t.state.name for t in planned.finished()]
    assert states == ["COMPLETE"] * 5 + ["PRUNED"] * 3
    table = planned.table()
    assert table["epochs"].tolist() == [4] * 5 + [1] * 3
    assert table["value"].isna().tolist() == [False] * 5 + [True] * 3


def test_a_search_in_a_folder_is_kept_and_goes_on(tmp_path: Path):
    whole = tune(small(), ROWS, space=SPACE, trials=6)
    folder = tmp_path / "search"
    first = tune(small(), ROWS, space=SPACE, trials=3, folder=folder)
    assert len(first.table) == 3
    again = tune(small(), ROWS, space=SPACE, trials=6, folder=folder)
    columns = ["trial", "value", "state", "epochs", *SPACE]
    pd.testing.assert_frame_equal(again.table[columns], whole.table[columns])
    kept = latentry.load(folder / "best")
    held = search.split(len(ROWS), 0.1, 0)[1]
    assert kept.score(ROWS[held]) == pytest.approx(again.value, rel=1e-6)
    assert {p.name for p in folder.iterdir()} == {"best", "study.jsonl", "trials.csv"}
    assert len(pd.read_csv(folder / "trials.csv")) == 6
    for line in (folder / "study.jsonl").read_text().splitlines():
        json.loads(line)  # plain text, nothing of which runs


def test_a_finished_search_gives_its_result_again(tmp_path: Path):
    first = tune(small(), ROWS, space=SPACE, trials=2, folder=tmp_path / "s")
    again = tune(small(), ROWS, space=SPACE, trials=2, folder=tmp_path / "s")
    assert again.value == first.value
    np.testing.assert_array_equal(again.best.transform(ROWS), first.best.transform(ROWS))
    (tmp_path / "s" / "best" / "model.safetensors").unlink()
    mended = tune(small(), ROWS, space=SPACE, trials=2, folder=tmp_path / "s")
    np.testing.assert_array_equal(mended.best.transform(ROWS), first.best.transform(ROWS))


def test_another_search_in_the_folder_is_refused(tmp_path: Path):
    folder = tmp_path / "s"
    tune(small(), ROWS, space=SPACE, trials=1, folder=folder)
    with pytest.raises(LatentryError, match=r"another value of data .* give the same, or another"):
        tune(small(), ROWS[:-1], space=SPACE, trials=1, folder=folder)
    with pytest.raises(LatentryError, match="another value of the field epochs"):
        tune(small(epochs=4), ROWS, space=SPACE, trials=1, folder=folder)
    with pytest.raises(LatentryError, match="another value of the range of latent"):
        tune(small(), ROWS, space={**SPACE, "latent": (1, 5)}, trials=1, folder=folder)
    with pytest.raises(LatentryError, match="another value of model"):
        tune("ae", ROWS, space=SPACE, trials=1, folder=folder)
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("")
    with pytest.raises(LatentryError, match="is no search"):
        tune(small(), ROWS, trials=1, folder=other)


class Stopping(VAE):
    """Presses Ctrl-C in its third fit."""

    fits = 0

    def fit(self, X: Any, y: Any = None, **how: Any) -> Any:
        Stopping.fits += 1
        if Stopping.fits == 3:
            raise KeyboardInterrupt
        return super().fit(X, y, **how)


@pytest.fixture
def stopping() -> Stopping:
    Stopping.fits = 0
    return Stopping(hidden=8, epochs=2)


def test_what_is_finished_survives_an_interruption(stopping, tmp_path: Path):
    folder = tmp_path / "s"
    with pytest.raises(Interrupted, match=r"after 2 of 4 trials; .* goes on from there\. The best"):
        tune(stopping, ROWS, space=SPACE, trials=4, folder=folder)
    assert len(pd.read_csv(folder / "trials.csv")) == 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("latentry.zoo._MODELS", (*latentry.zoo._MODELS, Stopping))
        found = tune(stopping, ROWS, space=SPACE, trials=4, folder=folder)
        assert isinstance(latentry.load(folder / "best"), Stopping)
    Stopping.fits = 4
    whole = tune(stopping, ROWS, space=SPACE, trials=4)
    assert list(found.table.value) == list(whole.table.value)


def test_without_a_folder_what_was_found_is_returned(stopping):
    found = tune(stopping, ROWS, space=SPACE, trials=4)
    assert len(found.table) == 2 and isinstance(found.best, Stopping)
    Stopping.fits = 2
    with pytest.raises(KeyboardInterrupt):
        tune(stopping, ROWS, space=SPACE, trials=4)


def test_no_time_leaves_one_trial():
    assert len(tune(small(), ROWS, space=SPACE, trials=5, timeout=0).table) == 1


def test_a_trial_that_fails_is_noted_and_a_hopeless_search_ends():
    found = tune(small(), ROWS, space={"lr_warmup": [0.0, 7.0]}, trials=6)
    states = dict(zip(found.table.lr_warmup, found.table.state, strict=True))
    assert states == {0.0: "complete", 7.0: "failed"}
    with pytest.raises(LatentryError, match="no trial could be trained: "):
        tune(small(), ROWS, space={"lr_warmup": [7.0]}, trials=6)


def test_what_the_numbers_mean_is_said():
    found = tune(AE(hidden=8, epochs=1), ROWS, space={"latent": (1, 2)}, trials=1)
    assert "log p(x|z)" in found.unit
    assert "more dimensions" in found.notes[0]
    found = tune(BetaVAE(hidden=8, epochs=1), ROWS, space={"beta": (0.5, 2)}, trials=1)
    assert "unweighted" in found.notes[0]
    assert math.isfinite(found.value)


def test_named_columns_and_conditions_come_through():
    frame = pd.DataFrame(ROWS, columns=list("abcdef"))
    found = tune("vae", frame, space={"epochs": [1, 2]}, trials=2)
    assert list(found.best.feature_names_in_) == list("abcdef")
    est = latentry.ConditionalVAE(hidden=8, epochs=1)
    labels = np.repeat(["u", "v"], 100)
    found = tune(est, ROWS, space={"latent": (1, 2)}, trials=1, condition=labels)
    assert found.best.sample(2, condition="u").shape == (2, 6)


def test_mistakes_are_told():
    with pytest.raises(LatentryError, match="trials=0 is too few"):
        tune("vae", ROWS, trials=0)
    with pytest.raises(LatentryError, match="no model is called"):
        tune("vea", ROWS)
    with pytest.raises(LatentryError, match="is no model"):
        tune(3, ROWS)  # type: ignore[arg-type]
    with pytest.raises(LatentryError, match="none of the 20 rows are held out"):
        tune("vae", ROWS[:20])
