"""What holds for every named model, found from the public surface."""

from __future__ import annotations

import dataclasses
import re
import warnings

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.utils.estimator_checks import check_estimator

import latentry
from latentry import LatentryError
from latentry.building import build_model, infer_schema
from latentry.core.objective import trainable
from latentry.estimator import Estimator
from latentry.zoo import models, named

DIGITS, LABELS = load_digits(return_X_y=True)
SMALL = {"latent": 2, "hidden": (16,), "epochs": 2, "random_state": 0}
MODELS = sorted(models())

pytestmark = pytest.mark.filterwarnings("ignore:ConditionalVAE was fitted without")


def small(name: str, **fields) -> Estimator:
    return models()[name](**(SMALL | fields))


@pytest.mark.parametrize("name", MODELS)
def test_check_estimator_with_no_expected_failure(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_estimator(small(name, epochs=1, hidden=(4,)))


@pytest.mark.parametrize("name", MODELS)
def test_fit_save_load_and_use(name: str, tmp_path) -> None:
    model = small(name).fit(DIGITS[:200])
    model.save(tmp_path / "m")
    again = latentry.load(tmp_path / "m")
    X = DIGITS[:20]
    for method in ("transform", "reconstruct", "score_samples"):
        np.testing.assert_array_equal(getattr(again, method)(X), getattr(model, method)(X))
    np.testing.assert_array_equal(again.sample(3), model.sample(3))
    assert np.isfinite(model.sample(3, temperature=0.5)).all()
    assert np.isfinite(model.score(X))


@pytest.mark.parametrize("name", MODELS)
def test_training_lowers_the_loss(name: str) -> None:
    if small(name).objective().contest:  # what measures the loss is learned as well
        rows = DIGITS[:500]
        wide = {"latent": 8, "hidden": (128,)}
        made = [small(name, epochs=e, **wide).fit(rows).reconstruct(rows) for e in (1, 30)]
        first, last = (((each - rows) ** 2).mean() for each in made)
        assert last < 0.7 * first
        return
    model = small(name, epochs=8).fit(DIGITS[:500])
    losses = [row["distortion"] for row in model.history_.rows]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", MODELS)
def test_conditional(name: str) -> None:
    model = small(name).fit(DIGITS[:200], condition=LABELS[:200])
    assert model.sample(4, condition=[0, 1, 2, 3]).shape == (4, 64)
    codes = model.transform(DIGITS[:4], condition=LABELS[:4])
    assert codes.shape == (4, model.model_.latent) == (4, len(model.get_feature_names_out()))


@pytest.mark.parametrize("name", MODELS)
def test_gradients_reach_every_parameter_once(name: str) -> None:
    est = small(name)
    torch.manual_seed(0)
    schema = infer_schema(est, DIGITS, None, None)
    x = schema.pack(DIGITS[:32]) / 16
    model = build_model(est, schema, 0)
    objective = est.objective()
    losses = objective.losses(model.infer(x, draws=objective.draws), model, torch.tensor(1.0))
    reached: list[int] = []
    for loss, parameters in losses:
        assert loss.shape == ()
        grads = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        assert all(g is not None and torch.isfinite(g).all() for g in grads)
        reached += [id(p) for p in parameters]
    wanted = [id(p) for p in (*trainable(model), *trainable(objective))]
    assert sorted(reached) == sorted(wanted)


@pytest.mark.parametrize("name", MODELS)
def test_bfloat16_is_close_to_float32(name: str) -> None:
    scores = [
        small(name, epochs=3, precision=p).fit(DIGITS[:300]).evaluate(DIGITS[:100])["distortion"]
        for p in ("float32", "bfloat16")
    ]
    assert scores[1] == pytest.approx(scores[0], rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_the_compiled_step_equals_the_eager_one(name: str) -> None:
    models = [small(name, compile=c, precision="float32").fit(DIGITS[:300]) for c in (False, True)]
    eager, compiled = (m.reconstruct(DIGITS[:50]) for m in models)
    # Draws may differ: the compiled step has its own way to make normal numbers.
    if name in ("ae",):
        np.testing.assert_allclose(compiled, eager, rtol=1e-3, atol=1e-3)
    assert np.abs(compiled - eager).mean() < 0.3


@pytest.mark.parametrize("name", MODELS)
def test_it_is_documented_and_cited(name: str) -> None:
    cls = models()[name]
    assert cls.__name__ in latentry.__all__
    assert cls.__doc__ is not None
    assert re.search(r"https://\S+", cls.__doc__)
    assert all(f.metadata.get("help") for f in dataclasses.fields(cls))


def test_names() -> None:
    assert named("beta-vae") is named("BetaVAE")
    with pytest.raises(LatentryError, match="Did you mean 'beta-vae'"):
        named("beta-va")


def test_published_objectives_differ_as_they_should() -> None:
    rates = {
        beta: latentry.BetaVAE(**(SMALL | {"epochs": 20}), beta=beta)
        .fit(DIGITS[:600])
        .evaluate(DIGITS[:300])["rate"]
        for beta in (0.1, 10.0)
    }
    assert rates[10.0] < rates[0.1]
