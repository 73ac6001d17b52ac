from __future__ import annotations

import pytest

from latentry import AE, VAE, BetaVAE, LatentryError
from latentry.comparing.entrants import entrants, folder_of, names, split_names


def test_models_by_name_class_and_estimator_are_named_by_what_sets_them_apart() -> None:
    given = ["vae", "beta-vae:beta=8,latent=4", AE, BetaVAE(beta=2.0, epochs=7), VAE(hidden=(8, 4))]
    found = entrants(given, {"latent": 3})
    assert names(found) == [
        "vae", "beta-vae:beta=8,latent=4", "ae", "beta-vae:beta=2.0", "vae:hidden=8x4"
    ]  # fmt: skip
    assert [each.estimator.latent for each in found] == [3, 4, 3, 3, 3]
    assert found[4].estimator.hidden == (8, 4)


def test_the_comparison_sets_epochs_and_seed_and_leaves_the_entrant_alone() -> None:
    (one,) = entrants(BetaVAE(beta=2.0, epochs=7), {})
    made = one.make(5, 11)
    assert (made.epochs, made.random_state, made.beta) == (5, 11, 2.0)
    assert one.make(None, 0).epochs == VAE().epochs


def test_text_becomes_what_the_field_holds() -> None:
    (one,) = entrants("vae:hidden=40x20,clip=none,lr=1e-2,likelihood=gaussian:sigma=0.1", {})
    est = one.estimator
    assert (est.hidden, est.clip, est.lr) == ((40, 20), None, 0.01)
    assert est.likelihood == "gaussian:sigma=0.1"


def test_a_comma_parts_models_or_fields() -> None:
    text = "ae, vae:latent=2,likelihood=gaussian:sigma=0.1,beta-vae:beta=4"
    assert split_names(text) == [
        "ae", "vae:latent=2,likelihood=gaussian:sigma=0.1", "beta-vae:beta=4"
    ]  # fmt: skip


def test_folders_hold_no_character_that_a_path_could_trip_over() -> None:
    assert folder_of("vae:hidden=8x4,lr=0.01") == "vae-hidden-8x4-lr-0.01"
    assert folder_of("../up:x=/etc") == "up-x-etc"


@pytest.mark.parametrize(
    ("models", "fields", "words"),
    [
        (["vaee"], {}, "Did you mean 'vae'?"),
        (["beta-vae:bta=4"], {}, "Did you mean 'beta'?"),
        (["vae"], {"beta": 4}, "the model vae has no field 'beta'"),
        (["beta-vae:beta=high"], {}, "beta=high of the model beta-vae is no number"),
        (["beta-vae:beta"], {}, "'beta' of the model 'beta-vae:beta' is no field"),
        (["vae:epochs=3"], {}, "epochs is set by the comparison"),
        (["vae", "ae", "VAE"], {}, "the model vae is given twice"),
        ([], {}, "no model was given"),
        ([3], {}, "3 is no model"),
    ],
)
def test_mistakes(models: list, fields: dict, words: str) -> None:
    with pytest.raises(LatentryError) as caught:
        entrants(models, fields)
    assert words in str(caught.value)
