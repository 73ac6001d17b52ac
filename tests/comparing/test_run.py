from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from latentry import Interrupted, LatentryError, compare, load
from latentry.comparing import run
from latentry.comparing.budget import Plan
from latentry.comparing.parts import divide, whole

from .conftest import HOW, MODELS


def test_every_job_is_judged_where_it_can_be(compared) -> None:
    assert list(compared.index) == MODELS
    ranked = [column for column in compared.columns if column.startswith("rank_")]
    assert len(ranked) == 9
    blank = compared.isna()
    assert blank.loc["ae", "nll"] and not blank.loc["beta-vae:beta=2", "nll"]
    # Only a conditional model can be asked for a class, and it cannot be told an unknown one.
    assert blank["agreement"].tolist() == [True, True, False]
    assert blank["auroc"].tolist() == [False, False, True]
    assert blank["rank_anomalies"].tolist() == [False, False, True]
    attrs = compared.attrs
    assert attrs["rows"] == {"train": 240, "test": 60}
    assert attrs["epochs"] == 2 and attrs["seeds"] == [0, 1]
    assert [r["job"] for r in attrs["recommendation"]] == [r[len("rank_") :] for r in ranked]
    assert attrs["feature_space"].startswith("classifier")
    assert any("conditional-vae is told the condition" in note for note in attrs["notes"])


def test_figures_are_those_of_the_kept_runs_on_rows_that_none_learned_from(
    compared, digits, folder: Path
) -> None:
    train, test = divide(whole(digits), 0.2)
    seen = {row.tobytes() for row in train.data.x}
    assert not seen & {row.tobytes() for row in test.data.x if (train.data.x == row).sum() == 0}
    for seed, kept in enumerate(compared.attrs["values"]["beta-vae:beta=2"]["elbo"]):
        est = load(folder / "beta-vae-beta-2" / f"seed-{seed}")
        assert est.seed_ == seed and est.latent == 3 and est.beta == 2
        assert kept == pytest.approx(est.evaluate(test.data)["elbo"], rel=1e-6)
    values = compared.attrs["values"]["ae"]["psnr"]
    assert compared.loc["ae", "psnr"] == pytest.approx(np.mean(values))
    assert compared.loc["ae", "psnr_se"] == pytest.approx(np.std(values, ddof=1) / math.sqrt(2))


def test_the_class_that_is_kept_from_a_fit_changes_with_the_seed(compared, folder: Path) -> None:
    runs = sorted(path.name for path in (folder / "ae").iterdir())
    assert runs == ["seed-0", "seed-0-without-0", "seed-1", "seed-1-without-1"]


def test_the_same_call_again_trains_nothing(
    compared, digits, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "fit", None)
    again = compare(MODELS, digits, folder=folder, **HOW)
    assert again.equals(compared)
    assert again.attrs["recommendation"] == compared.attrs["recommendation"]


@pytest.mark.parametrize(
    ("models", "changed", "words"),
    [
        (MODELS, {"seeds": 3}, "with seeds=2, not 3"),
        (MODELS, {"latent": 4}, "with latent=3 for ae, not 4"),
        (MODELS, {"epochs": 3}, "with epochs=2, not 3"),
        (["ae", "vae"], {}, "a comparison of ae, beta-vae:beta=2, conditional-vae, not of ae, vae"),
    ],
)
def test_a_changed_argument_is_refused(
    compared, digits, folder: Path, models: list[str], changed: dict, words: str
) -> None:
    with pytest.raises(LatentryError) as caught:
        compare(models, digits, folder=folder, **{**HOW, **changed})
    assert words in str(caught.value) and "name another folder" in str(caught.value)


def test_other_data_are_refused(compared, digits, folder: Path) -> None:
    with pytest.raises(LatentryError, match="a comparison on other data"):
        compare(MODELS, digits.x[::-1].copy(), y=digits.labels, folder=folder, **HOW)


