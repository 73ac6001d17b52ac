/** The card with the map: its axes, colours, legend and selection, and the second run's map. */

import { byLabel, byValue, limits } from "./colours.js";
import {
  $,
  complain,
  complainingly,
  coordinate,
  el,
  number,
  options,
  plural,
  save,
  say,
} from "./dom.js";
import { firstCondition, follow } from "./hand.js";
import { drawLegend } from "./legend.js";
import { MapView, themed } from "./map.js";
import { layout, show } from "./sample.js";
import { codeAt, labelOf, on, place, planeAt, state, tell } from "./state.js";

let main = null;
let second = null;
/** Set while the next click on a row is to be given to someone else, such as a walk's end. */
let waiting = null;

export function start() {
  main = new MapView($("#map"), "Latent map; arrow keys move the hand", {
    hover: (row, at) => hover(row, at, $("#map")),
    pick: complainingly(take),
    place: (point) => place(codeAt(point)),
    shift,
    lasso: select,
  });
  second = new MapView($("#beside-map"), "Latent map of the run beside", {
    hover: (row, at) => hover(linked() ? row : -1, at, $("#beside-map")),
    pick: complainingly(async (row) => linked() && take(row)),
    place: () => {},
    shift: () => {},
    lasso: (rows) => linked() && select(rows),
  });
  listen();
  controls();
}

/** The maps, for tests and measurements. */
export const maps = () => ({ main, second });

/** Give the next row that is clicked to a function. */
export function nextRow(found) {
  waiting = found;
  document.body.classList.toggle("waiting", Boolean(found));
}

function listen() {
  on("code", () => {
    main.hand = planeAt(state.code);
    main.redraw(false);
  });
  on("row hover", () => {
    for (const map of [main, second]) {
      const joined = map === main || linked();
      map.hovered = joined && state.hovered < (map.points?.count ?? 0) ? state.hovered : -1;
      map.picked = joined && state.row < (map.points?.count ?? 0) ? state.row : -1;
      map.redraw(false);
    }
  });
  on("selection", () => {
    const { selection } = state;
    for (const map of [main, second]) {
      const chosen =
        selection.length && (map === main || linked())
          ? new Uint8Array(map.points?.count ?? 0)
          : null;
      if (chosen) for (const row of selection) chosen[row] = 1;
      map.look = { ...map.look, chosen };
      map.redraw();
    }
    $("#selection").hidden = !selection.length;
    $("#selected").textContent = `${plural(selection.length, "row")} selected`;
    if (selection.length) say(`${plural(selection.length, "row")} selected`);
  });
  on("path ends", () => {
    main.path = state.path?.map((code) => planeAt(code)) ?? null;
    for (const name of ["a", "b"])
      main.ends[name] = state.ends[name] && planeAt(state.ends[name].code);
    main.redraw(false);
  });
  on("theme", () => {
    for (const map of [main, second]) map.redraw();
    if (state.map) recolour().catch(complain);
  });
  on("beside", complainingly(loadBeside));
}

function controls() {
  for (const input of document.querySelectorAll("[name=tool]")) {
    input.addEventListener("change", () => {
      main.tool = second.tool = input.value;
      for (const map of [main, second]) map.above.dataset.tool = input.value;
    });
  }
  const both = (work) => () => [main, second].forEach(work);
  $("#zoom-in").addEventListener(
    "click",
    both((map) => map.zoomBy(1.4)),
  );
  $("#zoom-out").addEventListener(
    "click",
    both((map) => map.zoomBy(1 / 1.4)),
  );
  $("#zoom-fit").addEventListener(
    "click",
    both((map) => (map.view.reset(), map.redraw())),
  );
  $("#colour").addEventListener("change", complainingly(recolour));
  $("#projection").addEventListener("change", complainingly(project));
  for (const [id, other] of [
    ["first", "second"],
    ["second", "first"],
  ]) {
    $(`#${id}`).addEventListener("change", ({ target }) => {
      // One dimension on both axes would be a line: the other axis takes another one.
      const another = state.run.dims.find(({ index }) => String(index) !== target.value);
      if ($(`#${other}`).value === target.value) $(`#${other}`).value = another.index;
      project().catch(complain);
    });
  }
  $("#clear").addEventListener("click", () => select([]));
  for (const [id, name] of [
    ["to-plus", "a"],
    ["to-minus", "b"],
  ]) {
    $(`#${id}`).addEventListener("click", () => {
      state.groups[name] = state.selection;
      tell("groups", name);
    });
  }
  $("#export").addEventListener(
    "click",
    complainingly(async () => {
      save(
        await state.run.file("export", { rows: state.selection }),
        `${state.run.name}-selection.csv`,
      );
    }),
  );
}

