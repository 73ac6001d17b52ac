from __future__ import annotations

import sys

import numpy as np
import pytest
from sklearn.datasets import load_wine

from latentry import VAE, LatentryError, SequenceVAE
from latentry.report import figures
from latentry.report.figures import choose_pairs
from latentry.report.pairs import prior_predictive
from latentry.report.views import Groups, one_of_each

HISTORY = [
    {"epoch": k, "loss": 9.0 / k, "distortion": 8.0 / k, "rate": 1.0 / k, "valid_bound": -9.5 / k}
    for k in (1, 2, 3)
]


def text_of(picture) -> str:
    return " ".join(t.get_text() for t in picture.findobj(lambda a: hasattr(a, "get_text")))


def tiles(picture, n: int) -> np.ndarray:
    """The mean brightness of each of n x n images of a picture."""
    array = np.asarray(picture.axes[0].images[0].get_array())[..., 0].astype(float)
    side = array.shape[0] // n
    return array.reshape(n, side, n, side).mean((1, 3))


# ----------------------------------------------------------------------------------------- training


def test_the_loss_has_its_parts_and_says_its_unit():
    picture = figures.loss_curves(HISTORY)
    assert len(picture.axes) == 3
    assert {ax.get_ylabel() for ax in picture.axes} == {"nats"}
    held_out = picture.axes[0].lines[1].get_ydata()
    assert np.allclose(held_out, [9.5, 9.5 / 2, 9.5 / 3])  # the loss is minus the bound
    assert "best at epoch 3" in picture.caption


def test_a_model_without_a_rate_has_one_curve(ae):
    picture = figures.loss_curves(ae.history_)
    assert len(picture.axes) == 1
    assert "no rate" in picture.caption


def test_no_history_is_an_error():
    with pytest.raises(LatentryError, match="no epochs"):
        figures.loss_curves([])


def test_kl_is_sorted_and_unused_dimensions_are_counted():
    picture = figures.latent_kl({"latent_kl": [0.001, 2.0, 0.5]})
    assert [bar.get_height() for bar in picture.axes[0].patches] == [2.0, 0.5, 0.001]
    assert [t.get_text() for t in picture.axes[0].get_xticklabels()] == ["1", "2", "0"]
    assert "together 2.5 nats" in picture.caption
    assert "1 of them" in picture.caption


def test_a_model_without_kl_is_refused_in_words():
    with pytest.raises(LatentryError, match="no prior"):
        figures.latent_kl({"latent_kl": None})


# ------------------------------------------------------------------------------------ latent space


def test_the_manifold_grows_to_the_right_and_upwards(vae, monkeypatch):
    def decode(z, condition=None):
        assert np.allclose(np.abs(z).max(), 1.6449, atol=1e-3)  # the quantile of 0.95
        shade = (z[:, 0] * 2 + z[:, 1] + 5) / 10
        return np.broadcast_to(shade[:, None, None], (len(z), 8, 8))

    monkeypatch.setattr(vae, "inverse_transform", decode)
    shades = tiles(figures.manifold(vae, n=5), 5)
    assert (np.diff(shades, axis=1) > 0).all()  # to the right
    assert (np.diff(shades, axis=0) < 0).all()  # from the top down
    assert np.diff(shades, axis=1).mean() > -np.diff(shades, axis=0).mean()


def test_a_manifold_needs_two_dimensions(wide_vae):
    with pytest.raises(LatentryError, match="latent=5"):
        figures.manifold(wide_vae)


def test_a_map_of_two_dimensions_shows_the_codes_themselves(vae, digits):
    x, y = digits
    picture = figures.latent_map(vae, x, y)
    shown = np.asarray(picture.axes[0].collections[0].get_offsets())
    codes = vae.transform(x)
    order = np.lexsort(codes.T)
    assert np.allclose(shown[np.lexsort(shown.T)], codes[order], atol=1e-5)
    assert "latent dimensions themselves" in picture.caption
    assert all(f" {k} " in f" {text_of(picture)} " for k in range(10))