def test_ctrl_c_keeps_what_is_done_and_the_same_call_goes_on(
    digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = {**HOW, "jobs": ["reconstruct"], "folder": tmp_path / "stopped"}
    fit, fitted = run.fit, []

    def stop_at_third(*given):
        fitted.append(given)
        if len(fitted) == 3:
            raise KeyboardInterrupt
        return fit(*given)

    monkeypatch.setattr(run, "fit", stop_at_third)
    with pytest.raises(Interrupted) as caught:
        compare(["ae", "vae"], digits, **how)
    assert "after 2 of 4 fits" in str(caught.value)
    found = compare(["ae", "vae"], digits, **how)
    assert len(fitted) == 5
    monkeypatch.setattr(run, "fit", fit)
    straight = compare(["ae", "vae"], digits, **{**how, "folder": None})
    assert found.equals(straight)


def test_a_budget_settles_one_number_of_epochs_that_a_second_call_keeps(
    digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = {**HOW, "jobs": "reconstruct", "folder": tmp_path / "timed", "seeds": 1, "budget": "1s"}
    del how["epochs"]
    found = compare(["ae", "vae"], digits, **how)
    known = json.loads((tmp_path / "timed" / "compare.json").read_text())
    assert known["plan"]["epochs"] == found.attrs["epochs"] >= 1
    for name in ("ae", "vae"):
        assert load(tmp_path / "timed" / name / "seed-0").epochs == found.attrs["epochs"]
    monkeypatch.setattr(run, "speed_of", None)
    assert compare(["ae", "vae"], digits, **how).equals(found)


def test_rows_without_labels_are_compared_in_what_needs_none() -> None:
    x = np.random.default_rng(0).normal(size=(120, 4)) @ np.diag([1.0, 2.0, 3.0, 4.0])
    found = compare(["ae", "vae"], x, **{**HOW, "seeds": 1})
    jobs = [each["job"] for each in found.attrs["recommendation"]]
    assert jobs == ["reconstruct", "compress", "denoise", "generate", "interpolate", "fill"]
    assert "psnr" not in found.columns and "mse" in found.columns
    assert any("no class labels" in note for note in found.attrs["notes"])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"seeds": 0}, "seeds=0"),
        ({"epochs": 0}, "epochs=0"),
        ({"budget": "1m"}, "give one of them"),
        ({"budget": "soon", "epochs": None}, "is no time"),
        ({"test": 1.5}, "test=1.5"),
        ({"jobs": "paint"}, "'paint' is no job"),
        ({"models": ["conditional-vae"]}, "conditional-vae needs a condition"),
        ({"beta": 3.0}, "has no field 'beta'"),
    ],
)
def test_mistakes(given: dict, words: str) -> None:
    how = {"models": ["ae"], "X": np.zeros((60, 3)), **HOW, **given}
    with pytest.raises(LatentryError) as caught:
        compare(**how)
    assert words in str(caught.value)


def test_a_folder_with_something_else_in_it_is_left_alone(digits, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(LatentryError, match="holds no comparison"):
        compare(["ae"], digits, folder=tmp_path, **HOW)
    (tmp_path / "letter.txt").unlink()
    (tmp_path / "compare.json").write_text("{")
    with pytest.raises(LatentryError, match=r"compare\.json is damaged"):
        compare(["ae"], digits, folder=tmp_path, **HOW)


def test_a_machine_that_became_slow_keeps_to_the_budget_with_fewer_seeds(
    digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = {**HOW, "jobs": "reconstruct", "folder": tmp_path / "slow", "seeds": 3, "budget": "1h"}
    del how["epochs"]

    def planned(*given) -> Plan:
        return Plan(1, 60, {"ae": 1.0, "vae": 1.0})

    monkeypatch.setattr(run, "plan", planned)
    monkeypatch.setattr(run, "LATE", 0.0)
    short = compare(["ae", "vae"], digits, **how)
    assert short.attrs["seeds"] == [0]
    assert any("ended after 1 of 3 seeds" in note for note in short.attrs["notes"])
    rest = compare(["ae", "vae"], digits, **how)
    assert rest.attrs["seeds"] == [0, 1, 2]
    assert not any("seeds" in note for note in rest.attrs["notes"])
    first = short.attrs["values"]["vae"]["elbo"]
    assert rest.attrs["values"]["vae"]["elbo"][:1] == first
