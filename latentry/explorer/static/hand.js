/** The hand: the code it holds, decoded live, a slider for each dimension, and the row pointed at. */

import { Latest } from "./api.js";
import { $, complain, coordinate, el, number, options, plural } from "./dom.js";
import { layout, show } from "./sample.js";
import { labelOf, on, place, state, tell } from "./state.js";

let decoder = null;
let rows = null;
let decoded = null;
let shown = null;

export function start() {
  on("run", rebuild);
  on("code", () => {
    move();
    ask();
  });
  on("condition", ask);
  on("row hover", () => rows?.ask(state.hovered >= 0 ? state.hovered : state.row));
  $("#centre").addEventListener("click", () => {
    state.row = -1;
    tell("row");
    place(state.map.origin.slice());
  });
}

function rebuild() {
  const { run } = state;
  decoded = shown = null;
  document.body.dataset.layout = layout(run);
  for (const id of ["decoded", "row-sample", "row-rebuilt"]) $(`#${id}`).replaceChildren();
  $("#row-about").textContent = "Point at a row of the map, or click it.";
  decoder = new Latest(
    ({ code, condition }) => run.decode([code], condition),
    ({ samples }) => {
      if (run !== state.run) return;
      decoded = samples[0];
      render();
    },
    complain,
  );
  rows = new Latest(
    async (row) => (row < 0 ? null : run.row(row)),
    (found) => {
      if (run !== state.run) return;
      shown = found;
      renderRow();
    },
    complain,
  );
  sliders();
  conditions();
}

function ask() {
  if (state.code) decoder?.ask({ code: state.code, condition: state.condition });
}

function render() {
  const { run } = state;
  const name = "what the code under the hand decodes to";
  if (layout(run) === "table" && shown) {
    const trio = [decoded, shown.sample, shown.reconstruction];
    show($("#decoded"), run, trio, name, { headings: ["hand", `row ${shown.row}`, "rebuilt"] });
  } else {
    show($("#decoded"), run, [decoded], name, { headings: ["hand"] });
  }
  const inset = $("#inset");
  inset.hidden = layout(run) === "table";
  if (!inset.hidden) show(inset, run, [decoded], "", { small: true });
  tell("decoded", decoded);
}

/** Sample, reconstruction and figures of the row that is pointed at, or else of the one taken. */
function renderRow() {
  const about = $("#row-about");
  if (!shown) {
    about.textContent = "Point at a row of the map, or click it.";
    for (const id of ["row-sample", "row-rebuilt"]) $(`#${id}`).replaceChildren();
    if (decoded && layout(state.run) === "table") render();
    return;
  }
  const label = shown.label ?? labelOf(shown.row);
  about.textContent = sentence(shown, label);
  if (layout(state.run) === "table") {
    if (decoded) render();
    return;
  }
  const behind = layout(state.run) === "curve" ? [shown.sample] : [];
  show($("#row-sample"), state.run, [shown.sample], `sample of row ${shown.row}`);
  show(
    $("#row-rebuilt"),
    state.run,
    [shown.reconstruction, ...behind],
    `reconstruction of row ${shown.row}`,
  );
}

function sentence(row, label) {
  const parts = [`Row ${row.row}`];
  if (label !== null && label !== undefined) parts.push(`label ${label}`);
  if (row.score !== null && row.score !== undefined) parts.push(`score ${number(row.score)}`);
  if (row.error !== null && row.error !== undefined) parts.push(`error ${number(row.error)}`);
  return parts.join(" · ");
}

function sliders() {
  const { run } = state;
  const used = run.dims.filter((dim) => dim.active);
  const dead = run.dims.filter((dim) => !dim.active);
  const parts = used.map(slider);
  if (dead.length) {
    parts.push(
      el(
        "details",
        { class: "dead", open: !used.length },
        el("summary", {}, `${plural(dead.length, "dimension")} the model does not use`),
        dead.map(slider),
      ),
    );
  }
  $("#sliders").replaceChildren(...parts);
}

function slider(dim) {
  const id = `z${dim.index + 1}`;
  const amount = dim.kl === null ? `±${number(dim.std, 2)}` : `${number(dim.kl, 2)} nats`;
  const [low, high] = reach(dim);
  const input = el("input", {
    type: "range",
    id,
    min: low,
    max: high,
    step: (high - low) / 400,
    value: dim.mean,
    "aria-label": `${id}, ${amount}`,
    "data-dim": dim.index,
    oninput: (event) => {
      const code = state.code.slice();
      code[dim.index] = Number(event.target.value);
      place(code);
    },
  });
  const text = el(
    "label",
    {
      for: id,
      class: dim.active ? null : "muted",
      title: dim.kl === null ? "standard deviation of the codes" : "KL to the prior",
    },
    id,
    " ",
    el("small", { class: "muted" }, amount),
  );
  return el("div", { class: "slider" }, text, input, el("output", { for: id }));
}

/** A slider's ends: the codes' own, and at least two units around zero in a dead dimension. */
function reach({ low, high, active }) {
  const room = 0.1 * (high - low);
  return active && high > low ? [low - room, high + room] : [Math.min(low, -2), Math.max(high, 2)];
}

/** Move the sliders to where the hand is. */
function move() {
  for (const input of document.querySelectorAll("#sliders input")) {
    const value = state.code[Number(input.dataset.dim)];
    if (input !== document.activeElement || Math.abs(input.value - value) > Number(input.step))
      input.value = value;
    input.setAttribute("aria-valuetext", coordinate(value));
    input.parentElement.querySelector("output").textContent = coordinate(value);
  }
}

/** A conditional model is told something: a class from a list, or numbers. */
function conditions() {
  const box = $("#condition");
  const { condition } = state.run;
  box.hidden = !condition;
  box.replaceChildren();
  if (!condition) return;
  const change = (value) => {
    state.condition = value;
    tell("condition");
  };
  if (condition.kind === "classes") {
    const select = el("select", {
      id: "condition-value",
      onchange: (event) => change(condition.classes[event.target.selectedIndex]),
    });
    const usual = condition.classes.indexOf(condition.usual);
    options(
      select,
      condition.classes.map((each, k) => [k, String(each)]),
      Math.max(0, usual),
    );
    box.append(el("label", {}, "The model is told ", select));
    return;
  }
  const usual = [condition.usual].flat();
  const read = (event) => {
    const values = event.target.value
      .split(/[\s,;]+/)
      .filter(Boolean)
      .map(Number);
    if (values.length === usual.length && values.every(Number.isFinite))
      change(values.length === 1 ? values[0] : values);
    else
      complain(
        new Error(`The condition needs ${plural(usual.length, "number")}, separated by commas.`),
      );
  };
  box.append(
    el(
      "label",
      {},
      "The model is told ",
      el("input", {
        id: "condition-value",
        type: "text",
        inputmode: "decimal",
        value: usual.join(", "),
        onchange: read,
      }),
    ),
  );
}

/** What a conditional model is told at first: what is most usual; null for other models. */
export const firstCondition = ({ condition }) => condition?.usual ?? null;

/** A taken row brings its own label as the condition, where the model is told labels. */
export function follow(label) {
  const { condition } = state.run;
  if (condition?.kind !== "classes" || label === null) return;
  const k = condition.classes.findIndex((each) => String(each) === String(label));
  if (k < 0) return;
  state.condition = condition.classes[k];
  $("#condition-value").selectedIndex = k;
  tell("condition");
}
