/** Small helpers for the document: elements, numbers in words, files to save. */

/**
 * An element: el("button", { class: "quiet", onclick: f }, "text", child, ...). Properties that
 * start with "on" are listeners, and null or false leaves one out.
 */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === false || value === undefined) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export const $ = (selector, within = document) => within.querySelector(selector);

/** A number to about four digits, with a true minus sign; a dash where there is none. */
export function number(value, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  let text;
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) text = value.toExponential(2);
  else if (Number.isInteger(value)) text = String(value);
  else if (size >= 10 ** (digits - 1)) text = String(Math.round(value));
  else text = String(Number(value.toPrecision(digits)));
  return text.replaceAll("-", "−");
}

/** A coordinate of a code: two decimals say where it is, and do not flicker as it moves. */
export const coordinate = (value) => value.toFixed(2).replace("-", "−").replace("−0.00", "0.00");

export const plural = (n, one, many = `${one}s`) =>
  `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

/** Hand a Blob to the user as a file. */
export function save(blob, name) {
  const link = el("a", { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Put a sentence where it is seen and where a screen reader says it. */
export function say(text) {
  $("#status").textContent = text;
}

let fading = 0;

/** Show what went wrong; it leaves by itself, or by its button. */
export function complain(error) {
  if (error?.name === "AbortError") return;
  const box = $("#problem");
  $("#problem-text").textContent = error?.message ?? String(error);
  box.hidden = false;
  clearTimeout(fading);
  fading = setTimeout(() => (box.hidden = true), 12_000);
}

/** A listener that says what went wrong in the asynchronous one it wraps. */
export const complainingly =
  (work) =>
  (...given) =>
    Promise.resolve(work(...given)).catch(complain);

/** Options of a select from [value, text] pairs. */
export function options(select, pairs, chosen) {
  select.replaceChildren(...pairs.map(([value, text]) => el("option", { value }, text)));
  if (chosen !== undefined && pairs.some(([value]) => String(value) === String(chosen))) {
    select.value = String(chosen);
  }
}
