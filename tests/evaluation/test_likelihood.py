from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from oracle import Oracle

from latentry.data.schema import Schema
from latentry.data.transforms import Transform
from latentry.evaluation import evaluate


def fitted(oracle: Oracle, x: torch.Tensor, scale: float = 1.0) -> SimpleNamespace:
    """The oracle as an estimator whose data are `scale` times the model's."""
    schema = Schema.infer(x.numpy() * scale)
    scaler = Transform(schema)
    scaler.scale.fill_(scale)
    return SimpleNamespace(
        model_=oracle.model.eval(), schema_=schema, scaler_=scaler, likelihood_="gaussian"
    )


def test_figures_of_the_exact_model_are_exact() -> None:
    oracle = Oracle()
    x = oracle.draw(2000)
    figures = evaluate(fitted(oracle, x), [(x[:1500], None), (x[1500:], None)], draws=3)
    exact = -float(oracle.log_prob(x).mean())
    assert figures["nll"] == pytest.approx(exact, abs=1e-3)
    assert figures["nll_draws"] == 3
    assert -figures["elbo"] == pytest.approx(exact, abs=0.1)
    assert figures["elbo"] == pytest.approx(-figures["distortion"] - figures["rate"])
    assert sum(figures["latent_kl"]) == pytest.approx(figures["rate"], rel=1e-5)
    assert figures["active_units"] == 2
    assert figures["bits_per_dim"] == pytest.approx(figures["nll"] / 5 / np.log(2))
    assert figures["rows"] == 2000


def test_the_unit_is_the_datas() -> None:
    oracle = Oracle()
    x = oracle.draw(200)
    one, ten = (evaluate(fitted(oracle, x, s), [(x, None)], draws=2) for s in (1.0, 10.0))
    assert ten["nll"] - one["nll"] == pytest.approx(5 * np.log(10), abs=1e-3)
    assert ten["distortion"] - one["distortion"] == pytest.approx(5 * np.log(10), abs=1e-3)
    assert ten["rate"] == pytest.approx(one["rate"])
    assert ten["mse"] == pytest.approx(one["mse"], rel=1e-4)


def test_the_error_of_the_likelihood_is_that_of_a_mean_over_rows() -> None:
    oracle = Oracle()
    x = oracle.draw(400)
    figures = evaluate(fitted(oracle, x), [(x, None)], draws=2)
    expected = float(oracle.log_prob(x).std()) / 20
    assert figures["nll_stderr"] == pytest.approx(expected, rel=1e-3)


def test_a_single_row_has_no_spread() -> None:
    oracle = Oracle()
    x = oracle.draw(10)
    figures = evaluate(fitted(oracle, x), [(x[:1], None)], draws=2)
    assert figures["nll_stderr"] is None
    assert figures["active_units"] is None
