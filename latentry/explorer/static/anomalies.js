/** The panel of the most unusual rows, and where they are unusual. */

import { take } from "./atlas.js";
import { $, complain, complainingly, el, number, options } from "./dom.js";
import { cell, columns, layout, markColumns, show } from "./sample.js";
import { on, state } from "./state.js";

/** What rows can be ranked by; a KL only where the model has one. */
const HOW = ["score", "reconstruction error", "kl"];

let found = null;

export function start() {
  $("#anomalies").append(
    el(
      "div",
      { class: "bar-row" },
      el(
        "label",
        {},
        "Ranked by ",
        el("select", { id: "anomalies-how", onchange: complainingly(ask) }),
      ),
      el(
        "label",
        { class: "check" },
        el("input", { type: "checkbox", id: "anomalies-where", checked: true, onchange: draw }),
        "Show where",
      ),
    ),
    el("div", { id: "anomalies-list", class: "cards" }),
    el("p", { id: "anomalies-said", class: "muted small" }),
  );
  on("run", () => {
    found = null;
    const names = HOW.filter(
      (name) => name !== "kl" || state.run.dims.some(({ kl }) => kl !== null),
    );
    options(
      $("#anomalies-how"),
      names.map((name) => [name, name]),
    );
    $("#anomalies-list").replaceChildren();
    if (!$("#anomalies").hidden) ask().catch(complain);
  });
  on("tab", (name) => name === "anomalies" && !found && ask().catch(complain));
}

async function ask() {
  const { run } = state;
  const how = $("#anomalies-how").value;
  const asked = new URLSearchParams({ n: 24, how });
  $("#anomalies-said").textContent = "Looking…";
  const answer = await run.get(`anomalies?${asked}`).catch((error) => {
    $("#anomalies-said").textContent = "";
    throw error;
  });
  if (run !== state.run || how !== $("#anomalies-how").value) return;
  found = answer;
  draw();
}

function draw() {
  if (!found) return;
  const where = $("#anomalies-where").checked;
  $("#anomalies-list").replaceChildren(...found.map((each, k) => card(each, k, where)));
  const heat =
    layout(state.run) === "table"
      ? "The columns that differ most from their reconstruction, with their share of the error."
      : "Red is where the reconstruction differs most.";
  $("#anomalies-said").textContent = `The most unusual rows first. ${where ? heat : ""}`;
}

function card(each, k, where) {
  const picture = el("span", { class: "tile-picture" });
  const [image, curve, table] = ["image", "curve", "table"].map(
    (kind) => layout(state.run) === kind,
  );
  const label = each.label === null ? "" : `, label ${each.label}`;
  const name = `row ${each.row}${label}`;
  if (image)
    show(
      picture,
      state.run,
      [where ? each.where : each.sample],
      where ? `where ${name} is unusual` : name,
    );
  else if (curve) show(picture, state.run, [each.sample], name, { small: true });
  if (curve && where)
    markColumns(
      picture,
      state.run,
      each.where.contributions.map(({ column }) => column),
    );
  const parts = table && where ? contributions(each.where.contributions, each.sample) : null;
  return el(
    "button",
    {
      type: "button",
      class: "tile anomaly",
      title: `Take ${name}`,
      onclick: complainingly(() => take(each.row)),
    },
    el("span", { class: "rank" }, `${k + 1}. row ${each.row}`),
    table ? null : picture,
    parts,
    el(
      "span",
      { class: "caption" },
      each.label === null ? "" : `label ${each.label} · `,
      number(each.score),
    ),
  );
}

/** The columns of largest error, with what stands in them. */
function contributions(list, sample) {
  const names = columns(state.run);
  const whole = list.reduce((sum, { value }) => sum + (value ?? 0), 0) || 1;
  return el(
    "span",
    { class: "parts" },
    list.slice(0, 4).map(({ column, value }) => {
      const share = el("span", { class: "share", "aria-hidden": "true" });
      share.style.width = `${Math.round((100 * (value ?? 0)) / whole)}%`;
      return el(
        "span",
        { class: "part", title: `${column}: ${number(value, 3)}` },
        share,
        el("span", { class: "part-name" }, column),
        el("span", { class: "part-value" }, ` ${cell(sample, names.indexOf(column))}`),
      );
    }),
  );
}
