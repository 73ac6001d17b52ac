/** The panel that walks from one sample to another and plays the way. */

import { Latest } from "./api.js";
import { nextRow } from "./atlas.js";
import { $, complain, complainingly, el, number, options, save, say } from "./dom.js";
import { columns, layout, mark, show, strip } from "./sample.js";
import { labelOf, on, place, state, tell } from "./state.js";

const PACE = 160; // ms for each step of the play
const BUTTONS = ["play", "png", "gif", "csv"];
const WORDS = { a: "A", b: "B" };

let asker = null;
let samples = [];
let codes = [];
let at = 0;
let playing = 0;

export function start() {
  $("#walk").append(
    el("div", { class: "bar-row ends" }, end("a"), end("b")),
    el(
      "div",
      { class: "bar-row" },
      el("label", {}, "Path ", el("select", { id: "walk-path", onchange: ask })),
      el(
        "label",
        {},
        "Steps ",
        el("input", {
          id: "walk-steps",
          type: "number",
          min: 2,
          max: 64,
          value: 12,
          onchange: ask,
        }),
      ),
      el(
        "button",
        { type: "button", id: "walk-play", "aria-pressed": "false", disabled: true, onclick: play },
        "Play",
      ),
      el(
        "button",
        {
          type: "button",
          id: "walk-png",
          disabled: true,
          onclick: complainingly(() => keep("png")),
        },
        "Save PNG",
      ),
      el(
        "button",
        {
          type: "button",
          id: "walk-gif",
          disabled: true,
          onclick: complainingly(() => keep("gif")),
        },
        "Save GIF",
      ),
      el(
        "button",
        { type: "button", id: "walk-csv", disabled: true, onclick: keepTable },
        "Save CSV",
      ),
    ),
    el(
      "div",
      { id: "walk-stage", hidden: true },
      el("div", { id: "walk-now", class: "picture" }),
      el(
        "label",
        { class: "grow" },
        el("span", { class: "unseen" }, "Step of the walk"),
        el("input", {
          id: "walk-at",
          type: "range",
          min: 0,
          max: 11,
          step: 1,
          value: 0,
          oninput: (event) => go(Number(event.target.value)),
        }),
      ),
    ),
    el("div", { id: "walk-strip", class: "strip" }),
    el(
      "p",
      { id: "walk-said", class: "muted small" },
      "Take two rows, the hand, or a sample of your own, as A and B.",
    ),
  );
  options($("#walk-path"), [
    ["straight", "straight"],
    ["spherical", "around the origin"],
    ["geodesic", "shortest for the decoder"],
  ]);
  for (const [id, name] of [
    ["to-start", "a"],
    ["to-end", "b"],
  ]) {
    $(`#${id}`).addEventListener(
      "click",
      complainingly(() => fromHand(name)),
    );
  }
  on("run", reset);
  on("ends condition", () => {
    for (const name of ["a", "b"])
      $(`#end-${name} .end-text`).textContent = state.ends[name]?.text ?? "not chosen";
    ask();
  });
}

/** One end of the walk: what it is, and the ways to choose it. */
function end(name) {
  const file = el("input", {
    type: "file",
    class: "unseen",
    id: `file-${name}`,
    tabindex: "-1",
    "aria-label": `A file of your own as ${WORDS[name]}`,
    onchange: complainingly((event) => own(name, event.target.files[0])),
  });
  const box = el(
    "div",
    {
      class: "end",
      id: `end-${name}`,
      role: "group",
      "aria-label": `End ${WORDS[name]} of the walk`,
    },
    el("span", { class: "badge", "aria-hidden": "true" }, WORDS[name]),
    el("span", { class: "picture end-picture" }),
    el("span", { class: "end-text muted" }, "not chosen"),
    el(
      "span",
      { class: "end-buttons" },
      el(
        "button",
        { type: "button", onclick: complainingly(() => fromHand(name)) },
        "Take the hand",
      ),
      el("button", { type: "button", onclick: () => pickNext(name) }, "Pick on the map"),
      el("button", { type: "button", class: "own-file", onclick: () => file.click() }, "Own file"),
      file,
    ),
  );
  box.addEventListener("dragover", (event) => {
    event.preventDefault();
    box.classList.add("over");
  });
  box.addEventListener("dragleave", () => box.classList.remove("over"));
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    box.classList.remove("over");
    const [dropped] = event.dataTransfer.files;
    if (dropped) own(name, dropped).catch(complain);
  });
  return box;
}

function reset() {
  const { run } = state;
  [samples, codes] = [[], []];
  stop();
  state.path = null;
  asker = new Latest(
    (body) => run.post("interpolate", body),
    (found) => {
      if (run !== state.run) return;
      ({ samples, codes } = found);
      state.path = codes;
      tell("path");
      draw();
    },
    complain,
  );
  $("#walk-stage").hidden = true;
  $("#walk-strip").replaceChildren();
  for (const id of BUTTONS) $(`#walk-${id}`).disabled = true;
  for (const id of ["png", "gif"]) $(`#walk-${id}`).hidden = run.kind !== "image";
  $("#walk-csv").hidden = run.kind === "image";
  for (const box of document.querySelectorAll(".end-picture")) box.replaceChildren();
  for (const button of document.querySelectorAll(".own-file")) button.hidden = run.kind === "table";
  for (const input of document.querySelectorAll(".end input"))
    input.accept = run.kind === "image" ? "image/*" : ".csv,.txt,.json,text/*";
  tell("ends");
}

