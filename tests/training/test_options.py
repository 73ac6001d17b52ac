from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from latentry.errors import LatentryError
from latentry.training import Options


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"epochs": 0}, "epochs=0: it is a whole number of at least 1."),
        ({"epochs": 2.5}, "epochs=2.5: it is a whole number of at least 1."),
        ({"batch_size": True}, "batch_size=True: it is a whole number of at least 1."),
        ({"seed": -1}, "seed=-1: it is a whole number of at least 0."),
        ({"lr": 0}, "lr=0: it is a number above 0."),
        ({"lr": math.nan}, "lr=nan: it is a number above 0."),
        ({"lr": "fast"}, "lr='fast': it is a number above 0."),
        ({"weight_decay": -1}, "weight_decay=-1: it is a number of at least 0."),
        ({"lr_warmup": 2}, "lr_warmup=2: it is a number between 0 and 1."),
        ({"ema": 1.5}, "ema=1.5: it is a number between 0 and 1."),
        ({"clip": 0}, "clip=0: it is a number above 0."),
        ({"patience": 0}, "patience=0: it is a whole number of at least 1."),
        ({"compile": "yes"}, "compile='yes': it is True, False or 'auto'."),
        (
            {"optimizer": "adm"},
            "optimizer='adm' is unknown: it is one of adam, adamw, rmsprop. Did you mean 'adam'?",
        ),
        (
            {"device": "gpu"},
            "device='gpu' is unknown: it is one of auto, cpu, cuda, mps. Did you mean 'cpu'?",
        ),
    ],
)
def test_a_value_that_makes_no_sense_is_named(given: dict, sentence: str):
    with pytest.raises(LatentryError) as error:
        Options(**given)
    assert str(error.value) == sentence


def test_numbers_of_numpy_count_as_numbers():
    options = Options(epochs=np.int64(3), lr=np.float32(0.5))  # pyright: ignore[reportArgumentType]
    assert options.to_dict()["epochs"] == 3
    assert Options(device="cuda:1").device == "cuda:1"


def test_the_rate_rises_then_falls_like_a_cosine():
    options = Options(lr=2.0, schedule="cosine", lr_warmup=0.25)
    rates = [options.rate(step, 16) for step in range(16)]
    assert rates[:5] == [0.5, 1.0, 1.5, 2.0, 2.0]
    assert rates[10] == pytest.approx(1.0)
    assert all(a > b for a, b in itertools.pairwise(rates[4:]))
    assert 0 < rates[-1] < 0.05
    assert {Options(lr=2.0).rate(step, 16) for step in range(16)} == {2.0}
