/**
 * Pointer, wheel and keys on a map.
 *
 * One finger or the left button does what the tool says: the hand follows it, the map moves, or
 * a lasso is drawn. Shift draws a lasso and the middle button (or Ctrl) moves the map, whatever
 * the tool. Two fingers move and zoom.
 */

const STEP = 0.02; // of the map's smaller side, for each press of an arrow key

export function listen(map) {
  const fingers = new Map();
  let doing = null;
  let spread = null;
  const canvas = map.above;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return { px: event.clientX - box.left, py: event.clientY - box.top };
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (!map.points || event.button > 1) return;
    canvas.focus({ preventScroll: true });
    capture(canvas, event.pointerId);
    const at = place(event);
    fingers.set(event.pointerId, at);
    if (fingers.size === 2) {
      doing = null;
      map.lasso = null;
      spread = pinch(fingers);
    } else if (fingers.size === 1) {
      doing = start(map, event, at);
    }
    if (event.button === 1) event.preventDefault();
  });

  canvas.addEventListener("pointermove", (event) => {
    if (!map.points) return;
    const at = place(event);
    if (!fingers.has(event.pointerId)) {
      hover(map, at, event);
      return;
    }
    const before = fingers.get(event.pointerId);
    fingers.set(event.pointerId, at);
    if (fingers.size === 2) {
      const now = pinch(fingers);
      map.view.pan(now.px - spread.px, now.py - spread.py);
      map.zoomBy(now.wide / (spread.wide || 1), now.px, now.py);
      spread = now;
    } else if (doing) {
      go(map, doing, at, before);
    }
  });

  const end = (event) => {
    if (!fingers.delete(event.pointerId)) return;
    if (doing && event.type === "pointerup") finish(map, doing);
    if (map.lasso) {
      map.lasso = null;
      map.redraw(false);
    }
    doing = null;
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("pointerleave", () => fingers.size || map.said.hover(-1));

  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const { px, py } = place(event);
      const lines = event.deltaMode === 1 ? 16 : 1;
      map.zoomBy(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0016)), px, py);
    },
    { passive: false },
  );
  canvas.addEventListener("keydown", (event) => key(map, event));
}

/** Events made by a script have no pointer that could be captured. */
function capture(canvas, id) {
  try {
    canvas.setPointerCapture(id);
  } catch {
    // The drag then ends at the canvas's edge, which is all that is lost.
  }
}

function pinch(fingers) {
  const [a, b] = [...fingers.values()];
  return {
    px: (a.px + b.px) / 2,
    py: (a.py + b.py) / 2,
    wide: Math.hypot(a.px - b.px, a.py - b.py),
  };
}

const plane = (map, { px, py }) => ({ x: map.view.across(px), y: map.view.up(py) });

function hover(map, at, event) {
  if (event.pointerType === "touch") return;
  const row = map.points.nearest(map.view, at.px, at.py);
  map.said.hover(row, at);
}

function start(map, event, at) {
  let kind = map.tool;
  if (event.button === 1 || event.ctrlKey || event.metaKey) kind = "move";
  else if (event.shiftKey) kind = "lasso";
  const doing = { kind, from: at, moved: false, last: at };
  if (kind === "lasso") map.lasso = [Object.values(plane(map, at))];
  if (kind === "hand") {
    map.said.hover(-1);
    // Taken by its ring, the hand keeps its distance to the pointer and what the sliders set.
    const ring = map.hand && [
      map.view.right(map.hand.x) - at.px,
      map.view.down(map.hand.y) - at.py,
    ];
    doing.held = ring && Math.hypot(...ring) < 13;
  }
  return doing;
}

function go(map, doing, at, before) {
  doing.last = at;
  if (Math.hypot(at.px - doing.from.px, at.py - doing.from.py) > 4) doing.moved = true;
  if (doing.kind === "move") {
    map.view.pan(at.px - before.px, at.py - before.py);
    map.redraw();
  } else if (doing.kind === "lasso") {
    map.lasso.push(Object.values(plane(map, at)));
    map.redraw(false);
  } else if (doing.moved && doing.held) {
    map.said.shift((at.px - before.px) / map.view.scale, -(at.py - before.py) / map.view.scale);
  } else if (doing.moved) {
    map.said.place(plane(map, at));
  }
}

function finish(map, doing) {
  if (doing.kind === "lasso") {
    const polygon = map.lasso ?? [];
    map.said.lasso(doing.moved && polygon.length > 2 ? map.points.inside(polygon) : []);
  } else if (!doing.moved) {
    const row = map.points.nearest(map.view, doing.from.px, doing.from.py, 9);
    if (row >= 0) map.said.pick(row);
    else if (doing.kind === "hand") map.said.place(plane(map, doing.from));
  }
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

function key(map, event) {
  if (!map.points || event.ctrlKey || event.metaKey || event.altKey) return;
  const arrow = ARROWS[event.key];
  if (arrow) {
    const side = Math.min(map.view.width, map.view.height) / map.view.scale;
    const step = side * STEP * (event.shiftKey ? 5 : 1);
    map.said.shift(arrow[0] * step, arrow[1] * step);
  } else if (event.key === "+" || event.key === "=") map.zoomBy(1.25);
  else if (event.key === "-") map.zoomBy(0.8);
  else if (event.key === "0") {
    map.view.reset();
    map.redraw();
  } else if (event.key === "Enter") {
    const at = map.hand ?? { x: map.view.x, y: map.view.y };
    const row = map.points.nearest(map.view, map.view.right(at.x), map.view.down(at.y), 1e6);
    if (row >= 0) map.said.pick(row);
  } else if (event.key === "Escape") map.said.lasso([]);
  else return;
  event.preventDefault();
}