/** Show a run: its axes to choose from, its values to colour by, its map. */
export async function load() {
  const { run } = state;
  const wide = run.latent > 2;
  $("#projection-label").hidden = !wide;
  $("#projection").value = "auto";
  const dims = run.dims.map(({ index }) => [index, `z${index + 1}`]);
  options($("#first"), dims, run.dims[0]?.index);
  options($("#second"), dims, run.dims[1]?.index);
  const names = await run.names();
  if (run !== state.run) return;
  const before = $("#colour").value;
  const offered = names.filter((name) => name !== "label");
  const first = names.includes("label") ? [["label", "label"]] : [["", "nothing"]];
  options($("#colour"), [...first, ...offered.map((name) => [name, name])], before || "label");
  await project();
}

/** Ask for the map with the chosen axes, and put the hand in its middle if it is nowhere yet. */
async function project() {
  const { run } = state;
  const asked = $("#projection").value;
  $("#dims").hidden = run.latent <= 2 || asked !== "dims";
  const map = await run.map(asked, $("#first").value, $("#second").value);
  if (run !== state.run) return;
  const { row } = state;
  state.map = map;
  main.setPoints(map.x, map.y, map.axes);
  $("#said").textContent = map.said;
  await recolour();
  tell("map");
  if (!state.code) {
    state.condition = firstCondition(run);
    place(run.has_prior ? codeAt({ x: 0, y: 0 }) : map.origin.slice());
  } else place(state.code);
  state.row = row;
  for (const name of ["row", "selection", "path"]) tell(name);
}

async function loadBeside() {
  const run = state.beside;
  $("#beside-figure").hidden = $("#map-name").hidden = !run;
  $(".maps").classList.toggle("two", Boolean(run));
  if (!run) return;
  $("#map-name").textContent = `${state.run.name} · ${state.run.model}`;
  $("#beside-name").textContent = `${run.name} · ${run.model}`;
  const map = await run.map("auto");
  if (run !== state.beside) return;
  state.besideMap = map;
  second.setPoints(map.x, map.y, map.axes);
  await recolour();
  for (const name of ["row", "selection", "linked"]) tell(name);
}

/** Whether row k of both runs is the same sample: both show the same number with the same labels. */
export function linked() {
  const { run, beside, map, besideMap } = state;
  if (!beside || !map || !besideMap || run.kind !== beside.kind) return false;
  if (run.shape.join() !== beside.shape.join() || map.x.length !== besideMap.x.length) return false;
  if (!map.labels !== !besideMap.labels) return false;
  return !map.labels || map.labels.every((label, i) => label === besideMap.labels[i]);
}

const dark = () => themed("--card").reduce((a, b) => a + b) < 384;

/** Colour both maps by what is chosen, and draw the legend of the first. */
async function recolour() {
  const { run, beside } = state;
  const name = $("#colour").value;
  await colour(main, run, state.map, name);
  if (beside && state.besideMap) await colour(second, beside, state.besideMap, name);
}

