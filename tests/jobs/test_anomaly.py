from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.utils.estimator_checks import check_estimator

from latentry import AE, VAE, AnomalyDetector, LatentryError, MissingIWAE
from latentry.evaluation.detection import auroc
from latentry.jobs import defaults
from latentry.jobs.anomaly import AUTO

RNG = np.random.default_rng(0)
MIX = RNG.normal(size=(2, 5))
NORMAL = RNG.normal(size=(240, 2)) @ MIX + 0.1 * RNG.normal(size=(240, 5))
ODD = RNG.normal(size=(40, 5)) * NORMAL.std(0)
TINY = VAE(latent=2, hidden=(8,), epochs=3)


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(defaults, "STEPS", 150)
        yield


@pytest.fixture(scope="module")
def detector(quick: None) -> AnomalyDetector:
    return AnomalyDetector(members=2, random_state=0).fit(NORMAL[:200])


def test_check_estimator_with_no_expected_failure() -> None:
    small = VAE(latent=2, hidden=(4,), epochs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_estimator(AnomalyDetector(small, members=1, random_state=0))


def test_it_tells_strange_rows(detector: AnomalyDetector) -> None:
    X = np.concatenate([NORMAL[200:], ODD])
    odd = np.arange(len(X)) >= 40
    assert auroc(-detector.score_samples(X), odd) > 0.9
    np.testing.assert_array_equal(detector.predict(X) < 0, detector.decision_function(X) < 0)
    assert (detector.predict(ODD) == -1).mean() > 0.7


def test_the_share_of_the_training_rows_is_the_contamination() -> None:
    found = AnomalyDetector(TINY, members=1, contamination=0.2, random_state=0).fit_predict(NORMAL)
    assert (found == -1).sum() == 48


def test_a_rows_score_is_its_own(detector: AnomalyDetector) -> None:
    scores = detector.score_samples(NORMAL)
    np.testing.assert_allclose(detector.score_samples(NORMAL[::-1])[::-1], scores, atol=1e-4)
    np.testing.assert_allclose(detector.score_samples(NORMAL[7:8]), scores[7:8], atol=1e-4)
    again = clone(detector).fit(NORMAL[:200])
    np.testing.assert_array_equal(again.score_samples(NORMAL), scores)
    held = pickle.loads(pickle.dumps(detector))
    np.testing.assert_array_equal(held.score_samples(NORMAL), scores)


def test_false_alarms_are_as_rare_as_stated() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(3000, 3))
    made = AnomalyDetector(
        AE(latent=2, hidden=(4,), epochs=1),
        members=1,
        contamination="auto",
        false_alarms=0.1,
        calibration=0.5,
        random_state=0,
    ).fit(X[:1000])
    assert (made.predict(X[1000:]) == -1).mean() == pytest.approx(0.1, abs=0.03)
    p = made.p_values(X[1000:])
    np.testing.assert_array_equal(p <= 0.1, made.predict(X[1000:]) == -1)
    assert p.mean() == pytest.approx(0.5, abs=0.03)


def test_explanations_sum_to_the_score_and_name_the_column() -> None:
    frame = pd.DataFrame(NORMAL, columns=list("abcde"))
    made = AnomalyDetector(TINY, scoring="reconstruction", members=2, random_state=0).fit(frame)
    shares = made.explain(frame)
    assert list(shares.columns) == list("abcde")
    np.testing.assert_allclose(shares.sum(axis=1), -made.score_samples(frame), rtol=1e-4)
    broken = frame.iloc[:10].copy()
    broken["c"] += 30
    assert (made.explain(broken, excess=True).idxmax(axis=1) == "c").all()
    usual = made.explain(frame, excess=True).mean()
    assert np.abs(usual).max() < 0.1 * np.abs(shares).to_numpy().mean()
    assert list(AnomalyDetector(TINY, members=1).fit(NORMAL).explain(NORMAL)) == [
        f"x{i}" for i in range(5)
    ]


@pytest.mark.parametrize("scoring", ["elbo", "mahalanobis", "neighbours", "far-row-neighbours"])
def test_one_score_alone(scoring: str) -> None:
    made = AnomalyDetector(TINY, scoring=scoring, members=2, random_state=0).fit(NORMAL)
    rows = made._read(ODD)
    asked = made.references_[:1] if "row" in scoring else made.references_
    each = [reference.scores(rows, scoring) for reference in asked]
    np.testing.assert_allclose(made.score_samples(ODD), -np.mean(each, axis=0))


def test_missing_cells() -> None:
    holes = NORMAL.copy()
    holes[RNG.uniform(size=holes.shape) < 0.2] = np.nan
    for model in (None, MissingIWAE(latent=2, hidden=(8,), epochs=2)):
        made = AnomalyDetector(model, members=1, random_state=0).fit(holes)
        assert np.isfinite(made.score_samples(holes)).all()
        shares = made.explain(holes).to_numpy()
        assert (shares[np.isnan(holes)] == 0).all()


def test_images_and_whole_numbers() -> None:
    X = load_digits().images[:80].astype(np.uint8)
    made = AnomalyDetector(members=1, random_state=0).fit(X)
    assert made.predict(X).shape == (80,)
    whole = AnomalyDetector(members=1, random_state=0).fit(X.reshape(80, -1)[:, 10:20].astype(int))
    assert whole.references_[0].est.schema_.values == "real"


