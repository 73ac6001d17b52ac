/** The panel that adds the difference of two groups of rows to a sample. */

import { Latest } from "./api.js";
import { $, complain, el, number, plural } from "./dom.js";
import { mark, strip } from "./sample.js";
import { on, place, state, tell } from "./state.js";

const NAMES = { a: "A", b: "B" };

let asker = null;

export function start() {
  $("#arithmetic").append(
    el(
      "p",
      { class: "muted" },
      "The mean code of group A minus that of group B is a direction: along it a sample gains what A has and B lacks. Select rows with the lasso or a label of the legend, then make them a group.",
    ),
    el(
      "div",
      { class: "bar-row" },
      group("a"),
      el("span", { "aria-hidden": "true" }, "−"),
      group("b"),
    ),
    el(
      "div",
      { class: "bar-row" },
      el(
        "label",
        {},
        "Start from ",
        el(
          "select",
          { id: "arithmetic-at", onchange: ask },
          el("option", { value: "hand" }, "the hand"),
          el("option", { value: "mean" }, "the mean of group B"),
        ),
      ),
      el(
        "label",
        {},
        "Strength ",
        el("input", {
          id: "arithmetic-strength",
          type: "range",
          min: 0.1,
          max: 3,
          step: 0.1,
          value: 1,
          oninput: ask,
        }),
        el("output", { for: "arithmetic-strength" }, "1"),
      ),
    ),
    el("div", { id: "arithmetic-strip", class: "strip" }),
    el("p", { id: "arithmetic-said", class: "muted small" }),
  );
  on("run", reset);
  on("groups condition", () => {
    counts();
    ask();
  });
  on("tab", ask);
  // The start follows the hand, but not when the hand tries one of the results.
  on("code", (by) => by !== "arithmetic" && ask());
}

function group(name) {
  return el(
    "span",
    { class: "group", id: `group-${name}` },
    el("span", { class: "badge", "aria-hidden": "true" }, NAMES[name]),
    el("span", { class: "group-count" }),
    el(
      "button",
      {
        type: "button",
        onclick: () => {
          state.groups[name] = state.selection;
          tell("groups", name);
        },
      },
      `Selection as ${NAMES[name]}`,
    ),
  );
}

function counts() {
  for (const name of ["a", "b"]) {
    const rows = state.groups[name].length;
    $(`#group-${name} .group-count`).textContent = rows ? plural(rows, "row") : "empty";
  }
}

function reset() {
  const { run } = state;
  asker = new Latest(
    (body) => run.post("arithmetic", body),
    (found) => run === state.run && draw(found),
    complain,
  );
  $("#arithmetic-strip").replaceChildren();
  $("#arithmetic-said").textContent = "";
  counts();
}

function ask() {
  const { a, b } = state.groups;
  const strength = Number($("#arithmetic-strength").value);
  $("#arithmetic output").textContent = number(strength, 2);
  if (!a.length || !b.length || $("#arithmetic").hidden) return;
  const body = { plus: a, minus: b, strength };
  if ($("#arithmetic-at").value === "hand") body.at = { code: state.code };
  if (state.condition !== null) body.condition = state.condition;
  asker.ask(body);
}

function draw({ codes, samples, direction }) {
  const strength = Number($("#arithmetic-strength").value);
  const middle = (samples.length - 1) / 2;
  const captions = samples.map((_, k) => number((strength * (k - middle)) / middle, 2));
  strip(
    $("#arithmetic-strip"),
    state.run,
    samples,
    (k) => {
      mark($("#arithmetic-strip"), k);
      place(codes[k], "arithmetic");
    },
    {
      captions,
      names: captions.map((text) => `strength ${text}`),
      marked: middle,
    },
  );
  const size = Math.hypot(...direction);
  $("#arithmetic-said").textContent =
    `The direction is ${number(size, 3)} long. In the middle is the start; to the right more of A, to the left more of B.`;
}