def test_a_map_of_more_dimensions_says_what_it_shows(wide_vae, digits):
    caption = figures.latent_map(wide_vae, digits[0]).caption
    assert "first two principal components of the 5-dimensional codes" in caption


def test_the_map_prefers_two_dimensions_that_keep_labels_apart(wide_vae, digits, monkeypatch):
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(120, 5)) * [9, 9, 1, 1, 1]
    y = (codes[:, 2] > 0).astype(int)
    codes[:, 2] += 4 * y
    monkeypatch.setattr(wide_vae, "transform", lambda x, condition=None: codes)
    picture = figures.latent_map(wide_vae, digits[0], y, evaluation={"latent_kl": [0, 0, 3, 2, 0]})
    assert "the two of highest KL" in picture.caption
    assert (picture.axes[0].get_xlabel(), picture.axes[0].get_ylabel()) == ("z₂", "z₃")


def test_one_latent_dimension_is_a_histogram(digits):
    est = VAE(latent=1, epochs=1, hidden=8, compile=False).fit(digits[0])
    assert "one latent dimension" in figures.latent_map(est, *digits).caption


@pytest.mark.parametrize("labels", [np.linspace(0, 1, 120), [f"name {k}" for k in range(120)]])
def test_labels_that_are_no_few_classes_do_not_become_a_legend(vae, digits, labels):
    picture = figures.latent_map(vae, digits[0], labels)
    assert not picture.legends
    assert "value of their label" in picture.caption or "too many to colour" in picture.caption


# ---------------------------------------------------------------------------------- data and model


def test_every_class_is_among_the_reconstructions(digits):
    y = digits[1]
    assert set(y[one_of_each(y, len(y), 10)]) == set(range(10))


def test_reconstructions_stand_below_their_originals(vae, digits, monkeypatch):
    monkeypatch.setattr(vae, "reconstruct", lambda x, condition=None: 1 - np.asarray(x))
    picture = figures.reconstructions(vae, *digits)
    array = np.asarray(picture.axes[0].images[0].get_array()).astype(int)
    side = (array.shape[1] + 4) // 10
    above, below = array[: side - 4, : side - 4, 0], array[side : 2 * side - 4, : side - 4, 0]
    assert np.abs(above + below - 255).max() <= 1


def test_a_denoising_model_shows_what_it_was_given(denoiser, digits):
    picture = figures.reconstructions(denoiser, *digits)
    assert "noisy" in text_of(picture)
    assert "noise added" in picture.caption


def test_samples_say_where_their_codes_come_from(vae, ae):
    assert "from the prior" in figures.samples(vae, 10).caption
    assert "Gaussian mixture fitted to the codes" in figures.samples(ae, 10).caption


def test_a_conditional_model_has_a_row_for_each_class(conditional):
    picture = figures.samples(conditional)
    labels = [t.get_text() for t in picture.texts]
    assert labels == [str(k) for k in range(10)]


def test_paths_join_different_labels_or_the_same_condition():
    labels = np.repeat([0, 1, 2], 20)
    apart = choose_pairs(labels, 60)
    assert len(apart) == 3
    assert all(labels[i] != labels[j] for i, j in apart)
    alike = choose_pairs(labels, 60, same=labels)
    assert all(labels[i] == labels[j] and i != j for i, j in alike)
    assert choose_pairs(None, 2) in ([(0, 1)], [(1, 0)])


