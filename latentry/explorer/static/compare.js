/** The panel that shows the same row, and the same walk, in the run on the map and the one beside. */

import { Latest } from "./api.js";
import { linked } from "./atlas.js";
import { $, complain, el, number } from "./dom.js";
import { layout, mark, show, strip } from "./sample.js";
import { labelOf, on, state } from "./state.js";

let rows = null;
let walks = null;

export function start() {
  $("#compare").append(
    el("p", { id: "compare-said", class: "muted" }),
    el("div", { id: "compare-row", class: "sides", hidden: true }, side("one"), side("two")),
    el(
      "div",
      { id: "compare-walk", hidden: true },
      el("h3", {}, "The walk in both"),
      strips("one"),
      strips("two"),
    ),
  );
  on("beside linked map run", reset);
  on("row hover tab", ask);
  on("path tab", walk);
  on("step", ({ k }) => {
    for (const id of ["walk-one", "walk-two"]) mark($(`#${id}`), k);
  });
}

const strips = (name) => [
  el("p", { id: `walk-name-${name}`, class: "muted small strip-name" }),
  el("div", { id: `walk-${name}`, class: "strip" }),
];

const side = (name) =>
  el(
    "figure",
    { id: `side-${name}` },
    el("figcaption", { class: "side-name" }),
    el(
      "div",
      { class: "pictures" },
      el("figure", {}, el("div", { class: "picture side-sample" }), el("figcaption", {}, "sample")),
      el(
        "figure",
        {},
        el("div", { class: "picture side-rebuilt" }),
        el("figcaption", {}, "reconstruction"),
      ),
    ),
    el("p", { class: "small muted side-said" }),
  );

function reset() {
  const { run, beside } = state;
  const both = beside && linked();
  for (const id of ["compare-row", "compare-walk"]) $(`#${id}`).hidden = true;
  if (!beside)
    $("#compare-said").textContent =
      state.runs.length > 1
        ? "Choose a run in “Beside it” at the top of the page."
        : "Start the explorer with several runs to see them side by side: latentry explore RUN RUN.";
  else if (!state.besideMap) $("#compare-said").textContent = "Loading…";
  else if (!both)
    $("#compare-said").textContent =
      `${run.name} and ${beside.name} show different data, so their rows are not linked.`;
  else
    $("#compare-said").textContent =
      "Both runs show the same data: point at or take a row in one, and it is marked in the other.";
  rows =
    both &&
    new Latest(
      async (row) => (row < 0 ? null : Promise.all([run.row(row), beside.row(row)])),
      (pair) => run === state.run && beside === state.beside && draw(pair),
      complain,
    );
  walks =
    both &&
    new Latest(
      (bodies) => Promise.all([run, beside].map((each, k) => each.post("interpolate", bodies[k]))),
      (found) => run === state.run && beside === state.beside && drawWalks(found),
      complain,
    );
  ask();
  walk();
}

const open = () => !$("#compare").hidden;

function ask() {
  if (rows && open()) rows.ask(state.hovered >= 0 ? state.hovered : state.row);
}

function draw(pair) {
  $("#compare-row").hidden = !pair;
  if (!pair) return;
  [state.run, state.beside].forEach((run, k) => {
    const [box, found] = [$(k ? "#side-two" : "#side-one"), pair[k]];
    $(".side-name", box).textContent = `${run.name} · ${run.model}`;
    const table = layout(run) === "table";
    const behind = table || layout(run) === "curve" ? [found.sample] : [];
    box.querySelector("figure").hidden = table;
    show($(".side-sample", box), run, [found.sample], `sample of row ${found.row}`);
    show(
      $(".side-rebuilt", box),
      run,
      [found.reconstruction, ...behind],
      `reconstruction by ${run.name}`,
      { headings: ["rebuilt", "sample"] },
    );
    const label = labelOf(found.row);
    const figures = [
      label === null ? "" : `label ${label}`,
      `score ${number(found.score)}`,
      `error ${number(found.error)}`,
    ];
    $(".side-said", box).textContent = `Row ${found.row} · ${figures.filter(Boolean).join(" · ")}`;
  });
}

/** The same ends in the other run: a row is the same row there, a file is encoded anew. */
async function there(end) {
  if (end.point.row !== undefined || end.point.values) return end.point;
  if (end.file) return { code: (await state.beside.upload(end.file)).code };
  return null;
}

async function walk() {
  const { a, b } = state.ends;
  $("#compare-walk").hidden = true;
  if (!walks || !open() || !a || !b || !state.path) return;
  const [from, to] = await Promise.all([there(a), there(b)]).catch((error) => {
    complain(error);
    return [null, null];
  });
  if (!from || !to) return;
  const steps = state.path.length;
  const path = $("#walk-path").value;
  const own = { from: a.point, to: b.point, steps, path };
  if (state.condition !== null) own.condition = state.condition;
  walks.ask([own, { from, to, steps, path }]);
}

function drawWalks(found) {
  $("#compare-walk").hidden = false;
  [state.run, state.beside].forEach((run, k) => {
    $(k ? "#walk-name-two" : "#walk-name-one").textContent = `${run.name} · ${run.model}`;
    const names = found[k].samples.map((_, i) => `step ${i + 1} of ${run.name}`);
    strip($(k ? "#walk-two" : "#walk-one"), run, found[k].samples, () => {}, {
      names,
      captions: null,
    });
  });
}
