from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from latentry import AE, VAE, ConditionalVAE
from latentry.errors import LatentryError
from latentry.evaluation import measures

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(60, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def vae() -> VAE:
    return VAE(latent=2, epochs=1, hidden=8, random_state=0).fit(ROWS)


def test_every_measure_says_what_it_is():
    for name, measure in measures.MEASURES.items():
        assert measure.name == name
        assert measure.group in measures.GROUPS
        assert measure.better in ("higher", "lower", None)
        assert measure.label and measure.unit and measure.about
        if measure.source:
            assert "arXiv" in measure.source or "https://" in measure.source
    assert len({measure.label for measure in measures.MEASURES.values()}) == len(measures.MEASURES)


def test_every_group_has_figures():
    assert [name for group in measures.GROUPS for name in measures.names_of(group)] == list(
        measures.MEASURES
    )
    assert all(measures.names_of(group) for group in measures.GROUPS)


def test_groups_are_read_from_text():
    assert measures.parse_groups("all") == measures.GROUPS
    assert measures.parse_groups(["paths", "likelihood"]) == ("likelihood", "paths")
    with pytest.raises(LatentryError, match=r"'sample' is no group .* Did you mean 'samples'"):
        measures.parse_groups("sample")
    with pytest.raises(LatentryError, match="No measures were named"):
        measures.parse_groups(" , ")


def test_a_group_that_cannot_apply_gives_none_and_says_why(vae):
    found = measures.measure(vae, ROWS, groups="disentanglement")
    assert found["figures"] == dict.fromkeys(measures.names_of("disentanglement"))
    assert "factors are known" in found["notes"][0]


def test_lengths_are_checked(vae):
    with pytest.raises(LatentryError, match="labels has 3 entries for 60 rows"):
        measures.measure(vae, ROWS, labels=[0, 1, 2])
    with pytest.raises(LatentryError, match="one column for each factor"):
        measures.measure(vae, ROWS, factors=np.zeros(60))


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    bunch: Any = load_digits()
    return bunch.images[:400].astype(np.uint8), bunch.target[:400]


@pytest.fixture(scope="module")
def found(digits) -> dict[str, Any]:
    """Every group, on a model of digits that was fitted to half of them."""
    images, labels = digits
    model = VAE(latent=2, epochs=3, hidden=16, net="mlp", random_state=0).fit(images[:200])
    return measures.measure(
        model,
        images[200:],
        labels=labels[200:],
        train=images[:200],
        train_labels=labels[:200],
        factors={"digit": labels[200:], "odd": labels[200:] % 2},
        anomalies=labels[200:] == 7,
        groups="all",
        draws=4,
    )


def test_every_figure_of_every_group_is_found(found):
    assert list(found["figures"]) == list(measures.MEASURES)
    # A thousand labels are more than there are; the likelihood of grey levels here is a density.
    missing = {name for name, value in found["figures"].items() if value is None}
    assert missing == {"probe_1000", "knn_1000", "agreement", "bits_per_dim"}
    assert all(np.isfinite(v) for v in found["figures"].values() if v is not None)
    assert found["units"] == {name: m.unit for name, m in measures.MEASURES.items()}
    assert "classifier" in found["feature_space"]
    assert found["rows"] == 200


def test_figures_fit_together(found):
    f = found["figures"]
    assert f["elbo"] == pytest.approx(-f["distortion"] - f["rate"])
    assert f["index_code_mi"] + f["marginal_kl"] == pytest.approx(f["rate"], rel=1e-4)
    parts = f["total_correlation"] + f["dimension_wise_kl"]
    assert parts == pytest.approx(f["marginal_kl"], rel=1e-4)
    assert set(found["details"]["nll_by_draws"]) == {"1", "4", "40"}
    assert set(found["details"]["mse_per_class"]) == set("0123456789")
    assert len(found["details"]["worst_rows"]) == 8


def test_a_model_without_a_prior_has_no_likelihood_but_all_else(digits):
    images, labels = digits
    model = AE(latent=2, epochs=1, hidden=16, net="mlp", random_state=0).fit(images[:200])
    found = measures.measure(
        model, images[200:], labels=labels[200:], groups="likelihood,reconstruction,samples"
    )
    figures = found["figures"]
    for name in ("elbo", "rate", "nll", "index_code_mi", "effective_draws", "copying"):
        assert figures[name] is None
    for name in ("distortion", "mse", "psnr", "ssim", "frechet", "recall"):
        assert figures[name] is not None
    assert any("no likelihood" in note for note in found["notes"])
    assert any("no training rows" in note for note in found["notes"])


def test_the_error_of_a_reconstruction_is_that_of_the_model_in_every_scale():
    rng = np.random.default_rng(1)
    for rows in (
        rng.normal(size=(50, 3)) * [1, 100, 0.01] + 5,
        rng.random((50, 8, 8, 3), dtype=np.float32),
        rng.normal(size=(50, 3, 8, 9)) * np.array([1, 20, 3])[:, None, None],
    ):
        model = AE(latent=2, epochs=1, hidden=8, net="mlp", random_state=0).fit(rows)
        mine = measures.measure(model, rows, groups=["reconstruction"])["figures"]["mse"]
        assert mine == pytest.approx(model.evaluate(rows)["mse"], rel=1e-4)


def test_conditional_samples_are_asked_for_their_class(digits):
    images, labels = digits
    model = ConditionalVAE(latent=2, epochs=1, hidden=16, net="mlp", random_state=0)
    model.fit(images[:200], condition=labels[:200])
    how: dict[str, Any] = {"condition": labels[200:], "groups": "samples"}
    training: dict[str, Any] = {"train": images[:200], "train_labels": labels[:200]}
    found = measures.measure(model, images[200:], labels=labels[200:], **training, **how)
    assert 0 <= found["figures"]["agreement"] <= 1
    found = measures.measure(model, images[200:], **how)
    assert found["figures"]["agreement"] is None
    assert "Agreement" in found["notes"][-1]


def test_a_figure_that_is_refused_is_told_and_the_others_stay(vae):
    found = measures.measure(vae, ROWS, groups="robustness", anomalies=np.zeros(60, bool))
    assert found["figures"]["auroc_kl"] is None
    assert found["figures"]["filling_rmse"] > 0
    assert any(note.startswith("Detection: ") for note in found["notes"])


def test_what_limits_the_parts_of_the_rate_is_said():
    parts: dict[str, Any] = {"rows": 100, "index_code_mi": 4.6}
    at_ceiling = measures._about_parts(parts, 100)
    assert len(at_ceiling) == 1 and "ceiling, the log of 100 rows" in at_ceiling[0]
    assert measures._about_parts({**parts, "index_code_mi": 1.0}, 100) == []
    assert "those of 100 rows" in measures._about_parts({**parts, "index_code_mi": 1.0}, 101)[0]
    assert "no parts" in measures._about_parts({**parts, "index_code_mi": None}, 100)[0]
