"""What the explorer's panels do, in a real Chromium."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def download(page: Any, selector: str) -> Path:
    with page.page.expect_download() as got:
        page.page.click(selector)
    return got.value.path()


def test_a_lasso_selects_and_exports(page: Any) -> None:
    page.page.keyboard.down("Shift")
    page.drag((0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99))
    page.page.keyboard.up("Shift")
    assert page.text("#selected") == "400 rows selected"
    lines = download(page, "#export").read_text().splitlines()
    assert lines[0] == "row,label,score,z1,z2,z3" and len(lines) == 401
    page.page.locator("#map .over").focus()
    page.page.keyboard.press("Escape")
    assert not page.page.is_visible("#selection")


def test_a_lasso_takes_the_rows_inside_it(page: Any) -> None:
    page.page.locator("[name=tool][value=lasso]").check()
    page.drag((0.5, 0.02), (0.99, 0.02), (0.99, 0.99), (0.5, 0.99))
    right, inner, chosen = page.js(
        """Promise.all([import('./state.js'), import('./atlas.js')]).then(([m, a]) => {
          const x = a.maps().main.view.x;
          const beyond = (edge) => m.state.map.x.flatMap((v, i) => (v > edge ? [i] : []));
          return [beyond(x - 0.1), beyond(x + 0.1), m.state.selection];
        })"""
    )
    assert 0 < len(chosen) < 400
    assert set(inner) <= set(chosen) <= set(right)


def test_one_group_minus_another_is_a_direction(page: Any) -> None:
    page.page.click("#legend .key >> text=0")
    assert re.match(r"\d+ rows selected", page.text("#selected"))
    page.page.click("#to-plus")
    page.page.click("#legend .key >> text=7")
    page.page.click("#to-minus")
    page.page.click("#tab-arithmetic")
    page.until(lambda: page.count("#arithmetic-strip .tile") == 7)
    captions = page.texts("#arithmetic-strip .caption")
    assert captions[0] == "−1" and captions[3] == "0" and captions[6] == "1"
    pictures = page.js(
        "[...document.querySelectorAll('#arithmetic-strip img')].map((image) => image.src)"
    )
    assert page.js("document.querySelector('#decoded img').src") == pictures[3]
    page.page.click("#arithmetic-strip .tile >> nth=6")
    page.until(lambda: page.js("document.querySelector('#decoded img').src") == pictures[6])
    # The hand went to a result: the start of the row of results stays where it was.
    assert page.page.get_attribute("#arithmetic-strip img >> nth=3", "src") == pictures[3]
    page.drag((0.5, 0.5), (0.3, 0.3))
    middle = "document.querySelectorAll('#arithmetic-strip img')[3].src"
    page.until(lambda: page.js(middle) != pictures[3])


def test_a_walk_between_two_rows_is_played_and_saved(page: Any) -> None:
    first = page.take()
    page.page.click("#to-start")
    page.until(lambda: page.text("#end-a .end-text").startswith("row"))
    second = page.take(*["Shift+ArrowRight"] * 2)
    assert first != second
    page.page.click("#to-end")
    page.until(lambda: page.count("#walk-strip .tile") == 12)
    assert page.text("#end-a .end-text").startswith(first.split(" · ")[0].lower())
    page.page.select_option("#walk-path", "spherical")
    page.page.fill("#walk-steps", "5")
    page.page.keyboard.press("Tab")
    page.until(lambda: page.count("#walk-strip .tile") == 5)
    page.page.click("#walk-play")
    page.page.wait_for_selector("#walk-strip .tile:nth-child(3).marked")
    page.page.click("#walk-play")
    assert page.text("#walk-play") == "Play"
    for kind in ("png", "gif"):
        with Image.open(download(page, f"#walk-{kind}")) as picture:
            assert picture.format == kind.upper()
    # The ends decode to the reconstructions of the rows, and a step puts the hand there.
    last = page.page.get_attribute("#walk-strip img >> nth=4", "src")
    assert last == page.page.get_attribute("#row-rebuilt img", "src")
    page.page.click("#walk-strip .tile >> nth=2")
    middle = page.page.get_attribute("#walk-strip img >> nth=2", "src")
    page.until(lambda: page.js("document.querySelector('#decoded img').src") == middle)


def test_a_walk_takes_a_row_from_the_map_and_a_file(page: Any) -> None:
    page.page.click("#end-a >> text=Pick on the map")
    page.page.locator("#map .over").press("Enter")
    page.until(lambda: page.text("#end-a .end-text").startswith("row"))
    content = io.BytesIO()
    Image.fromarray(np.eye(40, dtype=np.uint8) * 255).save(content, "PNG")
    own = {"name": "mine.png", "mimeType": "image/png", "buffer": content.getvalue()}
    page.page.set_input_files("#file-b", own)
    page.page.wait_for_selector("#end-b img")
    assert page.text("#end-b .end-text") == "mine.png"
    page.until(lambda: page.count("#walk-strip .tile") == 12)


def test_a_file_that_is_no_image_is_refused_in_words(page: Any) -> None:
    own = {"name": "mine.png", "mimeType": "image/png", "buffer": b"no image"}
    page.page.set_input_files("#file-a", own)
    page.page.wait_for_selector("#problem", state="visible")
    assert "no image" in page.text("#problem-text")
    page.page.click("#problem-close")
    assert not page.page.is_visible("#problem")
    # The browser notes refusals in its console by itself.
    assert len(page.wrong) == 1 and "Failed to load resource" in page.wrong.pop()


def test_a_walk_through_a_table_takes_a_row_of_ones_own(page: Any) -> None:
    page.choose("table")
    page.settle()
    page.page.click("#end-a >> text=Take the hand")
    page.until(lambda: page.text("#end-a .end-text") == "the hand's place")
    own = {"name": "mine.csv", "mimeType": "text/csv", "buffer": b"a,b,c\n0.5, 40, 0.1\n"}
    page.page.set_input_files("#file-b", own)
    page.until(lambda: page.count("#walk-strip tbody tr") == 12)
    assert not page.page.is_visible("#walk-png")
    lines = download(page, "#walk-csv").read_text().splitlines()
    assert lines[0] == "x1,x2,x3" and len(lines) == 13
    own["buffer"] = b"1,2\n"
    page.page.set_input_files("#file-b", own)
    page.page.wait_for_selector("#problem", state="visible")
    assert page.text("#problem-text") == (
        "mine.csv has no line of 3 numbers, as a row of this run has."
    )
    page.page.click("#problem-close")


def test_samples_come_at_a_temperature_and_under_a_condition(page: Any) -> None:
    page.choose("told")
    page.settle()
    page.page.click("#tab-samples")
    page.until(lambda: page.count("#samples-strip img") == 24)
    first = page.page.get_attribute("#samples-strip img >> nth=0", "src")
    page.page.click("#samples-again")
    page.until(lambda: page.page.get_attribute("#samples-strip img >> nth=0", "src") != first)
    page.page.select_option("#condition-value", "3")
    page.until(lambda: "told 3" in page.text("#samples-said"))
    page.page.fill("#samples-n", "6")
    page.page.keyboard.press("Tab")
    page.until(lambda: page.count("#samples-strip img") == 6)
    page.page.locator("#samples-temperature").press("Home")
    page.until(lambda: "temperature 0 " in page.text("#samples-said"))
    # At temperature 0 all codes are the prior's mean: one picture, six times.
    sources = "[...document.querySelectorAll('#samples-strip img')].map((image) => image.src)"
    assert len(set(page.js(sources))) == 1


def test_anomalies_are_ranked_and_show_where(page: Any) -> None:
    page.page.click("#tab-anomalies")
    page.until(lambda: page.count("#anomalies-list .tile") == 24)
    captions = page.texts("#anomalies-list .caption")
    scores = [float(text.split(" · ")[1].replace("−", "-")) for text in captions]
    assert scores == sorted(scores)
    heat = page.page.get_attribute("#anomalies-list img >> nth=0", "src")
    page.page.locator("#anomalies-where").uncheck()
    plain = page.page.get_attribute("#anomalies-list img >> nth=0", "src")
    assert plain != heat
    page.page.locator("#anomalies-where").check()
    row = page.text("#anomalies-list .rank").split("row ")[1]
    page.page.locator("#anomalies-list .tile").first.click()
    page.until(lambda: page.text("#row-about").startswith(f"Row {row} "))
    page.until(lambda: page.page.get_attribute("#row-sample img", "src") == plain)
    page.page.select_option("#anomalies-how", "reconstruction error")
    page.until(lambda: page.texts("#anomalies-list .caption") != captions)


def test_anomalies_of_vectors_name_their_columns(page: Any) -> None:
    page.page.click("#tab-anomalies")
    page.choose("table")
    page.until(lambda: page.count("#anomalies-list .part") > 24)
    assert page.text("#anomalies-list .part-name") in {"x1", "x2", "x3"}
    page.choose("series")
    page.until(lambda: page.count("#anomalies-list path.where") == 24)


def test_two_runs_stand_side_by_side(page: Any) -> None:
    page.page.click("#tab-compare")
    page.page.select_option("#beside", label="plain")
    page.page.wait_for_selector("#beside-map", state="visible")
    page.until(lambda: "same data" in page.text("#compare-said"))
    row = page.take().split(" · ")[0]
    page.until(lambda: page.text("#side-two .side-said").startswith(row))
    marked = "import('./atlas.js').then(({ maps: m }) => [m().main.picked, m().second.picked])"
    assert page.js(marked) == [int(row.split()[1])] * 2
    page.page.click("#to-start")
    page.until(lambda: page.js("import('./state.js').then((m) => Boolean(m.state.ends.a))"))
    page.take(*["Shift+ArrowRight"] * 2)
    page.page.click("#to-end")
    page.until(lambda: page.count("#walk-two .tile") == 12)
    one, two = (page.page.get_attribute(f"#walk-{k} img >> nth=0", "src") for k in ("one", "two"))
    assert one != two
    page.page.select_option("#beside", label="table")
    page.until(lambda: "different data" in page.text("#compare-said"))
    page.page.select_option("#beside", "")
    page.until(lambda: not page.page.is_visible("#beside-map"))
