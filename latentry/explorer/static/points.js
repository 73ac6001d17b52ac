/**
 * Thousands of points as pixels.
 *
 * Each point is a small disc, blended into an ImageData by hand: 20,000 of them take a few
 * milliseconds, need no WebGL (which a machine without a graphics card lacks), and stand at
 * sub-pixel places, so that nothing jumps while the map is moved.
 */

const PLACES = 4; // sub-pixel places in each direction

/** The discs of one radius, one for each sub-pixel place: offsets and coverage 0..256. */
function discs(radius) {
  const reach = Math.ceil(radius + 1);
  return Array.from({ length: PLACES * PLACES }, (_, place) => {
    const cx = ((place % PLACES) + 0.5) / PLACES;
    const cy = (Math.floor(place / PLACES) + 0.5) / PLACES;
    const found = [];
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) {
        const away = Math.hypot(dx + 0.5 - cx, dy + 0.5 - cy);
        const cover = Math.min(1, Math.max(0, radius + 0.5 - away));
        if (cover > 0.02) found.push([dx, dy, Math.round(cover * 256)]);
      }
    }
    return {
      reach,
      dx: found.map((f) => f[0]),
      dy: found.map((f) => f[1]),
      cover: found.map((f) => f[2]),
    };
  });
}

/** The same shuffle each time: in the order of the data the last class would cover the others. */
function shuffled(n) {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  let state = 1;
  for (let i = n - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

const kept = new Map();

function discsOf(radius) {
  const key = Math.round(radius * 8);
  if (!kept.has(key)) kept.set(key, discs(key / 8));
  return kept.get(key);
}

export class Points {
  constructor(x, y) {
    this.x = Float64Array.from(x);
    this.y = Float64Array.from(y);
    this.order = shuffled(this.x.length);
    this.pixels = null;
  }

  get count() {
    return this.x.length;
  }

  /** CSS pixels: small where there are many, larger as one comes closer. */
  radius(view) {
    const base = Math.min(4.5, Math.max(1.4, 110 / Math.sqrt(Math.max(1, this.count))));
    return base * Math.min(2.2, Math.max(0.8, view.zoom ** 0.3));
  }

  /**
   * Draw all points.
   *
   * @param context  2d context of a canvas of width x height device pixels
   * @param ratio  device pixels per CSS pixel
   * @param look  { back: packed colour, packed: one colour per point or null, one: colour where
   *   packed is null, chosen: Uint8Array or null (the others are drawn faint), share: opacity }
   */
  draw(context, view, ratio, look) {
    const { width, height } = context.canvas;
    if (this.pixels?.width !== width || this.pixels?.height !== height) {
      this.pixels = context.createImageData(width, height);
    }
    const buffer = new Uint32Array(this.pixels.data.buffer);
    buffer.fill(look.back);
    if (look.chosen) this.#blend(buffer, width, height, view, ratio, look, 0, 0.16);
    this.#blend(buffer, width, height, view, ratio, look, 1, look.share);
    context.putImageData(this.pixels, 0, 0);
  }

  /** Blend those points whose `chosen` is `which` (all, where nothing is chosen). */
  #blend(buffer, width, height, view, ratio, look, which, share) {
    const shapes = discsOf(this.radius(view) * ratio);
    const { chosen, packed, one } = look;
    const [sx, ox] = [view.scale * ratio, (view.width / 2 - view.x * view.scale) * ratio];
    const [sy, oy] = [-view.scale * ratio, (view.height / 2 + view.y * view.scale) * ratio];
    const alpha = Math.round(share * 256);
    const reach = shapes[0].reach + 1;
    for (const i of this.order) {
      if (chosen && chosen[i] !== which) continue;
      const px = this.x[i] * sx + ox;
      const py = this.y[i] * sy + oy;
      const [left, top] = [Math.floor(px), Math.floor(py)];
      if (left < reach || top < reach || left >= width - reach || top >= height - reach) continue;
      const place = Math.floor((py - top) * PLACES) * PLACES + Math.floor((px - left) * PLACES);
      const shape = shapes[place];
      if (!shape) continue; // a point that is nowhere: its coordinates are no numbers
      const { dx, dy, cover } = shape;
      const colour = packed ? packed[i] : one;
      const [rb, g] = [colour & 0xff00ff, colour & 0x00ff00];
      const start = top * width + left;
      for (let k = 0; k < cover.length; k++) {
        // Red and blue are blended in one multiplication, as their bytes are not neighbours.
        const a = (cover[k] * alpha) >> 8;
        const at = start + dy[k] * width + dx[k];
        const old = buffer[at];
        const newRb = ((Math.imul(rb, a) + Math.imul(old & 0xff00ff, 256 - a)) >>> 8) & 0xff00ff;
        const newG = ((Math.imul(g, a) + Math.imul(old & 0x00ff00, 256 - a)) >>> 8) & 0x00ff00;
        buffer[at] = 0xff000000 | newRb | newG;
      }
    }
  }

  /** The point nearest to a pixel within `within` CSS pixels, or -1. */
  nearest(view, px, py, within = 14) {
    const [x, y] = [view.across(px), view.up(py)];
    let best = (within / view.scale) ** 2;
    let found = -1;
    for (let i = 0; i < this.count; i++) {
      const away = (this.x[i] - x) ** 2 + (this.y[i] - y) ** 2;
      if (away < best) {
        best = away;
        found = i;
      }
    }
    return found;
  }

  /** The points inside a polygon [[x, y], ...] of the plane (even-odd rule). */
  inside(polygon) {
    const found = [];
    for (let i = 0; i < this.count; i++) {
      let within = false;
      for (let a = 0, b = polygon.length - 1; a < polygon.length; b = a++) {
        const [[xa, ya], [xb, yb]] = [polygon[a], polygon[b]];
        const crosses = ya > this.y[i] !== yb > this.y[i];
        if (crosses && this.x[i] < ((xb - xa) * (this.y[i] - ya)) / (yb - ya) + xa)
          within = !within;
      }
      if (within) found.push(i);
    }
    return found;
  }
}
