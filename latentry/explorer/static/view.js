/** The window onto the latent plane: where a point of the plane stands on the screen. */

export class View {
  /** Pixels of the canvas in CSS units, the plane's point in its middle, CSS pixels per unit. */
  width = 1;
  height = 1;
  x = 0;
  y = 0;
  scale = 1;
  home = { x: 0, y: 0, wide: 2, high: 2 };

  right = (x) => this.width / 2 + (x - this.x) * this.scale;
  down = (y) => this.height / 2 - (y - this.y) * this.scale;
  across = (px) => this.x + (px - this.width / 2) / this.scale;
  up = (py) => this.y - (py - this.height / 2) / this.scale;

  /** Remember the box that holds the points, and show all of it. */
  fit(xs, ys) {
    const [left, right] = ends(xs);
    const [bottom, top] = ends(ys);
    this.home = {
      x: (left + right) / 2,
      y: (bottom + top) / 2,
      wide: right - left || 1,
      high: top - bottom || 1,
    };
    this.reset();
  }

  /** The scale at which everything is seen. */
  get whole() {
    const room = 0.92;
    return Math.min((this.width * room) / this.home.wide, (this.height * room) / this.home.high);
  }

  reset() {
    this.x = this.home.x;
    this.y = this.home.y;
    this.scale = this.whole;
  }

  resize(width, height) {
    const zoom = this.scale / this.whole;
    this.width = width;
    this.height = height;
    this.scale = this.whole * zoom;
  }

  get zoom() {
    return this.scale / this.whole;
  }

  pan(dx, dy) {
    this.x -= dx / this.scale;
    this.y += dy / this.scale;
  }

  /** Zoom by a factor around a pixel, which keeps its place. */
  zoomAt(factor, px, py) {
    const [x, y] = [this.across(px), this.up(py)];
    this.scale = Math.min(this.whole * 400, Math.max(this.whole * 0.2, this.scale * factor));
    this.x = x - (px - this.width / 2) / this.scale;
    this.y = y + (py - this.height / 2) / this.scale;
  }
}

function ends(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const v of values) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return low <= high ? [low, high] : [-1, 1];
}

/** Round numbers between low and high, about `count` of them, for the ticks of an axis. */
export function ticks(low, high, count) {
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((k) => k * power >= rough);
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++)
    found.push(Number((k * step).toPrecision(12)));
  return found;
}
