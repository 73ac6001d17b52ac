from __future__ import annotations

from latentry.comparing.entrants import entrants
from latentry.comparing.fits import fit, speed_of
from latentry.comparing.parts import whole

QUICK = {"latent": 2, "hidden": 8, "compile": False}


def test_a_finished_run_is_read_and_not_trained_again(digits, tmp_path) -> None:
    (one,) = entrants("vae", QUICK)
    rows = whole(digits)
    first = fit(one, rows, 1, 3, tmp_path / "run")
    written = (tmp_path / "run" / "model.safetensors").stat().st_mtime_ns
    again = fit(one, rows, 1, 3, tmp_path / "run")
    assert (tmp_path / "run" / "model.safetensors").stat().st_mtime_ns == written
    assert first.score(digits) == again.score(digits)


def test_only_a_conditional_model_is_told_the_condition(digits) -> None:
    rows = whole(digits, condition=digits.labels)
    plain, told = entrants(["vae", "conditional-vae"], QUICK)
    assert fit(plain, rows, 1, 0).condition_ is None
    assert fit(told, rows, 1, 0).condition_ is not None


def test_a_trial_gives_a_cost_for_an_epoch(digits) -> None:
    speed = speed_of(entrants("ae", QUICK)[0], whole(digits))
    assert speed.epoch > 0 and speed.once >= 0
