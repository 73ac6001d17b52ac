/** The latent map: points below, and above them the hand, the marked rows, paths and axes. */

import { css, rgb } from "./colours.js";
import { el, number } from "./dom.js";
import { listen } from "./gestures.js";
import { Points } from "./points.js";
import { ticks, View } from "./view.js";

/** A colour of the style sheet, as the canvases have to be told. */
export function themed(name) {
  const text = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return rgb(text.length === 4 ? `#${[...text.slice(1)].map((c) => c + c).join("")}` : text);
}

export class MapView {
  view = new View();
  points = null;
  axes = ["", ""];
  tool = "hand";
  /** Colours of the points: see Points.draw. */
  look = { packed: null, one: 0, chosen: null };
  /** What stands above the points, in the plane's units: null where there is none. */
  hand = null;
  hovered = -1;
  picked = -1;
  path = null;
  ends = { a: null, b: null };
  lasso = null;
  #dirty = { points: true, over: true, asked: false };

  /**
   * @param box  the element that holds the map
   * @param label  what a screen reader calls it
   * @param said  { hover(row, at), press(plane point, row, start), lasso(rows), key(name) }
   */
  constructor(box, label, said) {
    this.box = box;
    this.said = said;
    this.below = el("canvas", { class: "points", "aria-hidden": "true" });
    this.above = el("canvas", {
      class: "over",
      tabindex: "0",
      role: "application",
      "aria-label": label,
      "aria-roledescription": "map",
      "aria-describedby": "map-keys",
    });
    box.replaceChildren(this.below, this.above);
    listen(this);
    new ResizeObserver(() => this.resize()).observe(box);
    this.above.addEventListener("focus", () => this.redraw(false));
    this.above.addEventListener("blur", () => this.redraw(false));
    this.resize();
  }

  setPoints(x, y, axes) {
    this.points = new Points(x, y);
    this.axes = axes;
    this.look = { ...this.look, packed: null, chosen: null };
    this.hovered = this.picked = -1;
    this.path = this.lasso = null;
    this.view.fit(x, y);
    this.redraw();
  }

  resize() {
    const { width, height } = this.box.getBoundingClientRect();
    if (!width || !height) return;
    this.ratio = Math.min(2, devicePixelRatio || 1);
    for (const canvas of [this.below, this.above]) {
      canvas.width = Math.round(width * this.ratio);
      canvas.height = Math.round(height * this.ratio);
    }
    this.view.resize(width, height);
    this.redraw();
  }

