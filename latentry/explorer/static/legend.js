/** What the colours of the points mean. */

import { classColour, css, ramp } from "./colours.js";
import { el, number } from "./dom.js";

/**
 * @param said  either { names, labels, of }, for classes of something, or { name, unit, range, dark } for values
 * @param select  (k) => void: the class k was clicked
 */
export function drawLegend(box, said, select) {
  if (said.labels) box.replaceChildren(...classes(said, select));
  else if (said.range) box.replaceChildren(...bar(said));
  else box.replaceChildren();
}

function classes({ names, labels, of }, select) {
  const counts = new Map();
  for (const k of labels) counts.set(k, (counts.get(k) ?? 0) + 1);
  return names.flatMap((name, k) => {
    if (!counts.has(k)) return [];
    const dot = el("span", { class: "dot", "aria-hidden": "true" });
    dot.style.background = css(classColour(k));
    const title = `Select the ${counts.get(k).toLocaleString("en")} rows with ${of} ${name}`;
    return [
      el(
        "button",
        { type: "button", class: "key", title, onclick: () => select(k) },
        dot,
        String(name),
      ),
    ];
  });
}

function bar({ name, unit, range: [low, high], dark }) {
  const canvas = el("canvas", {
    width: 160,
    height: 1,
    class: "ramp",
    role: "img",
    "aria-label": `colours from ${number(low)} to ${number(high)}`,
  });
  const context = canvas.getContext("2d");
  for (let x = 0; x < 160; x++) {
    context.fillStyle = css(ramp(x / 159, dark));
    context.fillRect(x, 0, 1, 1);
  }
  const title =
    "The colours run over the middle 98% of the values; those outside have the colour of the end.";
  return [
    el("span", {}, unit ? `${name}, ${unit}` : name),
    el("span", { class: "value", title }, number(low, 3)),
    canvas,
    el("span", { class: "value", title }, number(high, 3)),
  ];
}