/** Make something an end of the walk: { point, code, text, sample, file }. */
function set(name, found) {
  state.ends[name] = found;
  if (found.sample && layout(state.run) !== "table") {
    show(
      $(`#end-${name} .end-picture`),
      state.run,
      [found.sample],
      `${WORDS[name]}, ${found.text}`,
      { small: true },
    );
  }
  tell("ends");
  say(`${WORDS[name]} is ${found.text}`);
}

async function fromHand(name) {
  const { run, row, code } = state;
  const found = row >= 0 ? await run.row(row).catch(() => null) : null;
  // The hand may have left the row that was taken last.
  if (found && found.code.every((v, d) => Math.abs(v - code[d]) < 1e-4)) set(name, fromRow(found));
  else {
    const sample = (await run.decode([code], state.condition)).samples[0];
    set(name, { point: { code }, code, text: "the hand's place", sample });
  }
}

function fromRow(found) {
  const label = found.label ?? labelOf(found.row);
  const text = `row ${found.row}${label === null ? "" : `, label ${label}`}`;
  return { point: { row: found.row }, code: found.code, text, sample: found.sample };
}

function pickNext(name) {
  say(`Click the row on the map that is to be ${WORDS[name]}`);
  $(`#end-${name} .end-text`).textContent = "click a row on the map";
  nextRow(async (row) => {
    set(name, fromRow(await state.run.row(row)));
  });
  $("#map .over").focus({ preventScroll: true });
}

/** An image, or a text file whose first line of numbers is a row. */
async function own(name, file) {
  if (!file) return;
  const { run } = state;
  if (run.kind === "image") {
    const found = await run.upload(file);
    set(name, {
      point: { code: found.code },
      code: found.code,
      text: file.name,
      sample: found.sample,
      file,
    });
    $("#walk-said").textContent = `${file.name}: score ${number(found.score)}`;
    return;
  }
  if (run.kind === "table") throw new Error("Take rows of a table from the map, not from a file.");
  const values = numbers(await file.text(), run.shape[0]);
  if (!values)
    throw new Error(
      `${file.name} has no line of ${run.shape[0]} numbers, as a row of this run has.`,
    );
  const {
    codes: [code],
  } = await run.post("encode", { samples: [values] });
  set(name, { point: { values }, code, text: file.name, sample: { values } });
}

/** The first line with `count` numbers (an empty field is a missing entry), or null. */
function numbers(text, count) {
  for (const line of text.split(/\r?\n/)) {
    const parts = line
      .replace(/[[\]]/g, "")
      .trim()
      .split(/\s*[,;\t]\s*|\s+/)
      .map((part) => part.trim());
    const values = parts.map((part) => (part === "" || /^nan$/i.test(part) ? null : Number(part)));
    if (
      values.length === count &&
      values.every((v) => v === null || Number.isFinite(v)) &&
      values.some((v) => v !== null)
    )
      return values;
  }
  return null;
}

/** What the server is asked for, or null while an end is missing. */
function body() {
  const { a, b } = state.ends;
  if (!a || !b) return null;
  const steps = Math.min(64, Math.max(2, Math.round(Number($("#walk-steps").value) || 12)));
  const asked = { from: a.point, to: b.point, steps, path: $("#walk-path").value };
  return state.condition === null ? asked : { ...asked, condition: state.condition };
}

function ask() {
  const asked = body();
  if (asked) asker.ask(asked);
}

function draw() {
  const last = samples.length - 1;
  $("#walk-stage").hidden = false;
  $("#walk-at").max = last;
  for (const id of BUTTONS) $(`#walk-${id}`).disabled = false;
  const share = (k) => `${Math.round((100 * k) / last)}%`;
  strip(
    $("#walk-strip"),
    state.run,
    samples,
    (k) => {
      go(k);
      place(codes[k]);
    },
    { names: samples.map((_, k) => `step ${k + 1}`), captions: samples.map((_, k) => share(k)) },
  );
  $("#walk-said").textContent =
    `From ${state.ends.a.text} to ${state.ends.b.text}. Take a step to put the hand there.`;
  go(Math.min(at, last));
}

/** Show one step of the walk, and where it is on the map. */
function go(k) {
  at = k;
  $("#walk-at").value = k;
  $("#walk-at").setAttribute("aria-valuetext", `step ${k + 1} of ${samples.length}`);
  show($("#walk-now"), state.run, [samples[k]], `step ${k + 1} of the walk`);
  mark($("#walk-strip"), k);
  tell("step", { k, codes });
}

function play() {
  if (playing) {
    stop();
    return;
  }
  let by = 1;
  playing = setInterval(() => {
    if (at + by < 0 || at + by >= samples.length) by = -by;
    go(at + by);
  }, PACE);
  $("#walk-play").textContent = "Pause";
  $("#walk-play").setAttribute("aria-pressed", "true");
}

function stop() {
  clearInterval(playing);
  playing = at = 0;
  $("#walk-play").textContent = "Play";
  $("#walk-play").setAttribute("aria-pressed", "false");
}

async function keep(kind) {
  save(await state.run.file(`interpolate.${kind}`, body()), `${state.run.name}-walk.${kind}`);
}

/** The steps of a walk through vectors, a line each. */
function keepTable() {
  const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const head = columns(state.run).map(quoted).join(",");
  const lines = samples.map(({ values, cells }) =>
    values.map((v, j) => (cells?.[j] ? quoted(cells[j]) : (v ?? ""))).join(","),
  );
  save(
    new Blob([[head, ...lines, ""].join("\n")], { type: "text/csv" }),
    `${state.run.name}-walk.csv`,
  );
}
