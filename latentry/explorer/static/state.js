/** What the page shows now, and who wants to know when it changes. */

export const state = {
  runs: [],
  /** The run that the hand, the sliders and the panels belong to. */
  run: null,
  /** The run beside it, or null. */
  beside: null,
  /** What /map said: origin, basis, x, y, labels, axes. */
  map: null,
  /** Where the hand is: one number for each dimension. */
  code: null,
  /** The value a conditional model is told, or null. */
  condition: null,
  /** The row that was taken last, or -1; pointing at another shows that one instead. */
  row: -1,
  hovered: -1,
  /** Selected rows, and the groups A (plus) and B (minus) of the arithmetic. */
  selection: [],
  groups: { a: [], b: [] },
  /** Where a walk starts and ends: { point, code, text, file } or null. */
  ends: { a: null, b: null },
};

const bus = new EventTarget();

/** Call a function whenever something happens: "run", "map", "code", "row", "hover", ... */
export function on(names, listener) {
  for (const name of names.split(" "))
    bus.addEventListener(name, (event) => listener(event.detail));
}

export function tell(name, detail) {
  bus.dispatchEvent(new CustomEvent(name, { detail }));
}

/** Dot product. */
const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0);

/** The code of a point in the map's plane. */
export function codeAt({ x, y }, { origin, basis } = state.map) {
  return origin.map((v, d) => v + x * basis[0][d] + y * basis[1][d]);
}

/** The point of the map's plane that is nearest to a code; the axes need not be orthogonal. */
export function planeAt(code, { origin, basis } = state.map) {
  const [u, v] = basis;
  const away = code.map((c, d) => c - origin[d]);
  const [uu, uv, vv] = [dot(u, u), dot(u, v), dot(v, v)];
  const [au, av] = [dot(away, u), dot(away, v)];
  const det = uu * vv - uv * uv;
  if (det > 1e-12 * uu * vv) return { x: (au * vv - av * uv) / det, y: (av * uu - au * uv) / det };
  return { x: uu ? au / uu : 0, y: vv ? av / vv : 0 };
}

/** Put the hand at a code; `by` says who did, for those who would follow themselves. */
export function place(code, by = null) {
  state.code = code;
  tell("code", by);
}

/** What a row's label is called, or null. */
export function labelOf(row, map = state.map, run = state.run) {
  const k = map?.labels?.[row];
  if (k === null || k === undefined || k < 0) return null;
  return run.label_names?.[k] ?? String(k);
}
