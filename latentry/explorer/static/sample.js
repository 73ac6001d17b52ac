/** How a sample is shown: an image, a curve, or the columns of a table. */

import { $, el, number, svg } from "./dom.js";

const COLUMNS = 40; // more than these are a curve, named or not

/**
 * "image", "curve" or "table". As in the report: more than 12 columns without names are a curve,
 * which is how time series and spectra come.
 */
export function layout(run) {
  if (run.kind === "image" || run.kind === "table") return run.kind;
  const width = run.shape.reduce((a, b) => a * b, 1);
  return width > COLUMNS || (width > 12 && !run.columns) ? "curve" : "table";
}

export function columns(run) {
  return run.columns ?? Array.from({ length: run.shape[0] }, (_, i) => `x${i + 1}`);
}

/** The lowest and highest value of each column, or of all curves: what bars and axes run over. */
const ranges = new WeakMap();

function widen(range, values) {
  for (const v of values) {
    if (v === null) continue;
    if (v < range[0]) range[0] = v;
    if (v > range[1]) range[1] = v;
  }
  return range;
}

/** Ask once for the range of each column of a table. */
export async function learn(run) {
  if (layout(run) !== "table" || ranges.has(run)) return;
  const names = columns(run);
  const offered = new Set(await run.names());
  const found = await Promise.all(
    names.map(async (name) => {
      const own = `column ${name}`; // where a figure of the rows has the column's name
      if (!offered.has(own) && !offered.has(name)) return [Infinity, -Infinity];
      const { values, levels } = await run.values(offered.has(own) ? own : name);
      return widen([Infinity, -Infinity], levels ? [] : values);
    }),
  );
  ranges.set(run, found);
}

function curveRange(run, lists) {
  if (!ranges.has(run)) ranges.set(run, [Infinity, -Infinity]);
  const range = ranges.get(run);
  lists.forEach((values) => widen(range, values));
  return range;
}

/** What stands in column j of a sample, as text. */
export const cell = ({ values, cells }, j) => cells?.[j] ?? number(values[j]);

function image(sample, name) {
  return el("img", { class: "pixels", src: sample.image, alt: name, draggable: "false" });
}

/** Marks behind a curve at some of its columns. */
export function markColumns(box, run, names) {
  const all = columns(run);
  const last = all.length - 1 || 1;
  const d = names.map((name) => `M${((100 * all.indexOf(name)) / last).toFixed(2)} 0V50`).join("");
  $(".curve", box).prepend(svg("path", { d, class: "where" }));
}

/** Curves over each other; the first is what is looked at, the others stand behind it. */
function curve(run, samples, name, small) {
  const [low, high] = curveRange(
    run,
    samples.map((sample) => sample.values),
  );
  const wide = high - low || 1;
  const made = svg("svg", {
    class: "curve",
    viewBox: "0 0 100 50",
    preserveAspectRatio: "none",
    role: "img",
    "aria-label": name,
  });
  samples.toReversed().forEach((sample, k) => {
    const last = sample.values.length - 1 || 1;
    let pen = "M";
    const d = sample.values.map((v, i) => {
      if (v === null) {
        pen = "M";
        return "";
      }
      const point = `${pen}${((100 * i) / last).toFixed(2)} ${(49 - (48 * (v - low)) / wide).toFixed(2)}`;
      pen = "L";
      return point;
    });
    const front = k === samples.length - 1;
    made.append(svg("path", { d: d.join(""), class: front ? "front" : "behind" }));
  });
  if (small) return made;
  const scale = el(
    "span",
    { class: "scale muted" },
    el("span", {}, number(high, 3)),
    el("span", {}, number(low, 3)),
  );
  return el("span", { class: "curve-box" }, scale, made);
}

