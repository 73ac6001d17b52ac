from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from latentry.errors import LatentryError
from latentry.evaluation import features
from latentry.evaluation.features import (
    ClassifierFeatures,
    InceptionFeatures,
    PCAFeatures,
    Pixels,
    choose,
)


def blobs(n: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three classes of 4 x 4 images that lie far apart, with their labels 0, 1, 2."""
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    centres = np.random.default_rng(7).normal(size=(3, 4, 4)) * 3
    return centres[y] + rng.normal(size=(n, 4, 4)), y


def test_pixels_are_the_flattened_values() -> None:
    x = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    found = Pixels()(x)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, x.reshape(2, 12))
    with pytest.raises(LatentryError, match="missing entries.*fill them, or use PCAFeatures"):
        Pixels()(np.array([[1.0, np.nan]]))


def test_principal_components_keep_distances_up_to_one_number() -> None:
    x, _ = blobs()
    found = PCAFeatures(x, n=16)(x)  # all 16: a rotation
    flat = x.reshape(len(x), -1)
    ratio = np.linalg.norm(found[1:] - found[:-1], axis=1) / np.linalg.norm(
        flat[1:] - flat[:-1], axis=1
    )
    np.testing.assert_allclose(ratio, ratio[0])
    assert found.var(0).mean() == pytest.approx(1)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-12)


def test_principal_components_find_the_plane_that_the_data_lie_in() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(200, 2)) * [3, 1]
    basis, _ = np.linalg.qr(rng.normal(size=(9, 2)))
    x = (z @ basis.T).reshape(-1, 3, 3)
    space = PCAFeatures(x, n=2)
    assert space.name == "PCA (2 components, 100% of the variance)"
    found = space(x)
    within = (z[:, None] - z[None]) ** 2
    scale = (z.var(0).sum()) / 2
    np.testing.assert_allclose(
        ((found[:, None] - found[None]) ** 2).sum(-1), within.sum(-1) / scale, atol=1e-9
    )


def test_components_do_not_depend_on_units() -> None:
    x, _ = blobs()
    np.testing.assert_allclose(PCAFeatures(x)(x), PCAFeatures(x * 255 + 3)(x * 255 + 3), atol=1e-9)
    columns = x.reshape(len(x), -1)
    units = np.logspace(-2, 3, 16)
    one, other = PCAFeatures(columns)(columns), PCAFeatures(columns * units)(columns * units)
    np.testing.assert_allclose(np.abs(one), np.abs(other), atol=1e-8)


def test_no_more_components_than_the_rows_allow_and_constants_do_no_harm() -> None:
    x, _ = blobs(6)
    assert PCAFeatures(x, n=50)(x).shape == (6, 5)
    same = np.ones((4, 3))
    np.testing.assert_array_equal(PCAFeatures(same)(same), 0)


def test_a_missing_entry_stands_at_its_columns_mean() -> None:
    x, _ = blobs()
    flat = x.reshape(len(x), -1)
    space = PCAFeatures(flat)
    gap, filled = flat[:1].copy(), flat[:1].copy()
    gap[0, 3], filled[0, 3] = np.nan, flat[:, 3].mean()
    np.testing.assert_allclose(space(gap), space(filled))
    holed = flat.copy()
    holed[::7, 2] = np.nan
    assert np.isfinite(PCAFeatures(holed)(holed)).all()


def test_the_classifier_tells_classes_apart_on_rows_it_has_not_seen() -> None:
    x, y = blobs()
    space = ClassifierFeatures(x, y)
    assert space.accuracy > 0.97
    assert space.name == f"classifier (3 classes, {space.accuracy:.1%} right on held-out rows)"
    fresh, truth = blobs(seed=1)
    assert (space.predict(fresh) == truth).mean() > 0.97
    np.testing.assert_allclose(space.predict_proba(fresh).sum(1), 1, rtol=1e-5)
    assert "cannot be held against published FIDs" in space.note


def test_accuracy_is_chance_where_there_is_nothing_to_learn() -> None:
    rng = np.random.default_rng(0)
    space = ClassifierFeatures(rng.normal(size=(1000, 5)), rng.integers(2, size=1000))
    assert abs(space.accuracy - 0.5) < 4 * 0.5 / np.sqrt(200)


def test_its_features_are_what_its_last_layer_reads() -> None:
    x, y = blobs()
    space = ClassifierFeatures(x, y)
    found = space(x)
    assert found.shape == (300, 64)
    hidden = found * space._unit.scale + space._unit.mean
    logits = hidden @ space._net.coefs_[-1] + space._net.intercepts_[-1]
    odds = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_allclose(odds / odds.sum(1, keepdims=True), space.predict_proba(x), atol=1e-5)


def test_the_same_seed_gives_the_same_classifier() -> None:
    x, y = blobs(100)
    one, again, other = (ClassifierFeatures(x, y, seed)(x) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(one, other)


def test_labels_may_be_text_and_have_gaps() -> None:
    x, y = blobs()
    names = np.array(["cat", "dog", "emu"])
    labels = names[y].astype(object)
    labels[::10] = None
    space = ClassifierFeatures(x, labels)
    assert space.classes == ("cat", "dog", "emu")
    assert (space.predict(x) == names[y]).mean() > 0.97
    assert space.is_class(x, "dog").mean() == pytest.approx((y == 1).mean(), abs=0.02)


def test_every_fifth_row_of_each_class_is_held_out() -> None:
    y = np.array([0] * 11 + [1] * 4 + [0] * 4)
    held = features._rank_in_class(y) % 5 == 4
    assert np.flatnonzero(held).tolist() == [4, 9, 18]


def test_what_a_classifier_cannot_learn_from() -> None:
    x, y = blobs(30)
    with pytest.raises(LatentryError, match="29 labels for 30 rows"):
        ClassifierFeatures(x, y[:29])
    with pytest.raises(LatentryError, match="The largest class has 2 rows.*at least 5"):
        ClassifierFeatures(x[:6], [0, 0, 1, 1, 2, 2])
    space = ClassifierFeatures(x, y)
    with pytest.raises(LatentryError, match="9 values each.*samples with 16"):
        space(np.zeros((2, 3, 3)))
    with pytest.raises(LatentryError, match="Unknown class '3'"):
        space.is_class(x, 3)
    with pytest.raises(LatentryError, match="missing; give a class for every sample"):
        space.is_class(x[:2], ["0", None])
    with pytest.raises(LatentryError, match="infinite"):
        space(np.full((1, 4, 4), np.inf))


def test_the_space_that_suits_the_labels_is_chosen() -> None:
    x, y = blobs(100)
    assert isinstance(choose(x, y), ClassifierFeatures)
    few = np.arange(100) % 30  # three rows each
    assert all(
        isinstance(choose(x, labels), PCAFeatures)
        for labels in (None, few, np.zeros(100, int), np.linspace(0, 1, 100))
    )


class Means(nn.Module):
    """Stands in for Inception: the mean level of each channel."""

    def forward(self, x: Tensor, return_features: bool = False) -> Tensor:
        means = x.to(torch.float32).mean(dim=(2, 3))
        return means if return_features else means.sum(1, keepdim=True)


class Wrong(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.to(torch.float32).mean()


class Picky(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(len(x), 7)


def scripted(net: nn.Module, path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the format outlives its writer
        torch.jit.save(torch.jit.script(net), str(path))
    return path


def test_a_network_from_a_file_sees_levels_of_three_channels(tmp_path: Path) -> None:
    space = InceptionFeatures(scripted(Means(), tmp_path / "net.pt"), highest=1.0)
    colour = np.zeros((70, 2, 2, 3))
    colour[:, ..., 1], colour[:, ..., 2] = 1.0, 0.2
    np.testing.assert_allclose(space(colour), np.tile([0, 255, 51], (70, 1)))
    np.testing.assert_allclose(space(np.full((2, 5, 5), 0.2)), np.full((2, 3), 51))
    eight_bit = InceptionFeatures(tmp_path / "net.pt")
    np.testing.assert_allclose(eight_bit(np.full((1, 2, 2), 9, np.uint8)), [[9, 9, 9]])
    assert space.name.startswith("network net.pt (sha256 ")
    assert "2015-12-05" in space.note and "50,000" in space.note


def test_two_networks_have_two_names(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    one = InceptionFeatures(scripted(Means(), tmp_path / "net.pt"))
    other = InceptionFeatures(scripted(Wrong(), tmp_path / "a" / "net.pt"))
    assert one.name != other.name


def test_what_the_network_cannot_take_is_said(tmp_path: Path) -> None:
    with pytest.raises(LatentryError, match="There is no file .*none.pt; give a TorchScript"):
        InceptionFeatures(tmp_path / "none.pt")
    (tmp_path / "text.pt").write_text("not a network")
    with pytest.raises(LatentryError, match="text.pt is no TorchScript file"):
        InceptionFeatures(tmp_path / "text.pt")
    space = InceptionFeatures(scripted(Means(), tmp_path / "net.pt"))
    with pytest.raises(LatentryError, match=r"need images.*got the shape \(3, 5\)"):
        space(np.zeros((3, 5)))
    with pytest.raises(LatentryError, match="missing or infinite"):
        space(np.full((1, 4, 4), np.nan))
    with pytest.raises(LatentryError, match="highest=0"):
        InceptionFeatures(tmp_path / "net.pt", highest=0)
    wrong = InceptionFeatures(scripted(Wrong(), tmp_path / "wrong.pt"))
    with pytest.raises(LatentryError, match="does not return one row of features"):
        wrong(np.zeros((2, 4, 4)))
    picky = InceptionFeatures(scripted(Picky(), tmp_path / "picky.pt"))
    with pytest.raises(LatentryError, match=r"refused images of the shape \(2, 3, 4, 4\)"):
        picky(np.zeros((2, 4, 4)))
