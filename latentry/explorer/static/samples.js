/** The panel of new samples. */

import { Latest } from "./api.js";
import { $, complain, el, number, plural } from "./dom.js";
import { strip } from "./sample.js";
import { on, place, state } from "./state.js";

let asker = null;
let seed = 0;
let stale = true;

export function start() {
  $("#samples").append(
    el(
      "div",
      { class: "bar-row" },
      el(
        "label",
        {},
        "How many ",
        el("input", {
          id: "samples-n",
          type: "number",
          min: 1,
          max: 256,
          value: 24,
          onchange: ask,
        }),
      ),
      el(
        "label",
        {},
        "Temperature ",
        el("input", {
          id: "samples-temperature",
          type: "range",
          min: 0,
          max: 2,
          step: 0.05,
          value: 1,
          oninput: ask,
        }),
        el("output", { for: "samples-temperature" }, "1"),
      ),
      el(
        "button",
        {
          type: "button",
          id: "samples-again",
          onclick: () => {
            seed += 1;
            ask();
          },
        },
        "Draw again",
      ),
    ),
    el("div", { id: "samples-strip", class: "strip" }),
    el("p", { id: "samples-said", class: "muted small" }),
  );
  on("run", reset);
  on("tab", () => stale && ask());
  on("condition", () => {
    stale = true;
    ask();
  });
}

function reset() {
  const { run } = state;
  stale = true;
  asker = new Latest(
    (body) => run.post("sample", body),
    (found, body) => run === state.run && draw(found, body),
    complain,
  );
  $("#samples-strip").replaceChildren();
  $("#samples-said").textContent = "";
  ask();
}

function ask() {
  const temperature = Number($("#samples-temperature").value);
  $("#samples output").textContent = number(temperature, 2);
  if ($("#samples").hidden) return;
  stale = false;
  const n = Math.min(256, Math.max(1, Math.round(Number($("#samples-n").value) || 24)));
  const body = { n, temperature, seed };
  if (state.condition !== null) body.condition = state.condition;
  asker.ask(body);
}

function draw({ codes, samples }, { temperature, condition }) {
  strip($("#samples-strip"), state.run, samples, (k) => place(codes[k]));
  const from = state.run.has_prior
    ? "the prior"
    : "a mixture of Gaussians fitted to the codes, as this model has no prior";
  const told = condition === undefined ? "" : `; the model is told ${condition}`;
  $("#samples-said").textContent =
    `${plural(samples.length, "code")} drawn from ${from}, at temperature ${number(temperature, 2)} (draw ${seed + 1})${told}. Take one to put the hand there.`;
}
