from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from latentry import VAE
from latentry.comparing.jobs import figures_of
from latentry.comparing.measuring import Yardstick, anomalies
from latentry.comparing.parts import divide, whole


@pytest.fixture(scope="module")
def est(digits) -> VAE:
    return VAE(latent=3, hidden=16, epochs=2, random_state=0, compile=False).fit(digits)


def test_only_the_figures_of_the_jobs_are_taken(digits, est) -> None:
    train, test = divide(whole(digits), 0.3)
    yardstick = Yardstick.of(("reconstruct", "fill"), train, test, rows=50)
    assert yardstick.features is None and len(yardstick.test) == 50
    figures, _ = yardstick.measure(est, 0)
    assert list(figures) == figures_of(("reconstruct", "fill"))
    assert figures["elbo"] == pytest.approx(est.evaluate(yardstick.test.data)["elbo"])
    error = ((est.reconstruct(yardstick.test.data) - yardstick.test.data.x * 1.0) / 16) ** 2
    psnr = -10 * np.log10(error.reshape(50, -1).mean(1)).mean()
    assert figures["psnr"] == pytest.approx(psnr)


def test_probes_learn_from_training_rows_and_are_judged_on_others(digits, est) -> None:
    from sklearn.neighbors import KNeighborsClassifier

    train, test = divide(whole(digits), 0.3)
    figures, _ = Yardstick.of(("features",), train, test).measure(est, 0)
    assert 0.25 < figures["probe_all"] <= 1
    votes = KNeighborsClassifier().fit(est.transform(train.data), train.labels)
    right = votes.score(est.transform(test.data), test.labels)
    assert abs(figures["knn_all"] - right) < 0.25


def test_rows_with_gaps_are_measured() -> None:
    x = np.random.default_rng(0).normal(size=(200, 4))
    x[::7, 1] = np.nan
    est = VAE(latent=2, hidden=8, epochs=1, random_state=0, compile=False).fit(x)
    train, test = divide(whole(x), 0.3)
    figures, _ = Yardstick.of(("generate", "interpolate", "reconstruct"), train, test).measure(
        est, 0
    )
    assert figures["frechet"] is not None and figures["mse"] is not None


class _Scored:
    """A model whose anomaly is known: its scores are the rows themselves."""

    model_ = SimpleNamespace(has_bound=True)


def test_the_own_score_of_a_model_is_chosen_by_whether_it_has_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from latentry.evaluation import detection

    seen: list[Any] = []

    def known(est: Any, x: Any, is_anomaly: np.ndarray) -> dict[str, float]:
        seen.append(is_anomaly.tolist())
        return {"reconstruction": 0.6, "reconstruction+kl": 0.7}

    monkeypatch.setattr(detection, "detection", known)
    test = whole(np.zeros((4, 2)), y=["a", "b", "b", "c"])
    est: Any = _Scored()
    assert anomalies(est, test, "b")["auroc"] == 0.7
    est.model_ = SimpleNamespace(has_bound=False)
    assert anomalies(est, test, "b") == {
        "auroc": 0.6, "auroc_reconstruction": 0.6, "auroc_reconstruction+kl": 0.7
    }  # fmt: skip
    assert seen[0] == [False, True, True, False]