def test_the_pyod_conventions(detector: AnomalyDetector) -> None:
    other = detector.as_pyod()
    X = np.concatenate([NORMAL[200:], ODD])
    np.testing.assert_array_equal(other.decision_function(X), -detector.score_samples(X))
    np.testing.assert_array_equal(other.predict(X), (detector.predict(X) == -1).astype(int))
    np.testing.assert_array_equal(other.labels_, other.predict(NORMAL[:200]))
    np.testing.assert_allclose(
        other.decision_scores_, other.decision_function(NORMAL[:200]), atol=1e-4
    )
    chance = other.predict_proba(X)
    np.testing.assert_allclose(chance.sum(1), 1)
    assert other.contamination == 0.1
    fitted = AnomalyDetector(TINY, members=1, random_state=0).as_pyod().fit(NORMAL)
    assert fitted.labels_.sum() == 24


def test_the_ensemble_is_a_mean_of_standardised_scores(detector: AnomalyDetector) -> None:
    rows = detector._read(ODD)
    total = 0
    for how, weight in AUTO.items():
        each = zip(detector.scales_[how], detector._each(rows, how), strict=True)
        total = total + weight * np.mean([scale(values) for scale, values in each], axis=0)
    np.testing.assert_allclose(detector.score_samples(ODD), -total / sum(AUTO.values()))
    assert np.median(detector.training_scores_) == pytest.approx(0, abs=0.3)


def test_distances_between_rows_are_asked_of_one_member(detector: AnomalyDetector) -> None:
    first, second = detector.references_
    assert set(first.hows) == set(AUTO) and second.hows == ("reconstruction",)
    made = AnomalyDetector(TINY, members=2, scoring="core-neighbours").fit(NORMAL)
    assert [each.hows for each in made.references_] == [("core-neighbours",)] * 2


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"contamination": 0.7}, "contamination=0.7: it is a share above 0, up to 0.5"),
        ({"contamination": "some"}, "contamination='some'"),
        ({"scoring": "elbow"}, "Did you mean 'elbo'"),
        ({"threshold": "quantil"}, "Did you mean 'quantile'"),
        ({"threshold": float("nan")}, "threshold=nan"),
        ({"threshold": "quantile", "contamination": "auto"}, "needs a contamination"),
        ({"members": 0}, "members=0: it is a whole number of at least 1"),
        ({"neighbours": 2.5}, "neighbours=2.5"),
        ({"calibration": 1.0}, "calibration=1.0"),
        ({"false_alarms": 0.0}, "false_alarms=0.0"),
        ({"model": "vae"}, "is no model"),
        ({"threshold": "conformal", "false_alarms": 0.01}, "at least 99 held-out rows"),
    ],
)
def test_options_that_make_no_sense(fields: dict, words: str) -> None:
    with pytest.raises(LatentryError, match=words):
        AnomalyDetector(**({"model": TINY, "members": 1} | fields)).fit(NORMAL)


def test_rows_that_cannot_work(detector: AnomalyDetector) -> None:
    frame = pd.DataFrame(NORMAL, columns=list("abcde"))
    made = AnomalyDetector(TINY, members=1, random_state=0).fit(frame)
    with pytest.raises(ValueError, match="order"):
        made.predict(frame[list("bacde")])
    with pytest.raises(ValueError, match="5 features"):
        detector.predict(NORMAL[:, :3])
    with pytest.raises(LatentryError, match="one value only"):
        AnomalyDetector(TINY).fit(frame.assign(a=1.0))
    with pytest.raises(LatentryError, match="p-values take held-out rows"):
        AnomalyDetector(TINY, members=1, calibration=0).fit(frame).p_values(frame)
    with pytest.raises(LatentryError, match="inf"):
        made.predict(frame.assign(a=np.inf))


def test_a_table_of_mixed_columns() -> None:
    rng = np.random.default_rng(0)
    town = rng.choice(["Ulm", "Bonn", "Kiel"], 200)
    frame = pd.DataFrame({"town": town, "income": rng.normal(size=200) + 5 * (town == "Ulm")})
    frame.loc[::9, "town"] = None
    made = AnomalyDetector(members=1, random_state=0).fit(frame)
    odd = pd.DataFrame({"income": [30.0, 0.0], "town": ["Ulm", "Bonn"]})  # another order
    assert made.predict(odd).tolist() == [-1, 1]
    assert made.explain(odd, excess=True).iloc[0].idxmax() == "income"
    assert list(made.explain(frame)) == ["town", "income"]
    np.testing.assert_allclose(made.score_samples(frame), -made.training_scores_, atol=1e-4)


def test_a_row_beyond_all_scales_is_the_strangest_and_its_score_is_a_number(
    detector: AnomalyDetector,
) -> None:
    far = np.array([[1e30, 0.0, 0.0, 0.0, 0.0]])
    score = detector.score_samples(far)
    assert np.isfinite(score).all() and score < detector.score_samples(ODD).min()
    assert np.isfinite(detector.explain(far).to_numpy()).all()