  /** Draw again in the next frame: everything, or only what stands above the points. */
  redraw(points = true) {
    this.#dirty.points ||= points;
    if (this.#dirty.asked) return;
    this.#dirty.asked = true;
    requestAnimationFrame(() => {
      this.#dirty.asked = false;
      if (this.#dirty.points) this.#drawPoints();
      this.#dirty.points = false;
      this.#drawOver();
    });
  }

  zoomBy(factor, px = this.view.width / 2, py = this.view.height / 2) {
    this.view.zoomAt(factor, px, py);
    this.redraw();
  }

  #drawPoints() {
    const context = this.below.getContext("2d");
    const [r, g, b] = themed("--card");
    const back = ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
    if (this.points) {
      this.points.draw(context, this.view, this.ratio, { ...this.look, back, share: 0.8 });
    }
  }

  #drawOver() {
    const context = this.above.getContext("2d");
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, this.view.width, this.view.height);
    if (!this.points) return;
    this.#drawAxes(context);
    if (this.path?.length) this.#drawPath(context);
    if (this.lasso) this.#drawLasso(context);
    if (this.picked >= 0) this.#ring(context, this.at(this.picked), 7, "--ink", 2);
    if (this.hovered >= 0) this.#ring(context, this.at(this.hovered), 7, "--accent", 2);
    if (this.hand) this.#drawHand(context);
    for (const name of ["a", "b"]) if (this.ends[name]) this.#drawEnd(context, name);
  }

  /** Where a row stands, in the plane. */
  at(row) {
    return { x: this.points.x[row], y: this.points.y[row] };
  }

  #pixel = ({ x, y }) => [this.view.right(x), this.view.down(y)];

  #ring(context, point, radius, colour, width) {
    const [px, py] = this.#pixel(point);
    for (const [name, wide] of [
      ["--card", width + 2.5],
      [colour, width],
    ]) {
      context.beginPath();
      context.arc(px, py, radius, 0, 2 * Math.PI);
      context.strokeStyle = css(themed(name));
      context.lineWidth = wide;
      context.stroke();
    }
  }

  #drawHand(context) {
    const [px, py] = this.#pixel(this.hand);
    this.#ring(context, this.hand, 10, "--hand", 3);
    context.strokeStyle = css(themed("--hand"));
    context.lineWidth = 2;
    context.beginPath();
    for (const [dx, dy] of [
      [1, 0],
      [-1, 0],
      [0, 1],
      [0, -1],
    ]) {
      context.moveTo(px + 10 * dx, py + 10 * dy);
      context.lineTo(px + 16 * dx, py + 16 * dy);
    }
    context.stroke();
  }

  #drawEnd(context, name) {
    const [px, py] = this.#pixel(this.ends[name]);
    context.beginPath();
    context.arc(px, py, 9, 0, 2 * Math.PI);
    context.fillStyle = css(themed("--ink"));
    context.fill();
    context.fillStyle = css(themed("--card"));
    context.font = "600 11px system-ui, sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(name.toUpperCase(), px, py + 0.5);
  }

  #drawPath(context) {
    context.beginPath();
    this.path.forEach((point, k) => context[k ? "lineTo" : "moveTo"](...this.#pixel(point)));
    for (const [name, wide] of [
      ["--card", 5],
      ["--ink", 2],
    ]) {
      context.strokeStyle = css(themed(name));
      context.lineWidth = wide;
      context.stroke();
    }
    context.fillStyle = css(themed("--ink"));
    for (const point of this.path) {
      context.beginPath();
      context.arc(...this.#pixel(point), 3, 0, 2 * Math.PI);
      context.fill();
    }
  }

  #drawLasso(context) {
    context.beginPath();
    this.lasso.forEach((at, k) =>
      context[k ? "lineTo" : "moveTo"](...this.#pixel({ x: at[0], y: at[1] })),
    );
    context.closePath();
    context.strokeStyle = css(themed("--accent"));
    context.lineWidth = 1.5;
    context.setLineDash([5, 4]);
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 0.1;
    context.fillStyle = css(themed("--accent"));
    context.fill();
    context.globalAlpha = 1;
  }

  #drawAxes(context) {
    const { width, height } = this.view;
    const [muted, rule] = [css(themed("--muted")), css(themed("--rule"))];
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = muted;
    context.strokeStyle = rule;
    context.lineWidth = 1;
    context.textAlign = "center";
    context.textBaseline = "bottom";
    for (const x of ticks(this.view.across(30), this.view.across(width - 6), width / 90)) {
      const px = Math.round(this.view.right(x)) + 0.5;
      line(context, px, height - 4, px, height);
      context.fillText(number(x, 3), px, height - 5);
    }
    context.textAlign = "left";
    context.textBaseline = "middle";
    for (const y of ticks(this.view.up(height - 26), this.view.up(16), height / 70)) {
      const py = Math.round(this.view.down(y)) + 0.5;
      line(context, 0, py, 4, py);
      context.fillText(number(y, 3), 7, py);
    }
    this.#names(context, width, height);
  }

  /** The axes' names, on a ground of their own, as points may stand below them. */
  #names(context, width, height) {
    context.font = "600 11px system-ui, sans-serif";
    context.textBaseline = "top";
    const [across, up] = this.axes.map((name) => context.measureText(name).width);
    context.globalAlpha = 0.8;
    context.fillStyle = css(themed("--card"));
    context.fillRect(width - across - 12, height - 36, across + 8, 17);
    context.fillRect(4, 4, up + 8, 17);
    context.globalAlpha = 1;
    context.fillStyle = css(themed("--muted"));
    context.textAlign = "right";
    context.fillText(this.axes[0], width - 8, height - 33);
    context.textAlign = "left";
    context.fillText(this.axes[1], 8, 7);
  }
}

function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}
