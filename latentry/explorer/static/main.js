/** The explorer's page: starts its parts, and changes run, theme and panel. */

import * as anomalies from "./anomalies.js";
import { runs } from "./api.js";
import * as arithmetic from "./arithmetic.js";
import * as atlas from "./atlas.js";
import * as compare from "./compare.js";
import { $, complain, complainingly, options } from "./dom.js";
import * as hand from "./hand.js";
import * as drawn from "./samples.js";
import { learn } from "./sample.js";
import { state, tell } from "./state.js";
import { startTabs } from "./tabs.js";
import * as walk from "./walk.js";

const THEMES = ["auto", "light", "dark"];

function themes() {
  const button = $("#theme");
  const root = document.documentElement;
  const name = () => {
    const now = root.dataset.theme ?? "auto";
    button.textContent = now[0].toUpperCase() + now.slice(1);
    button.setAttribute("aria-label", `Theme: ${now === "auto" ? "as the system" : now}`);
  };
  button.addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(root.dataset.theme ?? "auto") + 1) % THEMES.length];
    if (next === "auto") delete root.dataset.theme;
    else root.dataset.theme = next;
    localStorage.setItem("latentry-theme", next);
    name();
    tell("theme");
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => tell("theme"));
  name();
}

/** Make a run the one that everything on the page belongs to. */
export async function choose(run) {
  Object.assign(state, {
    run,
    map: null,
    code: null,
    condition: null,
    row: -1,
    hovered: -1,
    selection: [],
    path: null,
    groups: { a: [], b: [] },
    ends: { a: null, b: null },
  });
  $("#title").textContent = run.name;
  const shape =
    run.kind === "image"
      ? `images of ${run.shape.filter((side) => side > 1).join(" × ")}`
      : `${run.shape[0]} columns`;
  $("#about").textContent =
    `${run.model} · ${run.latent} latent dimensions · ${run.rows.toLocaleString("en")} rows · ${shape}`;
  document.title = `${run.name} – latentry explorer`;
  others();
  // Until the hand has a place in the new run, nothing can be done with it.
  const page = $("main");
  page.inert = true;
  try {
    await learn(run);
    tell("run");
    await atlas.load();
  } finally {
    if (run === state.run) page.inert = false;
  }
  if (state.beside) tell("beside");
}

/** The runs that may stand beside the chosen one. */
function others() {
  const left = state.runs.filter((run) => run !== state.run);
  if (state.beside === state.run) {
    state.beside = null;
    tell("beside");
  }
  $("#beside-label").hidden = !left.length;
  options(
    $("#beside"),
    [["", "nothing"], ...left.map((run) => [run.id, run.name])],
    state.beside?.id ?? "",
  );
}

async function beside(id) {
  const run = state.runs.find((each) => each.id === id) ?? null;
  if (run) await learn(run);
  state.beside = run;
  state.besideMap = null;
  tell("beside");
}

async function start() {
  themes();
  $("#problem-close").addEventListener("click", () => ($("#problem").hidden = true));
  hand.start();
  atlas.start();
  for (const panel of [walk, arithmetic, drawn, anomalies, compare]) panel.start();
  startTabs($("[role=tablist]"));
  state.runs = await runs();
  options(
    $("#run"),
    state.runs.map((run) => [run.id, run.name]),
  );
  const byId = (id) => state.runs.find((run) => run.id === id);
  $("#run").addEventListener("change", (event) => choose(byId(event.target.value)).catch(complain));
  $("#beside").addEventListener(
    "change",
    complainingly((event) => beside(event.target.value)),
  );
  if (!state.runs.length) throw new Error("The server has no runs to show.");
  await choose(state.runs[0]);
  document.body.dataset.ready = "yes";
}

start().catch(complain);
