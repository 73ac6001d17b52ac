from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits, make_blobs, make_multilabel_classification

import latentry
from latentry import C2AE, Dataset, LatentryError, SemiSupervisedVAE
from latentry.core.bounds import Elbo

BLOBS: Any = make_blobs(300, 5, centers=3, cluster_std=1.0, random_state=0)
X, Y = BLOBS
NAMES = np.array(["ash", "beech", "cedar"], dtype=object)[Y]
FIELDS: dict[str, Any] = {"latent": 1, "hidden": (16,), "epochs": 15, "batch_size": 32, "lr": 1e-2}
FIELDS |= {"random_state": 0}
SHORT: dict[str, Any] = FIELDS | {"epochs": 2}


def few(y: Any, unknown: object, keep: int = 30) -> np.ndarray:
    """y with all but the first rows unknown."""
    hidden = y.copy()
    hidden[keep:] = unknown
    return hidden


@pytest.fixture(scope="module")
def model() -> SemiSupervisedVAE:
    return SemiSupervisedVAE(**FIELDS).fit(X, few(NAMES, None))


def test_few_labels_teach_the_classes(model: SemiSupervisedVAE) -> None:
    assert list(model.classes_) == ["ash", "beech", "cedar"]
    assert (model.predict(X) == NAMES).mean() > 0.95
    proba = model.predict_proba(X)
    assert proba.shape == (300, 3)
    np.testing.assert_allclose(proba.sum(1), 1.0, rtol=1e-5)


@pytest.mark.parametrize("unknown", [-1, np.nan])
def test_what_is_unknown_is_minus_one_or_nan(unknown: float, model: SemiSupervisedVAE) -> None:
    y = few(Y if unknown == -1 else Y.astype(float), unknown)
    again = SemiSupervisedVAE(**FIELDS).fit(X, y)
    assert list(again.classes_) == [0, 1, 2]
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_a_class_can_be_asked_for(model: SemiSupervisedVAE) -> None:
    new = model.sample(200, label="beech", seed=0)
    assert (model.predict(new) == "beech").mean() > 0.9
    each = model.sample(3, label=["ash", "beech", "cedar"], seed=0, how="mean")
    assert each.shape == (3, 5)
    assert not hasattr(model, "_label")
    with pytest.raises(LatentryError, match="'oak' is no class"):
        model.sample(2, label="oak")
    with pytest.raises(LatentryError, match="2 for 3 samples"):
        model.sample(3, label=["ash", "beech"])


def test_the_class_is_made_to_matter_before_the_code_does() -> None:
    bound = SemiSupervisedVAE(pressure=5.0, warmup=0.5).objective().bound
    assert isinstance(bound, Elbo)
    weights = [float(bound.beta(torch.tensor(done))) for done in (0.0, 0.25, 0.5, 1.0)]
    assert weights == pytest.approx([5.0, 3.0, 1.0, 1.0])
    assert bound.settled == 0.5
    with pytest.raises(LatentryError, match="pressure=-1.0"):
        SemiSupervisedVAE(pressure=-1.0).fit(X)


def test_saved_and_loaded_it_knows_its_classes(model: SemiSupervisedVAE, tmp_path) -> None:
    model.save(tmp_path / "m")
    again = latentry.load(tmp_path / "m")
    assert isinstance(again, SemiSupervisedVAE)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_a_data_set_brings_its_own_labels() -> None:
    data = Dataset("trees", X, labels=few(Y, -1))
    own = SemiSupervisedVAE(**SHORT).fit(data)
    given = SemiSupervisedVAE(**SHORT).fit(X, few(Y, -1))
    np.testing.assert_array_equal(own.predict_proba(X), given.predict_proba(X))


def test_a_condition_stands_beside_the_labels() -> None:
    where = np.arange(300) % 2
    model = SemiSupervisedVAE(**FIELDS).fit(X, few(Y, -1), condition=where)
    assert (model.predict(X, condition=where) == Y).mean() > 0.9
    assert model.sample(4, condition=1, label=2).shape == (4, 5)


def test_without_labels_the_classes_are_clusters() -> None:
    model = SemiSupervisedVAE(**FIELDS, classes=4).fit(X)
    assert set(model.predict(X)) <= {0, 1, 2, 3}
    assert model.transform(X).shape == (300, 5)


def test_wrong_labels_are_refused() -> None:
    model = SemiSupervisedVAE(**FIELDS)
    with pytest.raises(LatentryError, match="299 labels for 300 rows"):
        model.fit(X, Y[:-1])
    with pytest.raises(LatentryError, match="one class for each row"):
        model.fit(X, np.stack([Y, Y], 1))


def test_a_run_goes_on_only_with_the_same_labels(tmp_path) -> None:
    folder = tmp_path / "run"
    SemiSupervisedVAE(**FIELDS).fit(X, few(Y, -1), folder=folder)
    latentry.persistence.mark(folder, "interrupted")
    with pytest.raises(LatentryError, match="other labels"):
        SemiSupervisedVAE(**FIELDS).fit(X, folder=folder)


def test_digits_with_a_hundred_labels() -> None:
    digits, labels = load_digits(return_X_y=True)
    digits = digits / 16.0
    hidden = few(labels, -1, keep=100)
    model = SemiSupervisedVAE(latent=8, hidden=(64,), epochs=8, lr=2e-3, random_state=0)
    model.fit(digits, hidden)
    assert (model.predict(digits[100:]) == labels[100:]).mean() > 0.7


SETS: Any = make_multilabel_classification(
    400, 10, n_classes=5, n_labels=2, random_state=0, allow_unlabeled=True
)
MANY: dict[str, Any] = {"latent": 5, "hidden": (32,), "epochs": 25, "batch_size": 32, "lr": 3e-3}
MANY |= {"random_state": 0}
FEW: dict[str, Any] = MANY | {"latent": 4}
ONCE: dict[str, Any] = MANY | {"epochs": 1}


@pytest.fixture(scope="module")
def tagger() -> C2AE:
    x, y = SETS
    return C2AE(**MANY).fit(x[:300], pd.DataFrame(y[:300], columns=list("abcde")))


def test_sets_of_labels_are_predicted(tagger: C2AE, tmp_path) -> None:
    x, y = SETS[0][300:], SETS[1][300:]
    f1 = tagger.f1(x, y)
    # All labels for all rows would have the F1 of their frequency.
    always = 2 * y.mean() / (1 + y.mean())
    assert f1["micro"] > always + 0.1
    assert 0 < f1["macro"] < 1
    found = tagger.predict(x)
    assert found.shape == (100, 5)
    assert tagger.predict_sets(x)[3] == tuple(np.array(list("abcde"))[found[3] == 1])
    tagger.save(tmp_path / "m")
    again = latentry.load(tmp_path / "m")
    assert isinstance(again, C2AE)
    np.testing.assert_array_equal(again.decision_function(x), tagger.decision_function(x))
    assert again.names_ == ("a", "b", "c", "d", "e")


def test_labels_may_be_unknown_or_classes() -> None:
    x, y = SETS
    gappy = np.where(np.random.default_rng(0).random(y.shape) < 0.3, np.nan, y)
    model = C2AE(**FEW).fit(x, gappy)
    assert model.f1(x, y)["micro"] > 0.5
    classes = C2AE(**FEW).fit(X, few(NAMES, None, keep=150))
    assert (classes.predict(X).argmax(1) == Y).mean() > 0.9


def test_without_labels_there_is_nothing_to_predict() -> None:
    model = C2AE(**ONCE).fit(X)
    with pytest.raises(LatentryError, match="without labels"):
        model.predict(X)
