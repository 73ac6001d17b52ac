from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from latentry import AE, VAE, AnnealedVAE, BetaVAE, DenoisingAE
from latentry.data import Schema
from latentry.errors import LatentryError
from latentry.tuning import Choice, Range, default_space, parse_space
from latentry.tuning.space import check_space, text_of

ROWS = np.random.default_rng(0).normal(size=(50, 30))
SCHEMA = Schema.infer(ROWS)


def test_the_default_space_has_what_is_worth_a_search():
    space = default_space(VAE(), SCHEMA, 10_000)
    assert list(space) == ["latent", "lr", "hidden", "batch_size"]
    assert space["latent"] == Range(2, 30, whole=True, log=True)
    assert space["hidden"] == Choice((None, (200,), (800,), (400, 200)))
    assert space["batch_size"] == Choice((32, 64, 128, 256))
    assert default_space(VAE(), SCHEMA, 100)["batch_size"] == Choice((32, 64, 128))


def test_images_search_the_channels_of_the_network_that_suits_them():
    images = Schema.infer(np.random.default_rng(0).integers(0, 256, (9, 28, 28), dtype=np.uint8))
    net_chosen = default_space(VAE(net="conv"), images, 1000)["hidden"]
    assert isinstance(net_chosen, Choice)
    assert all(each is None or len(each) >= 2 for each in net_chosen.values)
    assert default_space(VAE(net="mlp"), images, 1000)["latent"].high == 64  # type: ignore[union-attr]


def test_a_model_adds_its_own_fields():
    assert default_space(BetaVAE(), SCHEMA, 1000)["beta"] == Range(0.1, 10, log=True)
    assert default_space(DenoisingAE(), SCHEMA, 1000)["level"] == Range(0.05, 0.6, log=True)
    assert default_space(AnnealedVAE(), SCHEMA, 1000)["warmup"] == Range(0, 0.8)
    assert "warmup" not in default_space(VAE(), SCHEMA, 1000)


def test_a_field_that_was_given_stays():
    space = default_space(BetaVAE(beta=2, hidden=64), SCHEMA, 1000)
    assert "beta" not in space and "hidden" not in space


def test_every_default_space_starts_from_the_defaults_and_can_be_drawn_from():
    import latentry

    for cls in latentry.models().values():
        for name, each in default_space(cls(), SCHEMA, 1000).items():
            default = each.encode(getattr(cls(), name))
            assert default is not None or getattr(cls(), name) > SCHEMA.features, (cls, name)
            assert default is None or each.distribution()._contains(
                each.distribution().to_internal_repr(default)
            )


def test_ranges_and_choices_go_to_and_fro():
    assert Range(0.1, 1).encode(2) is None
    assert Range(0, 1).encode(True) is None
    assert Range(1, 8, whole=True).decode(Range(1, 8, whole=True).encode(3)) == 3
    choice = Choice((None, (400, 200), 64, "conv"))
    assert [choice.decode(choice.encode(v)) for v in choice.values] == list(choice.values)
    assert choice.encode((1, 2)) is None
    assert [text_of(v) for v in choice.values] == ["auto", "400x200", "64", "conv"]


def test_a_space_as_it_is_given():
    est = BetaVAE()
    given: dict[str, Any] = {
        "latent": (2, 8), "lr": (1e-4, 1e-2), "hidden": [64, [400, 200]], "clip": (0.5, 4),
        "net": ["mlp", "conv"],
    }  # fmt: skip
    space = check_space(est, given)
    assert space["latent"] == Range(2, 8, whole=True)
    assert space["lr"] == Range(1e-4, 1e-2, log=True)
    assert space["hidden"] == Choice((64, (400, 200)))
    assert space["clip"] == Range(0.5, 4)


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({"betta": (0.1, 1)}, "no field 'betta' to search. Did you mean 'beta'"),
        ({"valid": (0.1, 0.2)}, "valid cannot be searched: every trial must be judged"),
        ({"likelihood": ["gaussian", "bernoulli"]}, "likelihood cannot be searched"),
        ({"lr": (1e-2, 1e-4)}, "give the smaller number first"),
        ({"latent": (2.5, 8)}, "latent takes whole numbers"),
        ({"lr": "fast"}, "no range and no list"),
        ({"lr": []}, "no range and no list"),
        ({}, "the space is empty"),
    ],
)
def test_a_space_that_cannot_be(space, words):
    with pytest.raises(LatentryError) as caught:
        check_space(BetaVAE(), space)
    assert words in str(caught.value)


def test_a_space_as_it_is_typed():
    text = "lr=1e-4..1e-2, latent=2..64,batch-size=32|64,net=mlp|conv,hidden=none|400x200,ema=0.9"
    assert parse_space(text) == {
        "lr": (1e-4, 1e-2),
        "latent": (2, 64),
        "batch_size": [32, 64],
        "net": ["mlp", "conv"],
        "hidden": [None, (400, 200)],
        "ema": [0.9],
    }
    assert check_space(AE(), parse_space("latent=2..64"))["latent"] == Range(
        2, 64, whole=True, log=True
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lr", "'lr' is no part of a space"),
        ("lr=", "is no part of a space"),
        ("lr=a..1", "'a' is no number"),
        ("hidden=4x", "hidden=4x is no list of sizes"),
    ],
)
def test_a_space_that_is_mistyped(text, words):
    with pytest.raises(LatentryError) as caught:
        parse_space(text)
    assert words in str(caught.value)
