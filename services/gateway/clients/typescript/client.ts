// A client of Taproot's REST API on the platform's fetch: browsers, Node 18 and later, Deno, Bun.
//
//   const crm = new Taproot("https://crm.example.com", "tk_...");
//   const made = await crm.call("POST /v1/customers", { body: { kind: "CUSTOMER_KIND_PERSON", display_name: "李娜" } });
//   for await (const customer of crm.list("GET /v1/customers", { query: { filter: "status = WON" } })) { ... }
//   for await (const notice of crm.events({ types: "order.*" })) { ... }
//
// Repeats what may be repeated: reads, and writes by their Idempotency-Key.

import type { Lists, Operations, Problem as ProblemBody } from "./operations.js";

export type Operation = keyof Operations;
export type Answer<K extends Operation> = Operations[K]["answer"];

export type Given<K extends Operation> = Operations[K]["request"];

export interface Options {
  ifMatch?: string;
  idempotencyKey?: string;
  signal?: AbortSignal;
}

export interface Notice {
  resource: string;
  id: string;
  event: string;
  etag: string;
}

/** The service said no (RFC 9457). `body.reason` is stable; `body.violations` names every field. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly body: Partial<ProblemBody>,
  ) {
    super(`${status} ${body.reason ?? ""} ${body.detail ?? body.title ?? ""}`.trim());
  }
}

const PASSING = new Set([429, 502, 503, 504]);
const LONGEST_PAUSE = 30_000;
type Loose = { path?: object; query?: object; body?: unknown };

export class Taproot {
  /** `key`: an API key or the token of a session; empty in a page that is signed in by cookie. */
  constructor(
    private readonly url: string,
    private readonly key: string = "",
    private readonly patience: number = 60_000,
  ) {}

  /** Throws Problem. */
  async call<K extends Operation>(operation: K, request: Given<K>, options: Options = {}): Promise<Answer<K>> {
    return (await this.send(operation, request as Loose, options)) as Answer<K>;
  }

  private async send(operation: string, given: Loose, options: Options): Promise<unknown> {
    const [method, template] = operation.split(" ") as [string, string];
    const headers: Record<string, string> = this.headers();
    if (method !== "GET") headers["Idempotency-Key"] = options.idempotencyKey ?? crypto.randomUUID();
    if (options.ifMatch) headers["If-Match"] = options.ifMatch;
    const init: RequestInit = { method, headers };
    if (given.body instanceof Blob) {
      init.body = given.body;
    } else if (given.body !== undefined) {
      headers["Content-Type"] = "application/json";
      init.body = JSON.stringify(given.body);
    }
    if (options.signal) init.signal = options.signal;
    const response = await this.patiently(this.url + address(template, given.path, given.query), init);
    const json = response.headers.get("content-type")?.includes("json");
    return json ? response.json() : response.blob();
  }

  /** Every record of a list, page by page. */
  async *list<K extends keyof Lists>(operation: K, request: Given<K>): AsyncGenerator<Lists[K]> {
    const given = request as Loose;
    let token = "";
    do {
      const query = token ? { ...given.query, page_token: token } : given.query;
      const page = (await this.send(operation, { ...given, query }, {})) as Record<string, unknown>;
      yield* (Object.values(page).find(Array.isArray) ?? []) as Array<Lists[K]>;
      token = (page["next_page_token"] as string | undefined) ?? "";
    } while (token);
  }

  /** Live events for ever, across broken links; a notice with the event `reset` says that some were missed. */
  async *events(query: { types?: string; resource?: string; customer_id?: string } = {}): AsyncGenerator<Notice> {
    let lastId = "";
    for (let pause = 500; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      try {
        for await (const [id, notice] of this.listen(lastId, query)) {
          lastId = id || lastId;
          pause = 500;
          if (notice) yield notice;
        }
      } catch (error) {
        if (error instanceof Problem && !PASSING.has(error.status)) throw error;
      }
      await sleep(pause * (0.5 + Math.random()));
    }
  }

  private async *listen(lastId: string, query: object): AsyncGenerator<[string, Notice | null]> {
    const headers = this.headers();
    if (lastId) headers["Last-Event-ID"] = lastId;
    const response = await fetch(this.url + address("/v1/events", {}, query), { headers });
    if (!response.ok || !response.body) throw await problem(response);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    try {
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        const frames = (rest + part.value).split("\n\n");
        rest = frames.pop() ?? "";
        for (const frame of frames) yield parsed(frame);
      }
    } finally {
      await reader.cancel();
    }
  }

  private headers(): Record<string, string> {
    return this.key ? { Authorization: `Bearer ${this.key}` } : { "X-Taproot-Request": "1" };
  }

  private async patiently(url: string, init: RequestInit): Promise<Response> {
    const until = Date.now() + this.patience;
    for (let pause = 250; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      let wait = pause * (0.5 + Math.random());
      try {
        const response = await fetch(url, init);
        if (response.ok) return response;
        wait = Math.max(wait, Number(response.headers.get("retry-after") ?? 0) * 1000);
        if (!PASSING.has(response.status) || Date.now() + wait > until) throw await problem(response);
      } catch (error) {
        if (error instanceof Problem || init.signal?.aborted || Date.now() + wait > until) throw error;
      }
      await sleep(wait);
    }
  }
}

function address(template: string, path: object = {}, query: object = {}): string {
  const values = new Map(Object.entries(path));
  const target = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values.get(name))));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) search.append(name, String(one));
  }
  return search.size ? `${target}?${search}` : target;
}

async function problem(response: Response): Promise<Problem> {
  return new Problem(response.status, (await response.json().catch(() => ({}))) as Partial<ProblemBody>);
}

function parsed(frame: string): [string, Notice | null] {
  const lines = new Map(frame.split("\n").map((line) => line.split(/: (.*)/s, 2) as [string, string]));
  const data = lines.get("data");
  if (!data || lines.get("event") === "end") return [lines.get("id") ?? "", null];
  const notice = JSON.parse(data) as Notice;
  return [lines.get("id") ?? "", lines.get("event") === "reset" ? { ...notice, event: "reset" } : notice];
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
