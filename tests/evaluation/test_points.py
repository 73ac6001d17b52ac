"""Rows as points, and every figure of a model of a table of mixed columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from latentry import VAE, LatentryError
from latentry.core.columns import errors, located
from latentry.data import Schema
from latentry.data.transforms import Transform
from latentry.evaluation import measures, robustness
from latentry.evaluation.features import choose
from latentry.evaluation.points import MOST_LEVELS, data_points, points


def table(n: int = 80) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "town": rng.choice(["Ulm", "Bonn", "Kiel"], n, p=[0.5, 0.25, 0.25]),
            "income": rng.normal(3000, 500, n).round(2),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
        }
    )
    frame.loc[0, ["town", "income"]] = None
    return frame


@pytest.fixture(scope="module")
def vae() -> VAE:
    return VAE(latent=2, epochs=1, hidden=8, random_state=0).fit(table())


def test_two_levels_are_one_apart_and_numbers_as_on_their_scale(vae: VAE) -> None:
    schema, frame = vae.schema_, table()
    x = Transform.of(schema)(schema.pack(frame))
    made = points(schema, x)
    assert made.shape == (80, 5)
    np.testing.assert_array_equal(data_points(schema, frame)[..., 0], made)
    town = frame["town"].to_numpy()
    pair = [int(np.flatnonzero(town == name)[0]) for name in ("Ulm", "Kiel")]
    numbers = np.diff(x[pair][:, 1:].double().numpy(), axis=0)
    apart = np.linalg.norm(np.diff(made[pair], axis=0))
    assert apart == pytest.approx(np.sqrt(1 + (numbers**2).sum()))
    # What is missing stands at the mean: of a number 0, of levels their shares.
    assert np.sort(made[0] * np.sqrt(2))[1] == 0 and not np.isnan(made).any()
    shares = schema.learned[0].shares
    np.testing.assert_allclose(np.sort(made[0])[2:][:3], np.sort(shares) / np.sqrt(2), atol=1e-6)


def test_of_very_many_levels_the_most_frequent_have_a_place() -> None:
    many = [f"l{i}" for i in range(200)]
    frame = pd.DataFrame({"level": many * 2 + ["l7"] * 5, "x": np.arange(405.0) ** 2})
    schema = Schema.of_table(frame, {"level": "categorical"})
    made = data_points(schema, frame)[..., 0]
    assert made.shape == (405, MOST_LEVELS + 1) and (made[-1] > 0.7).any()


def test_a_level_that_was_hardly_seen_is_no_further_off_than_others() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"town": rng.choice(["Ulm", "Bonn"], 200), "x": rng.normal(size=200)})
    frame.loc[0, "town"], frame.loc[1, "town"] = None, "Kiel"
    schema = Schema.of_table(frame)
    space = choose(data_points(schema, frame.drop(index=1)))
    usual, rare = (
        space(data_points(schema, frame.iloc[[2, 3]].assign(town=["Ulm", other], x=0.0)))
        for other in ("Bonn", "Kiel")
    )
    near, far = (np.linalg.norm(np.diff(pair, axis=0)) for pair in (usual, rare))
    assert far < 2 * near


def test_what_is_no_table_is_left_as_it_is() -> None:
    rows = np.eye(3)
    schema = Schema.infer(rows)
    assert data_points(schema, rows) is rows and data_points(schema, None) is None
    gap = torch.tensor([[1.0, torch.nan], [3.0, 5.0]])
    np.testing.assert_array_equal(points(schema, gap), [[1, 5], [3, 5]])


def test_where_a_row_is_moves_smoothly_with_its_code(vae: VAE) -> None:
    z = torch.zeros(1, 2, requires_grad=True)
    px = vae.model_.decode(z)
    place = located(px)
    # Three levels by the roots of their probabilities, which are 1 in all, and two numbers.
    assert place.shape == (1, 5)
    assert float((2 * place[0, 2:] ** 2).sum().detach()) == pytest.approx(1.0)
    (slope,) = torch.autograd.grad(place.sum(), z)
    assert slope.abs().sum() > 0
    assert located(torch.distributions.Normal(z, 1.0)) is z


def test_the_error_of_a_level_is_one_where_it_is_another(vae: VAE) -> None:
    px = vae.model_.decode(torch.zeros(1, 2))
    wrong = px.mean + torch.tensor([[1.0, 2.0, -3.0]])
    torch.testing.assert_close(errors(px, wrong), torch.tensor([[1.0, 4.0, 9.0]]))
    gap = errors(px, torch.full((1, 3), torch.nan))
    assert gap.isnan().all()


def test_every_group_of_figures_takes_a_table_or_says_why_not(vae: VAE) -> None:
    frame = table()
    kinds = frame["town"].fillna("Ulm").to_numpy()
    found = measures.measure(
        vae, frame, labels=kinds, train=frame, factors={"town": kinds, "odd": np.arange(80) % 2},
        anomalies=kinds == "Kiel", groups="all", draws=2,
    )  # fmt: skip
    lacking = {name for name, value in found["figures"].items() if value is None}
    noise = {f"{a}_psnr_{b:g}" for a in ("noisy", "cleaned") for b in robustness.LEVELS}
    assert lacking == noise | {
        "bits_per_dim", "psnr", "ssim", "agreement", "occluded_psnr", "restored_psnr", "probe_1000",
        "knn_1000", "probe_100", "knn_100",
    }  # fmt: skip
    # The same error as `evaluate` gives.
    assert found["figures"]["mse"] == pytest.approx(vae.evaluate(frame, draws=2)["mse"], rel=1e-5)
    said = " ".join(found["notes"])
    for why in ("PSNR and SSIM are for values of one kind", "Denoising: noise is added to values"):
        assert why in said
    assert len(found["details"]["worst_rows"]) == 8


def test_labels_and_factors_may_be_missing(vae: VAE) -> None:
    frame = table()
    town = frame["town"].to_numpy()
    groups = "reconstruction,latents,disentanglement,samples"
    found = measures.measure(vae, frame, labels=town, factors={"town": town}, groups=groups)
    assert set(found["details"]["mse_per_class"]) == {"Ulm", "Bonn", "Kiel"}
    assert "1 rows of which a factor is missing are left out." in found["notes"]
    assert found["figures"]["probe_all"] is not None


def test_rows_may_be_a_table_or_packed(vae: VAE) -> None:
    frame = table()
    packed = vae.schema_.pack(frame).numpy()
    both = [measures.measure(vae, x, groups="reconstruction")["figures"] for x in (frame, packed)]
    assert both[0] == both[1]


def test_hidden_cells_are_held_to_the_mean_and_the_usual_level(vae: VAE) -> None:
    found = robustness.filling(vae, table(), steps=2, seed=0)
    schema = vae.schema_
    x = Transform.of(schema)(schema.pack(table())).double().numpy()
    hidden = np.random.default_rng(0).random(x.shape) < 0.3
    usual = np.argmax(schema.learned[0].shares)
    off = np.column_stack([np.where(np.isnan(x[:, 0]), np.nan, x[:, 0] != usual), x[:, 1:]])
    expected = np.sqrt(np.nanmean(off[hidden] ** 2))
    assert found["baseline_rmse"] == pytest.approx(expected, rel=1e-5) and found["rmse"] > 0
    with pytest.raises(LatentryError, match="a block is hidden in values of one kind"):
        robustness.occlusion(vae, table())
