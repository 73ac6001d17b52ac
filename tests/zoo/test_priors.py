"""What the contract cannot know of models whose prior is learned."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from sklearn.datasets import load_digits

import latentry
from latentry import ExemplarVAE, Interrupted
from latentry.core.exemplars import ExemplarPrior
from latentry.training.progress import Silent

DIGITS, LABELS = load_digits(return_X_y=True)
SMALL: dict[str, Any] = {
    "latent": 2,
    "hidden": (16,),
    "epochs": 3,
    "random_state": 0,
    "precision": "float32",
}


def prior_of(model: latentry.Estimator) -> ExemplarPrior:
    prior = model.model_.get_submodule("prior")
    assert isinstance(prior, ExemplarPrior)
    return prior


@pytest.mark.parametrize("condition", [None, LABELS[:200]])
def test_what_is_kept_are_the_codes_of_the_training_rows(condition, tmp_path: Path) -> None:
    model = ExemplarVAE(**SMALL).fit(DIGITS[:200], condition=condition, folder=tmp_path / "run")
    held_out = round(200 * model.valid)
    rows, _ = latentry.fitting.split(200, model.valid, model.seed_)
    given = None if condition is None else condition[rows]
    codes = model.transform(DIGITS[rows], condition=given)
    np.testing.assert_allclose(prior_of(model).means, codes, rtol=1e-4, atol=1e-5)
    saved = safetensors.torch.load_file(tmp_path / "run" / "model.safetensors")
    assert saved["model.prior.means"].shape == (200 - held_out, 2)
    assert not [name for name in saved if "rows" in name]
    again = latentry.load(tmp_path / "run")
    kwargs: dict[str, Any] = {} if condition is None else {"condition": [0] * 5}
    np.testing.assert_array_equal(again.sample(5, **kwargs), model.sample(5, **kwargs))


def test_so_many_rows_are_exemplars_as_were_asked_for() -> None:
    model = ExemplarVAE(**SMALL, exemplars=7)
    numbers = model.number_rows(20)
    assert sorted(numbers[numbers >= 0]) == list(range(7))
    assert numbers[[0, -1]].tolist() == [0, 6]
    assert len(prior_of(model.fit(DIGITS[:100])).means) == 7


def test_codes_gather_around_the_exemplars() -> None:
    # A density of codes that were held out is higher by the exemplars than by one Gaussian.
    model = ExemplarVAE(**(SMALL | {"epochs": 30, "hidden": (32,), "batch_size": 64})).fit(
        DIGITS[:500]
    )
    codes = torch.from_numpy(model.transform(DIGITS[500:800]))
    prior = prior_of(model)
    broad = torch.distributions.Normal(prior.means.mean(0), prior.means.std(0))
    with torch.no_grad():
        gain = prior().log_prob(codes).mean() - broad.log_prob(codes).sum(1).mean()
    assert float(gain) > 0
    assert float(prior.log_scale().detach().exp()) < float(prior.means.std(0).mean())


class Press(Silent):
    """Presses Ctrl-C after the first epoch."""

    def epoch(self, row) -> None:
        if row["epoch"] == 1:
            os.kill(os.getpid(), signal.SIGINT)


def test_a_run_that_is_taken_up_again_ends_with_the_same_exemplars(tmp_path: Path) -> None:
    whole = ExemplarVAE(**SMALL).fit(DIGITS[:200])
    with pytest.raises(Interrupted):
        ExemplarVAE(**SMALL).fit(DIGITS[:200], folder=tmp_path / "r", progress=Press())
    resumed = ExemplarVAE(**SMALL).fit(DIGITS[:200], folder=tmp_path / "r")
    ours, theirs = whole.model_.state_dict(), resumed.model_.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize(("field", "value"), [("exemplars", 1), ("neighbours", 0), ("share", 1.5)])
def test_fields_that_cannot_be(field: str, value: Any) -> None:
    with pytest.raises(latentry.LatentryError, match=field):
        ExemplarVAE(**(SMALL | {field: value})).fit(DIGITS[:50])
