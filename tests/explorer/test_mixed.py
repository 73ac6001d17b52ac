"""The API and the page of a run of a table of mixed columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from latentry.explorer.app import serve

from .serving import Client, listening, mixed


@pytest.fixture(scope="module")
def rows() -> Iterator[Client]:
    run = mixed()
    with (
        listening(lambda port: serve([run], port=port)) as url,
        httpx.Client(base_url=url, timeout=60) as http,
    ):
        yield Client(http)


def test_a_row_is_told_in_words(rows: Client) -> None:
    (about,) = rows.get("")
    assert (about["kind"], about["columns"]) == ("table", ["town", "since", "score"])
    found = rows.get("/0/rows/0")
    town, since, score = found["sample"]["cells"]
    assert town in {"Ulm", "Bonn", "Kiel"} and since[:3] == "202" and score is None
    assert 1000 < found["sample"]["values"][2] < 5000
    gap = rows.get("/0/rows/3")["sample"]
    assert gap["cells"][0] is None and gap["values"][0] is None and gap["values"][2] is None
    # The reconstruction has no gaps.
    assert None not in rows.get("/0/rows/3")["reconstruction"]["values"]


def test_rows_are_coloured_by_levels_and_dates(rows: Client) -> None:
    # The column of the same name as a figure has one of its own.
    assert {"town", "since", "column score", "score"} <= set(rows.get("/0/values"))
    town = rows.get("/0/values/town")
    assert town["levels"] == ["Bonn", "Kiel", "Ulm"] and set(town["values"]) == {0, 1, 2, None}
    since = rows.get("/0/values/since")
    assert since["unit"].startswith("days since 2020-01-") and since["levels"] is None
    assert rows.get("/0/values/column score")["values"][0] == pytest.approx(
        rows.get("/0/rows/0")["sample"]["values"][2]
    )


def test_a_row_of_cells_is_encoded_and_scored(rows: Client) -> None:
    found = rows.get("/0/rows/0")
    cells = [*found["sample"]["cells"][:2], found["sample"]["values"][2]]
    body = {"samples": [cells]}
    assert rows.post("/0/encode", body)["codes"][0] == pytest.approx(found["code"], abs=1e-4)
    assert rows.post("/0/score", body)["scores"][0] == pytest.approx(found["score"], abs=1e-2)
    (made,) = rows.post("/0/reconstruct", body)["samples"]
    assert made["cells"] == found["reconstruction"]["cells"]
    refused = rows.post("/0/encode", {"samples": [["Ulm", "2020-31-31", 1.0]]}, 409)
    assert "which is no date" in refused["detail"]
    refused = rows.post("/0/encode", {"samples": [["Ulm"]]}, 409)
    assert "has 3 values, but sample 0 has 1" in refused["detail"]


def test_walks_new_rows_and_unusual_ones(rows: Client) -> None:
    for path in ("straight", "geodesic"):
        walk = rows.post("/0/interpolate", {"from": {"row": 0}, "to": {"row": 1}, "path": path})
        assert len(walk["samples"]) == 10 and all(s["cells"][1] for s in walk["samples"])
    made = rows.post("/0/sample", {"n": 3})["samples"]
    assert all(sample["cells"][0] in {"Ulm", "Bonn", "Kiel"} for sample in made)
    unusual = rows.get("/0/anomalies", n=2)
    named = {part["column"] for part in unusual[0]["where"]["contributions"]}
    assert named == {"town", "since", "score"}
    assert "no images" in rows.post("/0/interpolate.png", walk_body(), 409)["detail"]


def walk_body() -> dict[str, Any]:
    return {"from": {"row": 0}, "to": {"row": 1}}


def test_the_page_shows_a_row_by_its_columns(page: Any) -> None:
    page.choose("mixed")
    page.page.wait_for_selector("#decoded tbody th")
    names = page.texts("#decoded tbody th")
    assert names == ["town", "since", "score"]
    shown = page.texts("#decoded tbody td.value")
    assert shown[0] in {"Ulm", "Bonn", "Kiel"} and shown[1][:3] == "202"
    page.page.select_option("#colour", "town")
    page.until(lambda: page.texts("#legend .key") == ["Bonn", "Kiel", "Ulm"])
    page.page.locator("#legend .key").first.click()
    assert "rows selected" in page.text("#selected")
    page.page.click("#tab-samples")
    page.page.wait_for_selector("#samples-strip tbody tr")
    assert page.texts("#samples-strip thead th")[1:] == names
    assert page.count(".own-file:visible") == 0
