/** Colours for labels and for values, and the legend that says what they mean. */

/** Ten hues that can be told apart on white and on black; the report uses the same. */
const CLASSES = [
  "#3b73c8",
  "#e8862e",
  "#2f9e63",
  "#d1455b",
  "#8a63c2",
  "#8f6a4b",
  "#de79b6",
  "#7b8794",
  "#b3a125",
  "#2bb0c4",
];

/** Points on viridis (Nathaniel Smith and Stefan van der Walt, 2015, CC0), evenly spaced. */
const VIRIDIS = [
  [68, 1, 84],
  [71, 44, 122],
  [59, 81, 139],
  [44, 113, 142],
  [33, 144, 141],
  [39, 173, 129],
  [92, 200, 99],
  [170, 220, 50],
  [253, 231, 37],
];

const MISSING = [128, 136, 148];

export function rgb(hex) {
  return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
}

/** Class k: the ten hues, then the same darker, then from the start again. */
export function classColour(k) {
  const colour = rgb(CLASSES[k % 10]);
  return k % 20 < 10 ? colour : colour.map((v) => Math.round(v * 0.6));
}

/** Viridis at t in [0, 1], without the end that would sink into the background. */
export function ramp(t, dark) {
  const [from, to] = dark ? [0.22, 1] : [0, 0.9];
  const at = (from + (to - from) * Math.min(1, Math.max(0, t))) * (VIRIDIS.length - 1);
  const i = Math.min(VIRIDIS.length - 2, Math.floor(at));
  return VIRIDIS[i].map((v, k) => Math.round(v + (VIRIDIS[i + 1][k] - v) * (at - i)));
}

/** Red, green and blue as one number in the byte order of ImageData. */
export const pack = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;

export const css = ([r, g, b]) => `rgb(${r}, ${g}, ${b})`;

export function byLabel(labels, accent) {
  const one = pack(accent);
  if (!labels) return { packed: null, one };
  const packed = new Uint32Array(labels.length);
  const known = new Map();
  labels.forEach((k, i) => {
    if (!known.has(k)) known.set(k, pack(k === null || k < 0 ? MISSING : classColour(k)));
    packed[i] = known.get(k);
  });
  return { packed, one };
}

/** The values between which the ramp runs: the middle 98%, as one outlier would flatten the rest. */
export function limits(values) {
  const known = values.filter((v) => v !== null && Number.isFinite(v)).sort((a, b) => a - b);
  if (!known.length) return null;
  const at = (q) => known[Math.round(q * (known.length - 1))];
  const [low, high] = [at(0.01), at(0.99)];
  return low < high ? [low, high] : [known[0], known[known.length - 1]];
}

export function byValue(values, range, dark) {
  const steps = Array.from({ length: 256 }, (_, k) => pack(ramp(k / 255, dark)));
  const none = pack(MISSING);
  const [low, high] = range ?? [0, 1];
  const wide = high - low || 1;
  return Uint32Array.from(values, (v) => {
    if (v === null || !Number.isFinite(v)) return none;
    return steps[Math.max(0, Math.min(255, Math.round(((v - low) / wide) * 255)))];
  });
}