def test_the_ends_of_a_path_are_the_reconstructions(vae, digits):
    x = digits[0]
    picture = figures.interpolation(vae, x, 3, 7, steps=4)
    array = np.asarray(picture.axes[0].images[0].get_array())[..., 0] / 255
    side = (array.shape[1] + 4) // 4
    zoom = (side - 4) // 8
    ends = [array[zoom // 2 :: zoom, k * side + zoom // 2 :: zoom][:8, :8] for k in (0, 3)]
    assert np.allclose(ends, np.clip(vae.reconstruct(x[[3, 7]]), 0, 1), atol=3e-3)


def test_the_learned_density_integrates_to_one(plane):
    step = 0.1
    axis = np.arange(-9, 9, step)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    total = prior_predictive(plane, grid, codes=256).sum() * step**2
    assert total == pytest.approx(1, abs=0.01)


def test_the_learned_density_is_what_the_scores_say(plane, moons):
    x = moons[0][:50]
    p = np.log(prior_predictive(plane, x, codes=8192))
    assert np.abs(p - plane.score_samples(x, draws=500)).mean() < 0.05


def test_the_density_stands_beside_the_points(plane, moons):
    picture = figures.density(plane, moons[0])
    assert "300 points of the data" in picture.caption
    assert "density per unit area" in text_of(picture)


def test_a_table_keeps_its_column_names(table, wine):
    picture = figures.reconstructions(table, wine)
    assert {"alcohol", "malic_acid"} <= {ax.get_title("left") for ax in picture.axes}
    assert "first 12 of 13 columns" in picture.caption
    pairs = figures.pair_plot(table, wine)
    assert "4 of 13 columns most correlated" in pairs.caption


def test_missing_entries_are_left_out(wine):
    holed = wine.copy()
    holed.iloc[::3, 2] = np.nan
    est = VAE(latent=2, epochs=1, hidden=8, compile=False).fit(holed)
    for picture in (
        figures.reconstructions(est, holed),
        figures.pair_plot(est, holed),
        figures.correlations(est, holed),
    ):
        picture.draw_without_rendering()


def test_long_rows_in_one_unit_are_curves_and_others_are_a_table():
    t = np.linspace(0, 6, 30, dtype=np.float32)
    waves = np.sin(t + np.linspace(0, 3, 40, dtype=np.float32)[:, None])
    options = {"latent": 2, "epochs": 1, "hidden": 8, "compile": False}
    curves = VAE(**options).fit(waves)
    assert "above" in figures.samples(curves, x=waves).caption
    wine = load_wine().data
    table = VAE(**options).fit(wine)
    assert "diagonal" in figures.samples(table, x=wine).caption


@pytest.mark.parametrize("channels", [0, 1, 3])
def test_series_are_drawn_as_lines_one_channel_after_another(channels):
    t = np.linspace(0, 6, 9)[:, None] + np.arange(max(channels, 1))
    waves = np.sin(t + np.linspace(0, 3, 40)[:, None, None]) * [1, 10, 100][: max(channels, 1)]
    waves[::4, 6:] = np.nan  # shorter series
    waves[:, 8] = np.nan
    waves = waves if channels else waves[..., 0]
    est = SequenceVAE(latent=2, epochs=1, hidden=4, compile=False, random_state=0).fit(waves)
    pictures = [
        figures.reconstructions(est, waves),
        figures.samples(est, x=waves),
        figures.interpolation(est, waves),
        figures.manifold(est, 3, x=waves),
    ]
    for picture in pictures:
        picture.draw_without_rendering()
    data, model = pictures[0].axes[0].lines
    for line, array in ((data, waves), (model, est.reconstruct(waves))):
        shown = np.asarray(line.get_ydata())
        assert len(shown) == 9 * max(channels, 1) + max(channels - 1, 0)
        if channels < 2:
            rows = array.reshape(40, 9)
        else:  # a channel's line is the channel, in its own standard deviations
            shown = shown[20:29]
            rows = (array[..., 2] - np.nanmean(waves[..., 2])) / np.nanstd(waves[..., 2])
        away = np.abs(np.nan_to_num(rows, nan=-99) - np.nan_to_num(shown, nan=-99)).max(1)
        assert away.min() < 1e-4
    unit = "standard deviations of each channel" if channels == 3 else "units of the data"
    assert unit in pictures[0].caption
    assert unit in pictures[1].caption
    assert ("channel 2" in text_of(pictures[2])) == (channels == 3)


def test_groups_are_few_whole_or_named():
    assert Groups.of([1.0, 2.0, 1.0]).names == ("1", "2")
    assert Groups.of(["b", "a"]).names == ("a", "b")
    assert Groups.of([True, False]).names == ("False", "True")
    assert Groups.of([0.5, 1.5]) is None
    assert Groups.of(range(50)) is None
    assert Groups.of(None) is None


def test_figures_leave_pyplot_alone(vae, digits):
    figures.latent_map(vae, *digits)
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []
