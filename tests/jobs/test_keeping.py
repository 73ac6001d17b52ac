"""Jobs on disk: what comes back is what went in, and what is no job is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import latentry
from latentry import VAE, AnomalyDetector, Imputer, LatentryError
from latentry.jobs import Combinations, Inequality, Synthesizer, Unique, defaults, fillers
from latentry.jobs.tabular import Tabular

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(80, 3)).round(2)
HOLEY = np.where(RNG.random(NUMBERS.shape) < 0.1, np.nan, NUMBERS)
TINY = VAE(latent=2, hidden=(8,), epochs=2)


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(defaults, "STEPS", 10)
        patch.setattr(fillers, "STEPS", 10)
        yield


def mixed() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    made = pd.DataFrame(
        {
            "nr": [f"r{i}" for i in range(80)],
            "low": rng.integers(0, 50, 80),
            "city": rng.choice(["Rome", "Oslo", None], 80),
            "größe in m": rng.normal(size=80).round(2),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 99, 80), unit="D"),
        }
    )
    made["country"] = made["city"].map({"Rome": "IT", "Oslo": "NO"})
    made["high"] = made["low"] + rng.integers(0, 9, 80)
    return made


def there_and_back(job: Any, folder: Path) -> Any:
    """The job from disk, which has neither pickles nor anything half-written."""
    job.save(folder)
    suffixes = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert suffixes <= {".json", ".safetensors", ".csv"}
    assert not [path for path in folder.parent.iterdir() if path.name.startswith(".")]
    again = latentry.load(folder)
    assert type(again) is type(job)
    before, after = job.get_params(deep=False), again.get_params(deep=False)
    assert repr(before) == repr(after)
    return again


@pytest.mark.parametrize(
    ("options", "X"),
    [
        ({"members": 2}, NUMBERS),
        ({"members": 2, "threshold": "conformal", "false_alarms": 0.2}, HOLEY),
        ({"members": 2, "contamination": 0.05}, mixed()),
        ({"model": TINY, "members": 2, "scoring": "mahalanobis"}, pd.DataFrame(NUMBERS)),
        ({"model": TINY, "members": 1, "scoring": "elbo"},
         RNG.integers(0, 255, (40, 8, 8)).astype(np.uint8)),
    ],
)  # fmt: skip
def test_a_detector_gives_the_same_scores(options: Any, X: Any, tmp_path: Path) -> None:
    detector = AnomalyDetector(**options, random_state=3).fit(X)
    again = there_and_back(detector, tmp_path / "kept")
    np.testing.assert_array_equal(again.score_samples(X), detector.score_samples(X))
    np.testing.assert_array_equal(again.p_values(X), detector.p_values(X))
    assert again.offset_ == detector.offset_
    assert again.explain(X, excess=True).equals(detector.explain(X, excess=True))


def test_a_detector_of_no_known_seed_is_kept_too(tmp_path: Path) -> None:
    detector = AnomalyDetector(members=2).fit(NUMBERS)
    again = there_and_back(detector, tmp_path / "kept")
    np.testing.assert_array_equal(again.score_samples(NUMBERS), detector.score_samples(NUMBERS))


@pytest.mark.parametrize(
    ("options", "X"),
    [
        ({}, HOLEY),
        ({"add_indicator": True, "how": "draw"}, mixed()),
        ({"model": TINY}, pd.DataFrame(HOLEY, columns=["a", "b", "c"]).assign(one=1.0)),
        ({"model": TINY}, np.full((5, 2), 3.0)),
    ],
)
def test_an_imputer_gives_the_same_fills(options: Any, X: Any, tmp_path: Path) -> None:
    imputer = Imputer(draws=4, members=2, random_state=3, **options).fit(X)
    again = there_and_back(imputer, tmp_path / "kept")
    a, b = ([job.transform(X), *job.sample(X, 3, seed=5)] for job in (imputer, again))
    for one, other in zip(a, b, strict=True):
        np.testing.assert_array_equal(pd.DataFrame(one), pd.DataFrame(other))
    assert list(again.get_feature_names_out()) == list(imputer.get_feature_names_out())


@pytest.mark.parametrize("model", [None, TINY])
def test_a_synthesizer_makes_the_same_rows(model: Any, tmp_path: Path) -> None:
    rules = [Inequality("low", "high"), Combinations("city", "country"), Unique("größe in m")]
    table = mixed().drop_duplicates("größe in m")
    made = Synthesizer(model, constraints=rules, random_state=3).fit(table, epochs=1)
    again = there_and_back(made, tmp_path / "kept")
    for given in (None, {"country": "NO", "low": 4}):
        for seed in (None, 7):
            a, b = (each.sample(30, given, seed=seed) for each in (made, again))
            pd.testing.assert_frame_equal(a, b)
    assert again.constraints == rules
    assert again.score(table) == made.score(table)


class Body(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def test_your_own_body_is_asked_for(tmp_path: Path) -> None:
    model = VAE(latent=2, epochs=1, encoder=Body())
    detector = AnomalyDetector(model, members=1, scoring="kl", random_state=0).fit(NUMBERS)
    detector.save(tmp_path / "kept")
    with pytest.raises(LatentryError, match="your own encoder"):
        latentry.load(tmp_path / "kept")
    again = AnomalyDetector.load(tmp_path / "kept", encoder=Body())
    np.testing.assert_array_equal(again.score_samples(NUMBERS), detector.score_samples(NUMBERS))


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    Imputer(TINY, members=1, random_state=0).fit(HOLEY).save(tmp_path / "kept")
    return tmp_path / "kept"


def test_what_is_no_such_job_is_told(kept: Path, tmp_path: Path) -> None:
    VAE(latent=2, epochs=1).fit(NUMBERS).save(tmp_path / "model")
    (tmp_path / "empty").mkdir()
    for call, said in [
        (
            lambda: AnomalyDetector.load(kept),
            "holds the job Imputer, not AnomalyDetector.*latentry impute",
        ),
        (lambda: Imputer.load(tmp_path / "model"), "holds a model, VAE, and no job"),
        (lambda: Imputer.load(tmp_path / "empty"), "it has no job.json"),
        (lambda: Imputer.load(tmp_path / "none"), "there is no job at .*none"),
        (lambda: VAE.load(kept), "it holds a job, such as an AnomalyDetector"),
        (lambda: latentry.load(tmp_path / "none"), "there is no run at"),
        (lambda: Imputer(TINY).fit(HOLEY).save(kept), "kept exists; name a new folder"),
    ]:
        with pytest.raises(LatentryError, match=said):
            call()


@pytest.mark.parametrize("name", ["job.json", "job.safetensors", "models/0/model.safetensors"])
def test_a_damaged_folder_is_told(kept: Path, name: str) -> None:
    raw = bytearray((kept / name).read_bytes())
    raw[-20] ^= 1
    (kept / name).write_bytes(raw)
    with pytest.raises(LatentryError, match=f"{name} is damaged"):
        latentry.load(kept)
    (kept / name).unlink()
    with pytest.raises(LatentryError, match=r"damaged|has lost its|holds no job|is no run"):
        latentry.load(kept)


def test_a_newer_folder_is_told(kept: Path) -> None:
    info = json.loads((kept / "job.json").read_text())
    (kept / "job.json").write_text(json.dumps(info | {"format": 9, "latentry": "7.0"}))
    with pytest.raises(LatentryError, match=r"format 9 by latentry 7.0.*upgrade latentry"):
        latentry.load(kept)


def test_nothing_half_written_is_left(tmp_path: Path) -> None:
    detector = AnomalyDetector(TINY, members=1, random_state=0).fit(NUMBERS)
    detector.offset_ = object()
    with pytest.raises(LatentryError, match="offset_=.* cannot be kept"):
        detector.save(tmp_path / "kept")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("")
    detector.offset_ = 0.0
    with pytest.raises(LatentryError, match="the job cannot be written"):
        detector.save(tmp_path / "file" / "kept")


def test_a_class_of_ones_own_is_refused(tmp_path: Path) -> None:
    class Mine(Tabular):
        pass

    Mine.__name__ = "Tabular"
    made = Synthesizer(Mine(epochs=1, latent=2, hidden=(8,)), random_state=0).fit(mixed())
    with pytest.raises(LatentryError, match="your own class"):
        made.save(tmp_path / "kept")
    Mine.__name__ = "Mine"
    with pytest.raises(LatentryError, match="no model is called 'Mine'"):
        made.save(tmp_path / "kept")
