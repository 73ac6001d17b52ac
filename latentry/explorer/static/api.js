/** The REST API of the explorer, and how the page asks it. */

/** What the server said was wrong, as one sentence. */
async function problem(answer) {
  try {
    const { detail } = await answer.json();
    if (typeof detail === "string") return detail;
    if (Array.isArray(detail)) return detail.map((each) => each.msg).join("; ");
  } catch {
    // The body is no JSON: the status has to do.
  }
  return `The server answered ${answer.status} ${answer.statusText}.`;
}

async function fetched(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer; is `latentry explore` still running?");
  }
  if (!answer.ok) throw new Error(await problem(answer));
  return answer;
}

const json = (body) => ({
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});

/** What can be asked of one run; every method gives a promise. */
export class Run {
  #rows = new Map();

  /** @param about what /api/runs says of the run */
  constructor(about) {
    Object.assign(this, about);
    this.base = `api/runs/${encodeURIComponent(about.id)}`;
  }

  get = async (path) => (await fetched(`${this.base}/${path}`)).json();
  post = async (path, body) => (await fetched(`${this.base}/${path}`, json(body))).json();
  /** The answer as a Blob: pictures and CSV. */
  file = async (path, body) => (await fetched(`${this.base}/${path}`, json(body))).blob();

  map(projection, first, second) {
    const asked = new URLSearchParams({ projection });
    if (projection === "dims") {
      asked.set("first", first);
      asked.set("second", second);
    }
    return this.get(`map?${asked}`);
  }

  names = () => this.get("values");
  values = (name) => this.get(`values/${encodeURIComponent(name)}`);

  /** One row, its sample and reconstruction; the last few hundred are kept. */
  row(row) {
    if (!this.#rows.has(row)) {
      if (this.#rows.size >= 400) this.#rows.delete(this.#rows.keys().next().value);
      const asked = this.get(`rows/${row}`);
      asked.catch(() => this.#rows.delete(row));
      this.#rows.set(row, asked);
    }
    return this.#rows.get(row);
  }

  decode(codes, condition) {
    return this.post("decode", condition === null ? { codes } : { codes, condition });
  }

  /** An image file becomes a code, its sample as the model sees it, and its reconstruction. */
  async upload(file) {
    const answer = await fetched(`${this.base}/upload`, {
      method: "POST",
      headers: { "Content-Type": file.type || "application/octet-stream" },
      body: file,
    });
    return answer.json();
  }
}

export async function runs() {
  return (await (await fetched("api/runs")).json()).map((about) => new Run(about));
}

/**
 * One request at a time: of all that are asked for while one is under way only the newest is
 * made, so that a hand that moves fast never waits for pictures of where it was.
 */
export class Latest {
  #busy = false;
  #next = null;

  /**
   * @param work  (value) => promise
   * @param done  (answer, value) => void
   * @param failed  (error) => void
   */
  constructor(work, done, failed) {
    Object.assign(this, { work, done, failed });
  }

  async ask(value) {
    if (this.#busy) {
      this.#next = { value };
      return;
    }
    this.#busy = true;
    try {
      this.done(await this.work(value), value);
    } catch (error) {
      this.failed(error);
    }
    this.#busy = false;
    if (this.#next) {
      const { value: newest } = this.#next;
      this.#next = null;
      this.ask(newest);
    }
  }
}
