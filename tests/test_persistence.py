from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

import latentry
from latentry import AE, VAE, LatentryError, persistence

DIGITS = load_digits().data[:200]
SMALL = {"latent": 2, "hidden": (8,), "epochs": 2, "random_state": 0}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    VAE(**SMALL).fit(DIGITS, folder=tmp_path / "run")
    return tmp_path / "run"


def test_a_run_is_a_folder_without_pickle(run: Path) -> None:
    names = {p.name for p in run.iterdir()}
    assert names >= {"model.json", "model.safetensors", "history.csv", "checkpoint"}
    assert {p.suffix for p in run.rglob("*") if p.is_file()} <= {".json", ".safetensors", ".csv"}


def test_saved_and_loaded_gives_the_same_numbers(tmp_path: Path) -> None:
    for model in (VAE(**SMALL).fit(DIGITS), AE(**SMALL).fit(DIGITS)):
        folder = tmp_path / type(model).__name__
        model.save(folder)
        again = latentry.load(folder)
        assert type(again) is type(model)
        assert again.get_params() == model.get_params()
        np.testing.assert_array_equal(again.transform(DIGITS), model.transform(DIGITS))
        np.testing.assert_array_equal(again.sample(3), model.sample(3))
        np.testing.assert_array_equal(again.score_samples(DIGITS), model.score_samples(DIGITS))
        assert len(again.history_.rows) == len(model.history_.rows)
        assert again.choices_ == model.choices_


def test_a_condition_is_saved(tmp_path: Path) -> None:
    labels = np.array(["odd", "even"])[np.arange(len(DIGITS)) % 2]
    model = VAE(**SMALL).fit(DIGITS, condition=labels)
    model.save(tmp_path / "m")
    again = latentry.load(tmp_path / "m")
    np.testing.assert_array_equal(
        again.sample(3, condition="odd"), model.sample(3, condition="odd")
    )


def test_saving_never_overwrites(run: Path) -> None:
    with pytest.raises(LatentryError, match="exists"):
        latentry.load(run).save(run)


def test_the_wrong_class_says_which_it_is(run: Path) -> None:
    with pytest.raises(LatentryError, match="of the class VAE, not AE"):
        AE.load(run)


def test_damage_is_noticed(run: Path) -> None:
    path = run / "model.safetensors"
    whole = path.read_bytes()
    for damaged in (whole[:-10], whole[:200] + bytes([whole[200] ^ 1]) + whole[201:], b""):
        path.write_bytes(damaged)
        with pytest.raises(LatentryError, match=r"model\.safetensors is damaged"):
            latentry.load(run)
    path.unlink()
    with pytest.raises(LatentryError, match=r"lost its model\.safetensors"):
        latentry.load(run)


def test_a_changed_or_half_written_description_is_noticed(run: Path) -> None:
    path = run / "model.json"
    text = path.read_text()
    for damaged in (text[:-30], text.replace('"latent": 2', '"latent": 3'), "", "[]"):
        path.write_text(damaged)
        with pytest.raises(LatentryError, match=r"model\.json is damaged"):
            latentry.load(run)


def test_a_newer_format_is_refused(run: Path) -> None:
    path = run / "model.json"
    info = json.loads(path.read_text()) | {"format": 99}
    path.write_text(json.dumps(info))
    with pytest.raises(LatentryError, match="upgrade latentry"):
        latentry.load(run)


def test_no_run_there(tmp_path: Path) -> None:
    with pytest.raises(LatentryError, match="there is no run at"):
        latentry.load(tmp_path / "none")
    with pytest.raises(LatentryError, match="is no run"):
        latentry.load(tmp_path)


def test_an_unfinished_run_says_how_to_finish(run: Path) -> None:
    persistence.mark(run, "interrupted")
    with pytest.raises(LatentryError, match="latentry resume"):
        latentry.load(run)


def test_a_finished_run_or_another_folder_is_not_trained_over(run: Path, tmp_path: Path) -> None:
    with pytest.raises(LatentryError, match="finished run"):
        VAE(**SMALL).fit(DIGITS, folder=run)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("years of work")
    with pytest.raises(LatentryError, match="exists and is no run"):
        VAE(**SMALL).fit(DIGITS, folder=tmp_path / "other")


@pytest.mark.parametrize(
    ("model", "data", "said"),
    [
        (VAE(**(SMALL | {"lr": 0.5})), DIGITS, "lr=0.001, not 0.5"),
        (AE(**SMALL), DIGITS, "unfinished VAE, not AE"),
        (VAE(**SMALL), DIGITS + 1, "data differ"),
    ],
)
def test_only_the_same_run_is_continued(run: Path, model, data: np.ndarray, said: str) -> None:
    persistence.mark(run, "interrupted")
    with pytest.raises(LatentryError, match=said):
        model.fit(data, folder=run)


def test_a_path_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LatentryError, match="cannot be written|exists and is no run"):
        VAE(**SMALL).fit(DIGITS, folder=tmp_path / "file" / "run")
