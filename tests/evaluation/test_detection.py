from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from known import estimator
from oracle import Oracle

from latentry import AE, VAE, LatentryError
from latentry.evaluation.detection import (
    HOW,
    anomaly_scores,
    auroc,
    average_precision,
    detection,
)


def test_auroc_is_the_chance_of_the_right_order() -> None:
    assert auroc([1, 2, 3, 4], [0, 0, 1, 1]) == 1
    assert auroc([4, 3, 2, 1], [0, 0, 1, 1]) == 0
    assert auroc([1, 1, 1, 1], [0, 1, 0, 1]) == 0.5
    assert auroc([1, 3, 2, 4], [False, False, True, True]) == 0.75


def test_auroc_of_two_normal_distributions() -> None:
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(size=4000), 1 + rng.normal(size=4000)])
    # Phi(1 / sqrt 2)
    expected = 0.5 * (1 + math.erf(0.5))
    assert auroc(scores, np.arange(8000) >= 4000) == pytest.approx(expected, abs=0.015)


def test_average_precision_by_hand() -> None:
    # In the order of the scores: anomaly, normal, anomaly: precisions 1 and 2/3.
    assert average_precision([3, 2, 1], [1, 0, 1]) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision([0, 0, 0, 0], [1, 0, 0, 0]) == pytest.approx(0.25)


def test_what_cannot_be_told_apart() -> None:
    with pytest.raises(LatentryError, match="both kinds"):
        auroc([1, 2], [0, 0])
    with pytest.raises(LatentryError, match="for each of 2 rows"):
        auroc([1, 2], [0, 1, 0])
    with pytest.raises(LatentryError, match="1 of 2 anomaly scores"):
        auroc([np.nan, 2], [0, 1])


def test_scores_of_an_exact_model() -> None:
    oracle = Oracle()
    x = oracle.draw(50)
    est = estimator(oracle.model, x, 2.0)
    data = 2 * x.numpy()
    jacobian = 5 * math.log(2)
    exact = -oracle.log_prob(x).detach().numpy() + jacobian
    np.testing.assert_allclose(anomaly_scores(est, data, "likelihood"), exact, atol=1e-3)
    q = oracle.model.encode(x)
    mean = q.mean.detach()
    px = oracle.model.decode(mean)
    at_mean = -px.log_prob(x).detach().numpy() + jacobian
    np.testing.assert_allclose(anomaly_scores(est, data, "reconstruction"), at_mean, atol=1e-4)
    s = q.variance.detach()
    kl = 0.5 * (s + mean**2 - 1 - torch.log(s)).sum(1).numpy()
    np.testing.assert_allclose(anomaly_scores(est, data, "kl"), kl, rtol=1e-4)
    both = anomaly_scores(est, data, "reconstruction+kl")
    np.testing.assert_allclose(both, -est.score_samples(data, draws=1))


def test_each_way_sees_its_own_kind_of_anomaly() -> None:
    oracle = Oracle()
    x = oracle.draw(400)
    est = estimator(oracle.model, x)
    w = oracle.model.likelihood.body.w.detach()
    # Far along the decoder's own directions: reconstructed well, but by unusual codes.
    along = x[:200] + 6 * w[:, 1]
    truth = np.arange(400) >= 200
    found = detection(est, torch.cat([x[200:], along]).numpy(), truth)
    assert list(found) == list(HOW)
    assert found["kl"] > 0.99
    assert found["likelihood"] > 0.99
    assert found["reconstruction"] < 0.9
    # Away from them: reconstructed badly, by usual codes.
    off = torch.linalg.qr(w, mode="complete")[0][:, 2]
    across = x[:200] + 6 * off
    found = detection(est, torch.cat([x[200:], across]).numpy(), truth)
    assert found["reconstruction"] == 1
    assert found["kl"] == pytest.approx(0.5, abs=0.1)


def test_ways_that_need_a_prior() -> None:
    x = np.random.default_rng(0).normal(size=(60, 4))
    ae = AE(latent=2, hidden=(8,), epochs=1, random_state=0).fit(x)
    found = detection(ae, np.concatenate([x, x + 30]), np.arange(120) >= 60)
    assert found["reconstruction"] == 1
    assert [found[how] for how in HOW[1:]] == [None] * 3
    with pytest.raises(LatentryError, match="lacks"):
        anomaly_scores(ae, x, "kl")
    with pytest.raises(LatentryError, match="Did you mean 'likelihood'"):
        anomaly_scores(ae, x, "likelihod")


def test_conditions_are_passed_on() -> None:
    x = np.random.default_rng(0).normal(size=(60, 4))
    labels = np.arange(60) % 2
    vae = VAE(latent=2, hidden=(8,), epochs=1, random_state=0).fit(x, condition=labels)
    for how in HOW:
        one, two = (anomaly_scores(vae, x, how, condition=c) for c in (labels, 1 - labels))
        assert one.shape == (60,) and not np.array_equal(one, two)
    found = detection(vae, x, labels == 1, condition=labels)
    assert all(0 <= score <= 1 for score in found.values() if score is not None)


def test_codes_that_are_points_have_no_divergence_to_score_by() -> None:
    from latentry import WAEMMD

    x = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    est = WAEMMD(latent=2, epochs=1, hidden=8, random_state=0).fit(x)
    found = detection(est, x, np.arange(60) < 10)
    assert found["kl"] is None
    assert found["reconstruction"] is not None