/** One line per column: its name, a mark in the column's range, its value. */
function table(run, samples, headings) {
  const range = ranges.get(run);
  const names = columns(run);
  const body = names.map((name, j) => {
    const [low, high] = range?.[j] ?? [0, 1];
    const bar = svg("svg", {
      class: "bar",
      viewBox: "0 0 100 10",
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    });
    if (high > low) bar.append(svg("path", { d: "M0 5H100", class: "rail" }));
    samples.toReversed().forEach((sample, k) => {
      const value = sample.values[j];
      if (value === null || !(high > low)) return;
      const x = Math.min(99, Math.max(1, (100 * (value - low)) / (high - low))).toFixed(1);
      bar.append(
        svg("path", { d: `M${x} 0V10`, class: k === samples.length - 1 ? "front" : "behind" }),
      );
    });
    const cells = samples.map((sample) => el("td", { class: "value" }, cell(sample, j)));
    return el(
      "tr",
      {},
      el("th", { scope: "row", title: name }, name),
      el("td", { class: "bar-cell" }, bar),
      cells,
    );
  });
  const head = headings
    ? [
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            el("th", { scope: "col" }, "column"),
            el("td"),
            headings.map((h) => el("th", { scope: "col", class: "value" }, h)),
          ),
        ),
      ]
    : [];
  return el("table", { class: "columns" }, head, el("tbody", {}, body));
}

/**
 * Show samples in an element, in place of what it holds.
 *
 * @param box  the element
 * @param run  whose samples these are
 * @param samples  one, or a sample and what stands behind it (curves and tables only)
 * @param name  what a screen reader says
 */
export function show(box, run, samples, name, { small = false, headings = null } = {}) {
  const kind = layout(run);
  if (kind === "image") {
    // The picture is replaced in place: a new element would flicker as the hand moves.
    const now = box.firstElementChild;
    if (now?.tagName === "IMG" && box.childElementCount === 1) {
      now.src = samples[0].image;
      now.alt = name;
      return;
    }
  }
  const made =
    kind === "image"
      ? image(samples[0], name)
      : kind === "curve"
        ? curve(run, samples, name, small)
        : table(run, samples, headings);
  box.replaceChildren(made);
}

/**
 * Many samples at once: tiles, or a table with one sample to a line.
 *
 * @param taken  (k) => void, when one is taken up
 * @param captions  text below each, or null
 */
export function strip(
  box,
  run,
  samples,
  taken,
  { captions = null, names = null, marked = -1 } = {},
) {
  const name = (k) => names?.[k] ?? `sample ${k + 1}`;
  if (layout(run) === "table") {
    box.replaceChildren(lines(run, samples, taken, captions, name));
  } else {
    const tiles = samples.map((sample, k) => {
      const inner = el("span", { class: "tile-picture" });
      show(inner, run, [sample], name(k), { small: true });
      const text =
        captions && captions[k] !== null ? el("span", { class: "caption" }, captions[k]) : null;
      return el(
        "button",
        {
          class: "tile",
          type: "button",
          title: `Put the hand at ${name(k)}`,
          onclick: () => taken(k),
        },
        inner,
        text,
      );
    });
    box.replaceChildren(...tiles);
  }
  mark(box, marked);
}

/** Mark one sample of a strip as the one that is shown. */
export function mark(box, k) {
  const parts = box.querySelectorAll(".tile, tbody tr");
  parts.forEach((part, i) => part.classList.toggle("marked", i === k));
}

function lines(run, samples, taken, captions, name) {
  const head = el(
    "tr",
    {},
    el("th", { scope: "col" }, ""),
    columns(run).map((c) => el("th", { scope: "col", class: "value" }, c)),
  );
  const body = samples.map((sample, k) => {
    const button = el(
      "button",
      {
        class: "link",
        type: "button",
        "aria-label": `Put the hand at ${name(k)}`,
        onclick: () => taken(k),
      },
      captions?.[k] ?? String(k + 1),
    );
    return el(
      "tr",
      {},
      el("th", { scope: "row" }, button),
      sample.values.map((_, j) => el("td", { class: "value" }, cell(sample, j))),
    );
  });
  return el(
    "div",
    { class: "wide", tabindex: "0", role: "region", "aria-label": "samples, a line each" },
    el("table", { class: "lines" }, el("thead", {}, head), el("tbody", {}, body)),
  );
}
