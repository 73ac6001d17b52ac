"""The explorer's page as a person uses it, in a real Chromium: the map, the hand, the frame."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

VIEW = "import('./atlas.js').then((m) => { const v = m.maps().main.view; return [v.zoom, v.x]; })"


def test_the_map_has_the_points_in_the_colours_of_their_labels(page: Any) -> None:
    assert page.text("#title") == "digits"
    assert "400 rows" in page.text("#about")
    assert page.texts("#legend .key") == [str(k) for k in range(10)]
    colours = """() => {
      const canvas = document.querySelector('#map .points');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      const seen = new Set();
      for (let i = 0; i < data.length; i += 4) seen.add(data.slice(i, i + 3).join());
      return seen.size;
    }"""
    page.until(lambda: page.js(colours) > 20)


def test_a_drag_decodes_where_the_hand_is(page: Any) -> None:
    before, sliders = page.decoded(), page.texts("#sliders output")
    page.drag((0.5, 0.5), (0.7, 0.3))
    page.moved(before)
    assert page.texts("#sliders output") != sliders
    assert "decodes to" in page.page.get_attribute("#decoded img", "alt")


def test_a_hand_held_by_its_ring_keeps_what_the_sliders_set(page: Any) -> None:
    drop = """(by) => Promise.all([import('./state.js'), import('./atlas.js')]).then(([m, a]) => {
      const { origin, basis } = m.state.map;
      const out = [0, 1, 2].map((d) => basis[0][(d + 1) % 3] * basis[1][(d + 2) % 3]
        - basis[0][(d + 2) % 3] * basis[1][(d + 1) % 3]);
      if (by) m.place(origin.map((v, d) => v + by * out[d]));
      return m.state.code.reduce((sum, v, d) => sum + (v - origin[d]) * out[d], 0);
    })"""
    assert page.js(drop, 1.5) == pytest.approx(1.5)
    box = page.page.locator("#map").bounding_box()
    ring = page.js(
        "import('./atlas.js').then(({ maps: m }) => { const { view: v, hand: h } = m().main;"
        " return [v.right(h.x), v.down(h.y)]; })"
    )
    at = (ring[0] / box["width"], ring[1] / box["height"])
    page.drag(at, (at[0] + 0.1, at[1]))
    assert page.js(drop, None) == pytest.approx(1.5)
    page.drag((0.3, 0.3), (0.4, 0.3))
    assert page.js(drop, None) == pytest.approx(0, abs=1e-6)


def test_only_the_newest_place_of_a_hand_is_decoded(page: Any) -> None:
    asked: list[Any] = []
    listen = lambda r: asked.append(r) if r.url.endswith("/decode") else None  # noqa: E731
    page.page.on("request", listen)
    # Within one task no answer can come: of sixty movements the first is asked, then the last.
    page.js(
        """import('./state.js').then(({ place, state }) => {
          for (let k = 1; k <= 60; k++) place(state.code.map(() => k / 30));
        })"""
    )
    page.until(lambda: len(asked) == 2)
    page.settle()
    page.page.remove_listener("request", listen)
    codes = [request.post_data_json["codes"][0][0] for request in asked]
    assert codes == pytest.approx([1 / 30, 2])


def test_a_slider_moves_one_dimension(page: Any) -> None:
    before, code = page.decoded(), page.code()
    slider = page.page.locator("#sliders input").first
    index = int(slider.get_attribute("data-dim"))
    slider.focus()
    for _ in range(60):
        page.page.keyboard.press("ArrowRight")
    page.moved(before)
    after = page.code()
    assert after[index] > code[index] + 0.1
    assert [v for d, v in enumerate(after) if d != index] == [
        v for d, v in enumerate(code) if d != index
    ]


def test_sliders_stand_by_kl_and_dead_dimensions_are_folded_away(page: Any) -> None:
    mark = """(active) => import('./state.js').then(({ state, tell }) => {
      state.run.dims[2].active = active;
      tell('run');
      tell('code');
    })"""
    page.js(mark, False)
    labels = page.texts("#sliders > .slider label")
    nats = [float(text.split()[1]) for text in labels]
    assert nats == sorted(nats, reverse=True) and len(nats) == 2
    assert page.text("#sliders summary") == "1 dimension the model does not use"
    assert not page.page.locator("#sliders .dead .slider").is_visible()
    page.js(mark, True)


def test_pointing_at_a_row_shows_it_and_its_reconstruction(page: Any) -> None:
    box: dict[str, float] = {}

    def shown() -> bool:
        # The map may still settle, so that the row is elsewhere than it was.
        where = page.js(
            """import('./atlas.js').then(({ maps }) => {
              const { view, points } = maps().main;
              return [view.right(points.x[7]), view.down(points.y[7])];
            })"""
        )
        box.update(page.page.locator("#map").bounding_box())
        page.page.mouse.move(box["x"] + where[0], box["y"] + where[1])
        page.page.wait_for_selector("#tip img >> nth=1")
        return page.text("#tip p").startswith("row 7 · 7 · ")

    page.page.locator("#map").scroll_into_view_if_needed()
    page.until(shown)
    page.page.wait_for_selector("#row-rebuilt img")
    assert re.match(r"Row 7 · label 7 · score .* · error \d", page.text("#row-about"))
    page.page.mouse.move(box["x"] + 5, box["y"] + 40)
    page.page.wait_for_selector("#tip", state="hidden")


def test_wheel_keys_and_buttons_zoom_and_move_the_map(page: Any) -> None:
    keyboard, mouse = page.page.keyboard, page.page.mouse
    box = page.page.locator("#map").bounding_box()
    mouse.move(box["x"] + 100, box["y"] + 100)
    mouse.wheel(0, -400)
    page.until(lambda: page.js(VIEW)[0] > 1.5)
    page.page.locator("#map .over").focus()
    keyboard.press("-")
    keyboard.press("0")
    assert page.js(VIEW)[0] == pytest.approx(1)
    keyboard.press("+")
    assert page.js(VIEW)[0] == pytest.approx(1.25)
    page.page.click("#zoom-fit")
    x = page.js(VIEW)[1]
    page.page.locator("[name=tool][value=move]").check()
    before = page.code()
    page.drag((0.5, 0.5), (0.6, 0.5))
    assert page.js(VIEW)[1] < x
    assert page.code() == before


def test_two_fingers_zoom(page: Any) -> None:
    page.js(
        """() => {
          const canvas = document.querySelector('#map .over');
          const { left, top } = canvas.getBoundingClientRect();
          const fire = (type, id, x, y) => canvas.dispatchEvent(new PointerEvent(type, {
            pointerId: id, clientX: left + x, clientY: top + y, pointerType: 'touch',
          }));
          fire('pointerdown', 11, 200, 200);
          fire('pointerdown', 12, 300, 200);
          fire('pointermove', 12, 400, 200);
          fire('pointerup', 11, 200, 200);
          fire('pointerup', 12, 400, 200);
        }"""
    )
    assert page.js(VIEW)[0] == pytest.approx(2)


def test_the_map_is_coloured_by_any_value(page: Any) -> None:
    for name in ("score", "z2", "reconstruction error"):
        page.page.select_option("#colour", label=name)
        page.until(lambda name=name: page.count("#legend .ramp") and name in page.text("#legend"))
        low, high = (float(each.replace("−", "-")) for each in page.texts("#legend .value"))
        assert low < high


def test_axes_can_be_two_dimensions(page: Any) -> None:
    page.page.select_option("#projection", "dims")
    page.page.select_option("#second", "0")
    page.page.select_option("#first", "2")
    page.until(lambda: "z3 and z1" in page.text("#said"))


def test_everything_is_reached_by_the_keyboard(page: Any) -> None:
    keyboard = page.page.keyboard
    focused = """() => {
      const e = document.activeElement;
      const name = e.getAttribute('aria-label') || e.labels?.[0]?.textContent.trim()
        || e.textContent.trim();
      return [e.id || e.className || e.tagName, name];
    }"""
    page.js("document.activeElement.blur()")
    seen = {}
    for _ in range(60):
        keyboard.press("Tab")
        where, name = page.js(focused)
        seen[where] = name
    wanted = {"run", "theme", "colour", "over", "zoom-in", "to-start", "tab-walk", "walk-path"}
    assert wanted <= set(seen)
    assert [where for where, name in seen.items() if not name] == []
    page.page.locator("#tab-walk").focus()
    keyboard.press("ArrowRight")
    assert page.page.get_attribute("#tab-arithmetic", "aria-selected") == "true"
    assert page.page.is_visible("#arithmetic") and not page.page.is_visible("#walk")
    before = page.decoded()
    page.page.locator("#map .over").focus()
    for _ in range(10):
        keyboard.press("Shift+ArrowUp")
    page.moved(before)
    assert page.text("#status").startswith("Hand at")


def test_a_table_follows_the_hand_in_its_columns(page: Any) -> None:
    page.choose("table")
    page.until(lambda: page.count("#decoded td.value") == 3)
    before = page.decoded()
    page.drag((0.5, 0.5), (0.7, 0.3))
    page.moved(before)
    page.take()
    page.until(lambda: page.count("#decoded td.value") == 9)
    heads = page.texts("#decoded thead th")
    assert heads[1] == "hand" and heads[2].startswith("row") and heads[3] == "rebuilt"
    assert page.count("#decoded .bar .front") == 3


def test_a_series_is_a_curve(page: Any) -> None:
    page.choose("series")
    page.until(lambda: page.count("#decoded path.front") == 1)
    before = page.page.get_attribute("#decoded path.front", "d")
    assert before.count("L") == 29
    page.drag((0.5, 0.5), (0.3, 0.7))
    page.until(lambda: page.page.get_attribute("#decoded path.front", "d") != before)


def test_taking_a_row_tells_a_conditional_model_its_label(page: Any) -> None:
    page.choose("told")
    page.settle()
    label = re.search(r"label (\d)", page.take())
    assert label is not None
    chosen = "document.querySelector('#condition-value').selectedOptions[0].textContent"
    assert page.js(chosen) == label[1]
    before = page.decoded()
    page.page.select_option("#condition-value", str((int(label[1]) + 1) % 10))
    page.moved(before)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_the_page_fits_its_width(opened: Any, width: int, scheme: str, tmp_path: Path) -> None:
    with opened(width, scheme) as page:
        page.page.select_option("#beside", label="plain")
        for tab in ("walk", "arithmetic", "samples", "anomalies", "compare"):
            page.page.click(f"#tab-{tab}")
            page.settle()
            assert page.js("document.documentElement.scrollWidth") <= width
        page.page.screenshot(path=tmp_path / "page.png", full_page=True)
        with Image.open(tmp_path / "page.png") as picture:
            corner = np.asarray(picture.convert("L"))[2, 2]
        assert corner > 200 if scheme == "light" else corner < 60


def test_the_theme_can_be_chosen_and_is_kept(opened: Any) -> None:
    with opened() as page:
        ground = "getComputedStyle(document.body).backgroundColor"
        light = page.js(ground)
        page.page.click("#theme")
        assert page.text("#theme") == "Light" and page.js(ground) == light
        page.page.click("#theme")
        dark = page.js(ground)
        assert page.text("#theme") == "Dark" and dark != light
        page.load()
        assert page.js(ground) == dark