async function colour(view, run, map, name) {
  const legend = view === main ? $("#legend") : null;
  let said = { names: run.label_names, labels: name ? map.labels : null, of: "label" };
  if (!name || (name === "label" && map.labels)) {
    view.look = { ...view.look, ...byLabel(said.labels, themed("--accent")) };
  } else {
    if (legend) legend.textContent = `Looking up ${name}…`;
    // The run beside may lack what the first one has.
    const known = legend || (await run.names()).includes(name);
    const found = known ? await run.values(name) : { values: map.x.map(() => null) };
    if (name !== $("#colour").value || (run !== state.run && run !== state.beside)) return;
    if (found.levels) {
      said = { names: found.levels, labels: found.values, of: name };
      view.look = { ...view.look, ...byLabel(found.values, themed("--accent")) };
    } else {
      const range = limits(found.values);
      view.look = { ...view.look, packed: byValue(found.values, range, dark()) };
      said = { name, unit: found.unit, range, dark: dark() };
    }
  }
  const rows = (k) => said.labels.flatMap((label, row) => (label === k ? [row] : []));
  if (legend) drawLegend(legend, said, (k) => select(rows(k)));
  view.redraw();
}

function select(rows) {
  state.selection = rows;
  tell("selection");
}

/** Move the hand within the plane, keeping what the sliders set in other directions. */
function shift(dx, dy) {
  const [u, v] = state.map.basis;
  place(state.code.map((c, d) => c + dx * u[d] + dy * v[d]));
  say(`Hand at ${coordinate(main.hand.x)}, ${coordinate(main.hand.y)}`);
}

/** Put the hand at a row's own code. */
export async function take(row) {
  if (waiting) {
    const given = waiting;
    nextRow(null);
    await given(row);
    return;
  }
  const { run } = state;
  state.row = row;
  tell("row");
  const found = await run.row(row);
  if (run !== state.run || state.row !== row) return;
  follow(found.label ?? labelOf(row));
  place(found.code);
  say(`Row ${row}${labelOf(row) === null ? "" : `, label ${labelOf(row)}`}`);
}

let asked = 0;

/** Point at a row: mark it in both maps, and show it beside the pointer. */
function hover(row, at, box) {
  const tip = $("#tip");
  if (row !== state.hovered) {
    state.hovered = row;
    tell("hover");
  }
  box.classList.toggle("over-row", row >= 0);
  if (row < 0) {
    tip.hidden = true;
    return;
  }
  move(tip, at, box);
  if (Number(tip.dataset.row) !== row || tip.hidden) tipFor(row, tip);
}

async function tipFor(row, tip) {
  const { run } = state;
  const mine = ++asked;
  const found = await run.row(row).catch(() => null);
  if (!found || mine !== asked || state.hovered !== row) return;
  tip.dataset.row = row;
  const label = labelOf(row) ?? found.label;
  const text = el(
    "p",
    {},
    `row ${row}`,
    label === null ? "" : ` · ${label}`,
    found.score === null || found.score === undefined ? "" : ` · ${number(found.score)}`,
  );
  if (layout(run) === "table") tip.replaceChildren(text);
  else {
    const [one, two] = [el("span"), el("span")];
    show(one, run, [found.sample], "", { small: true });
    show(two, run, [found.reconstruction], "", { small: true });
    tip.replaceChildren(el("div", { class: "pair" }, one, two), text);
  }
  tip.hidden = false;
}

/** Beside the pointer, on the side where there is room. */
function move(tip, { px, py }, box) {
  const frame = $(".maps").getBoundingClientRect();
  const mine = box.getBoundingClientRect();
  const [x, y] = [px + mine.left - frame.left, py + mine.top - frame.top];
  tip.style.left = x > frame.width / 2 ? "auto" : `${x + 18}px`;
  tip.style.right = x > frame.width / 2 ? `${frame.width - x + 18}px` : "auto";
  tip.style.top = y > frame.height / 2 ? "auto" : `${y + 12}px`;
  tip.style.bottom = y > frame.height / 2 ? `${frame.height - y + 12}px` : "auto";
}
