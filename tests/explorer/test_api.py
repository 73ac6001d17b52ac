"""The API against what the estimator itself says."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from latentry import VAE, LatentryError, load
from latentry.data import load as load_data
from latentry.explorer.app import create
from latentry.explorer.runs import Shown, names

from .serving import SMALL, Client, picture


def pictures(samples: list[dict[str, Any]]) -> np.ndarray:
    return np.stack([picture(each) for each in samples])


# -------- the runs


def test_runs_say_what_they_are(client: Client):
    vae, classes, table = client.get("")
    assert (vae["id"], vae["model"], vae["latent"], vae["kind"]) == ("0", "VAE", 3, "image")
    assert vae["shape"] == [1, 8, 8] and vae["rows"] == 120 and vae["columns"] is None
    assert vae["label_names"] == [str(i) for i in range(10)]
    assert vae["condition"] is None and vae["has_prior"]
    assert classes["condition"]["kind"] == "classes"
    assert classes["condition"]["classes"] == list(range(10))
    assert table["columns"] == ["wide", "score", "deep"] and table["shape"] == [3]
    assert table["label_names"] is None and not table["has_prior"]


def test_dimensions_come_by_kl(client: Client, vae: Shown):
    dims = client.get("")[0]["dims"]
    kl = [each["kl"] for each in dims]
    assert kl == sorted(kl, reverse=True)
    figures = vae.est.evaluate(vae.x, draws=1)
    assert [figures["latent_kl"][each["index"]] for each in dims] == pytest.approx(kl, rel=1e-4)
    for each in dims:
        codes = vae.codes[:, each["index"]]
        assert each["mean"] == pytest.approx(codes.mean(), abs=1e-5)
        assert each["low"] <= codes.min() and codes.max() <= each["high"]
    (only,) = client.get("")[2]["dims"]
    assert only["kl"] is None and only["active"]


def test_dead_dimensions_are_marked_and_can_still_be_moved():
    x = np.random.default_rng(0).integers(0, 2, (60, 4)).astype(np.uint8)
    est = VAE(latent=2, **SMALL).fit(x)
    est.model_.posterior.head.weight.data.zero_()
    est.model_.posterior.head.bias.data.zero_()
    for each in Shown("dead", est, x).dims:
        assert not each["active"] and each["kl"] == pytest.approx(0, abs=1e-6)
        assert (each["low"], each["high"]) == (-3, 3)


def test_names_tell_runs_apart():
    assert names([Path("a/one"), Path("a/two")]) == ["one", "two"]
    assert names([Path("a/run"), Path("b/run")]) == ["a/run", "b/run"]
    assert names([Path("a/run"), Path("a/run")]) == ["run", "run"]


# -------- the rows


@pytest.mark.parametrize("query", [{}, {"projection": "dims", "first": 2, "second": 0}])
def test_the_way_back_from_the_map_leads_to_codes(client: Client, vae: Shown, query: dict):
    found = client.get("/0/map", **query)
    points = np.stack([found["x"], found["y"]], 1)
    origin, basis = np.array(found["origin"]), np.array(found["basis"])
    np.testing.assert_allclose((vae.codes - origin) @ basis.T, points, atol=2e-5)
    np.testing.assert_allclose(basis @ basis.T, np.eye(2), atol=1e-9)
    assert found["projection"] == ("dims" if query else "pca")
    assert len(found["labels"]) == 120


def test_a_plane_of_principal_components_is_the_best_one(client: Client, vae: Shown):
    found = client.get("/0/map", projection="pca")
    points = np.stack([found["x"], found["y"]], 1)
    values = np.linalg.svd(vae.codes - vae.codes.mean(0), compute_uv=False)
    np.testing.assert_allclose(np.linalg.norm(points, axis=0), values[:2], rtol=1e-3)


def test_two_dimensions_are_their_own_map_and_one_is_spread(client: Client, classes: Shown):
    found = client.get("/1/map")
    assert found["axes"] == ["z1", "z2"] and found["basis"] == [[1, 0], [0, 1]]
    np.testing.assert_allclose(found["x"], classes.codes[:, 0], atol=1e-5)
    line = client.get("/2/map")
    assert line["basis"] == [[1], [0]] and line["labels"] is None
    assert "no dimensions" not in client.get("/0/map", 409, projection="dims", first=1, second=1)
    client.get("/0/map", 409, projection="dims", first=0, second=3)
    client.get("/0/map", 422, projection="tsne")


def test_values_are_what_the_estimator_says(client: Client, vae: Shown, sheet: Shown):
    listed = ["label", "score", "reconstruction error", "kl", "z1", "z2", "z3"]
    assert client.get("/0/values") == listed
    score = client.get("/0/values/score")
    expected = vae.est.score_samples(vae.x, draws=1)
    np.testing.assert_allclose(score["values"], expected, rtol=1e-4)
    assert score["unit"].startswith("nats")
    np.testing.assert_allclose(client.get("/0/values/z2")["values"], vae.codes[:, 1], rtol=1e-4)
    assert client.get("/0/values/label")["values"] == vae.labels.tolist()
    error = np.mean(client.get("/0/values/reconstruction error")["values"])
    assert error == pytest.approx(vae.est.evaluate(vae.x, draws=1)["mse"], rel=1e-4)
    # A column with the name of a figure keeps a name of its own; a missing entry is null.
    assert "column score" in client.get("/2/values") and "kl" not in client.get("/2/values")
    column = client.get("/2/values/column score")["values"]
    assert column[5] is None
    np.testing.assert_allclose(column[:5], sheet.x[:5, 1], rtol=1e-5)
    client.get("/2/values/kl", 404)


def test_a_row_is_shown_beside_its_reconstruction(client: Client, vae: Shown, classes: Shown):
    found = client.get("/0/rows/7")
    assert found["label"] == str(vae.labels[7])
    np.testing.assert_array_equal(picture(found["sample"]), vae.x[7])
    made = vae.est.reconstruct(vae.x[7:8])[0]
    np.testing.assert_array_equal(picture(found["reconstruction"]), made)
    assert found["code"] == pytest.approx(vae.codes[7].tolist())
    assert found["score"] == pytest.approx(vae.est.score_samples(vae.x[7:8], draws=1)[0], rel=1e-4)
    own = client.get("/1/rows/7")
    made = classes.est.reconstruct(classes.x[7:8], condition=classes.labels[7:8])[0]
    np.testing.assert_array_equal(picture(own["reconstruction"]), made)
    client.get("/0/rows/120", 404)
    client.get("/0/rows/-1", 422)
    client.get("/7/rows/0", 404)


def test_one_row_needs_no_other(vae: Shown):
    alone = Shown("alone", vae.est, vae.x, vae.labels)
    first = alone.of_row(3)
    assert alone._known is None
    all_rows = alone.known
    for name, value in first.items():
        assert value == pytest.approx(all_rows[name][3], rel=1e-5)


def test_the_most_unusual_rows_come_first(client: Client, vae: Shown, sheet: Shown):
    found = client.get("/0/anomalies", n=5)
    scores = client.get("/0/values/score")["values"]
    assert [each["row"] for each in found] == np.argsort(scores)[:5].tolist()
    assert [each["score"] for each in found] == sorted(scores)[:5]
    assert picture(found[0]["where"]).shape == (8, 8, 3)
    worst = client.get("/2/anomalies", n=1, how="reconstruction error")[0]
    parts = worst["where"]["contributions"]
    assert [each["value"] for each in parts] == sorted((p["value"] for p in parts), reverse=True)
    assert {each["column"] for each in parts} == {"wide", "score", "deep"}
    total = np.mean([each["value"] for each in parts])
    assert total == pytest.approx(worst["score"], rel=1e-4)
    client.get("/2/anomalies", 409, how="kl")


def test_a_selection_is_exported(client: Client, vae: Shown):
    lines = client.file("/0/export", {"rows": [4, 2]}).text.splitlines()
    assert lines[0] == "row,label,score,z1,z2,z3"
    assert [line.split(",")[0] for line in lines[1:]] == ["4", "2"]
    cells = lines[1].split(",")
    assert cells[1] == str(vae.labels[4])
    assert [float(each) for each in cells[3:]] == pytest.approx(vae.codes[4].tolist(), rel=1e-5)


# -------- the model


def test_codes_are_decoded(client: Client, vae: Shown, classes: Shown, sheet: Shown):
    codes = np.random.default_rng(0).normal(size=(5, 3))
    made = pictures(client.post("/0/decode", {"codes": codes.tolist()})["samples"])
    np.testing.assert_array_equal(made, vae.est.inverse_transform(codes))
    for asked in (3, "3"):
        body = {"codes": [[0.5, -1.0]], "condition": asked}
        made = pictures(client.post("/1/decode", body)["samples"])
        expected = classes.est.inverse_transform([[0.5, -1.0]], condition=[3])
        np.testing.assert_array_equal(made, expected)
    (row,) = client.post("/2/decode", {"codes": [[0.25]]})["samples"]
    expected = sheet.est.inverse_transform([[0.25]])[0]
    np.testing.assert_allclose(row["values"], expected, rtol=1e-5)


def test_samples_and_rows_are_encoded_alike(client: Client, sheet: Shown):
    rows = client.post("/2/encode", {"rows": [5, 6]})["codes"]
    np.testing.assert_allclose(rows, sheet.codes[[5, 6]], rtol=1e-5)
    samples = [[None if np.isnan(v) else float(v) for v in row] for row in sheet.x[[5, 6]]]
    given = client.post("/2/encode", {"samples": samples})["codes"]
    np.testing.assert_allclose(given, rows, rtol=1e-4)
    made = client.post("/2/reconstruct", {"rows": [6]})["samples"][0]["values"]
    np.testing.assert_allclose(made, sheet.est.reconstruct(sheet.x[6:7])[0], rtol=1e-4)
    scores = client.post("/2/score", {"samples": samples})
    expected = sheet.est.score_samples(sheet.x[[5, 6]], draws=1)
    np.testing.assert_allclose(scores["scores"], expected, rtol=1e-4)
    assert "log p(x|z)" in scores["unit"]


def test_new_samples_at_a_temperature(client: Client, vae: Shown, classes: Shown):
    found = client.post("/0/sample", {"n": 4, "seed": 3, "temperature": 0.5})
    expected = vae.est.draw_codes(4, seed=3, temperature=0.5)
    np.testing.assert_allclose(found["codes"], expected, rtol=1e-5)
    np.testing.assert_array_equal(pictures(found["samples"]), vae.est.inverse_transform(expected))
    assert client.post("/0/sample", {"n": 2, "temperature": 0})["codes"] == [[0, 0, 0]] * 2
    seven = client.post("/1/sample", {"n": 3, "seed": 1, "condition": 7})
    made = classes.est.sample(3, condition=7, seed=1)
    np.testing.assert_array_equal(pictures(seven["samples"]), made)
    usual = int(np.bincount(classes.labels).argmax())
    assert client.get("")[1]["condition"]["usual"] == usual
    said = client.post("/1/sample", {"n": 3, "seed": 1, "condition": usual})
    assert client.post("/1/sample", {"n": 3, "seed": 1}) == said
    client.post("/0/sample", {"temperature": 2.5}, 422)


@pytest.mark.parametrize("kind", ["straight", "spherical", "geodesic"])
def test_a_path_ends_where_it_should(client: Client, vae: Shown, kind: str):
    end = [0.5, -0.5, 1.0]
    body = {"from": {"row": 3}, "to": {"code": end}, "steps": 5, "path": kind}
    found = client.post("/0/interpolate", body)
    codes = np.array(found["codes"])
    np.testing.assert_allclose(codes[[0, -1]], [vae.codes[3], end], atol=1e-5)
    assert codes.shape == (5, 3)
    np.testing.assert_array_equal(pictures(found["samples"]), vae.est.inverse_transform(codes))
    if kind == "straight":
        np.testing.assert_allclose(codes[2], (vae.codes[3] + end) / 2, atol=1e-5)


def test_a_path_from_a_sample_of_ones_own(client: Client, classes: Shown):
    values = [float(v) for v in classes.x[4].reshape(-1)]
    body = {"from": {"values": values}, "to": {"row": 0}, "condition": 4, "steps": 3}
    found = client.post("/1/interpolate", body)
    start = classes.est.transform(classes.x[4:5], condition=[4])
    np.testing.assert_allclose(found["codes"][0], start[0], rtol=1e-4)
    own = client.post("/1/interpolate", {"from": {"row": 0}, "to": {"row": 1}, "steps": 2})
    expected = classes.est.inverse_transform(
        classes.codes[[0, 1]], condition=np.repeat(classes.labels[:1], 2)
    )
    np.testing.assert_array_equal(pictures(own["samples"]), expected)


def test_a_path_as_a_film_and_as_a_strip(client: Client):
    body = {"from": {"row": 0}, "to": {"row": 1}, "steps": 6}
    answer = client.file("/0/interpolate.gif", body)
    assert answer.headers["content-type"] == "image/gif"
    film = Image.open(io.BytesIO(answer.content))
    assert getattr(film, "n_frames", 1) == 10  # six there, four between the ends back
    strip = Image.open(io.BytesIO(client.file("/0/interpolate.png", body).content))
    assert strip.size == (6 * 96 + 5 * 2, 96)
    client.post("/2/interpolate.gif", body, 409)


def test_arithmetic_adds_what_two_selections_differ_by(client: Client, vae: Shown):
    body = {"plus": [0, 1], "minus": [2, 3], "at": {"row": 9}, "strength": 2}
    found = client.post("/0/arithmetic", body)
    direction = vae.codes[[0, 1]].mean(0) - vae.codes[[2, 3]].mean(0)
    np.testing.assert_allclose(found["direction"], direction, rtol=1e-5)
    steps = np.linspace(-2, 2, 7)[:, None]
    np.testing.assert_allclose(found["codes"], vae.codes[9] + steps * direction, rtol=1e-5)
    assert len(found["samples"]) == 7
    default = client.post("/0/arithmetic", {"plus": [0, 1], "minus": [2, 3]})
    np.testing.assert_allclose(default["codes"][3], vae.codes[[2, 3]].mean(0), rtol=1e-5)


# -------- mistakes


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/0/decode", {"codes": [[1, 2]]}, 409, "3 numbers, but code 0 has 2"),
        ("/0/decode", {"codes": [[1, 2, 3]], "condition": 1}, 409, "without"),
        ("/1/decode", {"codes": [[1, 2]], "condition": "cat"}, 409, "Unknown class 'cat'"),
        ("/1/decode", {"codes": [[1, 2]], "condition": [1, 2]}, 409, "class"),
        ("/0/decode", {"codes": [[1, 2, 1e7]]}, 422, "codes.0.2"),
        ("/0/decode", {"codes": [[1, 2, "3"]]}, 422, "codes.0.2"),
        ("/0/decode", {"codes": []}, 422, "codes"),
        ("/0/decode", {"codes": [[0, 0, 0]] * 257}, 422, "codes"),
        ("/0/decode", {"codes": [[0, 0, 0]], "more": 1}, 422, "more"),
        ("/0/encode", {"samples": [[1, 2]]}, 409, "64 values, but sample 0 has 2"),
        ("/0/encode", {"samples": [[300.0] * 64]}, 409, "300"),
        ("/0/encode", {"samples": [[None] * 64]}, 409, "NaN"),
        ("/0/encode", {"rows": [120]}, 404, "no row 120"),
        ("/0/interpolate", {"from": {"row": 0}, "to": {"row": -1}}, 422, "row"),
        ("/0/interpolate", {"from": {"row": 0}, "to": {"row": 1}, "steps": 65}, 422, "steps"),
        ("/0/interpolate", {"from": {"row": 0}, "to": {"row": 1}, "path": "bent"}, 422, "path"),
        ("/0/arithmetic", {"plus": [], "minus": [0]}, 422, "plus"),
        ("/0/export", {"rows": [500]}, 404, "no row 500"),
        ("/9/decode", {"codes": [[1]]}, 404, "no run '9'"),
    ],
)  # fmt: skip
def test_mistakes_are_told(client: Client, path: str, body: dict, status: int, said: str):
    assert said in client.post(path, body, status)["detail"]


@pytest.mark.parametrize(
    "content",
    [
        b'{"codes": [[NaN, 0, 0]]}',
        b'{"codes": [[Infinity, 0, 0]]}',
        b'{"codes": [[1e999, 0, 0]]}',
        b'{"codes": [[1' + b"0" * 400 + b", 0, 0]]}",
        b'{"codes": [[1' + b"0" * 5000 + b", 0, 0]]}",
        b"[" * 100_000,
        b"\xff\xfe",
        b"",
        b"null",
    ],
)
def test_no_body_breaks_the_server(client: Client, content: bytes):
    answer = client.http.post(
        "/api/runs/0/decode", content=content, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in (400, 422)
    assert isinstance(answer.json()["detail"], str)


def test_far_codes_are_decoded_without_trouble(client: Client):
    for run, width in (("0", 3), ("1", 2), ("2", 1)):
        samples = client.post(f"/{run}/decode", {"codes": [[1e6] * width, [-1e6] * width]})
        assert len(samples["samples"]) == 2


# -------- whole and docs


def test_runs_are_opened_from_their_folders(tmp_path: Path):
    folder = tmp_path / "iris"
    VAE(latent=2, **SMALL).fit(load_data("iris"), folder=folder)
    app = create([folder], max_points=50)
    (run,) = app.state.runs.values()
    assert (run.name, len(run)) == ("iris", 50)
    assert run.label_names == ["setosa", "versicolor", "virginica"]
    np.testing.assert_allclose(run.codes, load(folder).transform(run.x), rtol=1e-5)
    with pytest.raises(LatentryError, match="no run at"):
        create([tmp_path / "none"])
    with pytest.raises(LatentryError, match="features"):
        create([folder], data="two-moons")


def test_the_api_is_documented_and_its_page_loads_nothing_from_elsewhere(client: Client):
    paths = client.http.get("/openapi.json").json()
    assert "HTTPValidationError" not in paths["components"]["schemas"]
    verbs = {path.rsplit("/", 1)[1] for path in paths["paths"]}
    assert {"encode", "decode", "reconstruct", "sample", "interpolate", "score"} <= verbs
    for methods in paths["paths"].values():
        for about in methods.values():
            assert about["description"] and about["tags"]
            run = [p for p in about.get("parameters", ()) if p["name"] == "run"]
            assert all(p["schema"]["enum"] == ["0", "1", "2"] for p in run)
    page = client.http.get("/docs").text
    assert all(f"{path}<" in page for path in paths["paths"])
    assert "//" not in page.replace("<!doctype", "")
