// Keeps a session as it stands: asks, of everything that panels show at this stop, what they would ask, and
// remembers the answers. What would take long is kept only where a panel has it on show already.

import { type Answer, keyOf, type Recording } from "../connection/recorded";
import { Refusal } from "../connection/connection";
import type { ColumnBody, DecodeBody, FrameBody, VectorsBody } from "../protocol/messages";
import type { ArgumentsOf, BodyOf, Command } from "../protocol/requests";
import type { DebugSession } from "../session/session.svelte";

/** Bounds; where one is met the file says so. */
const MOST = { hypotheses: 16, sentences: 2000, frames: 1000, weights: 500, parts: 100, variables: 400 };
/** Of maps of attention and vectors, in characters: what they take of the file. */
const ROOM = 12_000_000;
const DEEP = 4;
const TOP = 10;
const COLUMNS_AT_ONCE = 32;
/** No request takes more at once. */
const PAGE = 50;
const FOLDS = ["mean", "max", "rollup"] as const;

/** Keep a session that stands at a stop. Rejects with a `Refusal` where the run goes on meanwhile. */
export async function record(session: DebugSession): Promise<Recording> {
  const looks = session.looks;
  const recorder = new Recorder(session);
  await recorder.everything();
  if (session.looks !== looks || !session.stopped)
    throw new Refusal("record", "The run went on while the session was being kept: stop it first.");
  return {
    when: new Date().toISOString(),
    version: (await session.ask("s2s/models")).version,
    answers: recorder.answers,
    views: session.choices(),
    // What a value had in it was of that stop, and is not kept.
    transcript: session.transcript.entries.map(({ number, kind, text, line }) => ({
      number,
      kind,
      text,
      line,
    })),
    missing: recorder.missing,
  };
}

class Recorder {
  readonly answers: Answer[] = [];
  readonly missing: string[] = [];
  readonly #session: DebugSession;
  #room = ROOM;
  /** How many variables have been opened. */
  #asked = 0;

  constructor(session: DebugSession) {
    this.#session = session;
  }

  async everything(): Promise<void> {
    const { thread, launch, stop, done, model } = this.#session;
    this.#keep("initialize", {}, this.#session.capabilities);
    this.#keep(
      "s2s/state",
      {},
      {
        phase: "stopped",
        launch,
        model,
        results: done,
        stopped: { reason: "pause", ...stop, threadId: thread },
      },
    );
    await this.#page("s2s/sentences", {}, "sentences", MOST.sentences);
    await this.#page("s2s/weights", {}, "weights", MOST.weights);
    for (const command of ["s2s/tree", "s2s/branches", "s2s/edits", "s2s/exportEdits", "threads"] as const)
      await this.#ask(command, {});
    const decode = await this.#session.ask("s2s/decode", { threadId: thread, count: 1, top: 1 });
    if (decode.reference !== undefined) await this.#ask("s2s/reference", {});
    const live = [thread, ...decode.hypotheses.filter((each) => each !== thread)];
    if (live.length > MOST.hypotheses) this.#lacks(`all but ${MOST.hypotheses} hypotheses`);
    for (const each of live.slice(0, MOST.hypotheses)) await this.#hypothesis(each);
    // Some ask for the decode without saying of which hypothesis: it is that of the cursor.
    this.#keep("s2s/decode", {}, {}, keyOf("s2s/decode", { threadId: thread }));
    this.answers.push(...(await this.#session.shown()));
  }

  async #hypothesis(threadId: number): Promise<void> {
    const base = await this.#decode(threadId);
    await this.#maps(threadId, base);
    await this.#ask("s2s/step", { threadId });
    const frames = await this.#page("stackTrace", { threadId }, "stackFrames", MOST.frames);
    if (frames[0] !== undefined) await this.#variables((frames[0] as FrameBody).id);
    await this.#ask("s2s/walk", { threadId });
    await this.#vectors(threadId);
  }

  /** The decode with the columns of all steps. */
  async #decode(threadId: number): Promise<DecodeBody> {
    const top = TOP;
    const taken = { threadId, fold: FOLDS[0] };
    const body = await this.#session.ask("s2s/decode", { ...taken, top });
    const columns = new Map<number, ColumnBody>();
    const first = body.steps.findIndex((step) => step.column === undefined);
    const unpredicted = ["encoder", "decoder", "attention"].includes(body.stage) ? 1 : 0;
    for (let at = first; first >= 0 && at < body.steps.length - unpredicted; at += COLUMNS_AT_ONCE) {
      const count = Math.min(COLUMNS_AT_ONCE, body.steps.length - unpredicted - at);
      const page = await this.#session.ask("s2s/columns", { threadId, start: body.start + at, count, top });
      for (const column of page.columns) columns.set(column.step, column);
    }
    const steps = body.steps.map((step) => ({ ...step, column: step.column ?? columns.get(step.step) }));
    this.#keep("s2s/decode", taken, { ...body, steps });
    return body;
  }

  /** Its other maps of attention: all that differs in them. */
  async #maps(threadId: number, { layers, heads, attention }: DecodeBody): Promise<void> {
    if (attention === undefined) return;
    const like = keyOf("s2s/decode", { threadId, fold: FOLDS[0] });
    const of = (count: number) => [undefined, ...Array.from({ length: count }, (_, at) => at)];
    for (const layer of of(layers))
      for (const head of of(heads))
        for (const fold of layer === undefined || head === undefined ? FOLDS : FOLDS.slice(0, 1)) {
          if (layer === undefined && head === undefined && fold === FOLDS[0]) continue;
          if (this.#room <= 0) return this.#full();
          const taken = { threadId, layer, head, fold };
          const body = await this.#answer("s2s/decode", { ...taken, top: 1 });
          if (body?.attention === undefined) continue;
          this.#room -= body.attention.data.length;
          this.#keep("s2s/decode", taken, { attention: body.attention }, like);
        }
  }

  async #vectors(threadId: number): Promise<void> {
    const first = await this.#answer("s2s/vectors", { threadId, head: 0 });
    if (first === undefined) return;
    this.#keep("s2s/vectors", { threadId, head: 0 }, first);
    for (const { name, heads } of first.sites)
      for (let head = 0; head < Math.max(1, heads); head++) {
        const taken = { threadId, site: name, head };
        if (name === first.site && head === 0) {
          this.#keep("s2s/vectors", taken, {}, keyOf("s2s/vectors", { threadId, head: 0 }));
          continue;
        }
        if (this.#room <= 0) return this.#full();
        const body: VectorsBody | undefined = await this.#answer("s2s/vectors", taken);
        if (body === undefined) continue;
        this.#room -= body.vectors.data.length;
        this.#keep("s2s/vectors", taken, body);
      }
  }

  #full(): void {
    this.#lacks("some maps of attention and vectors");
  }

  #lacks(what: string): void {
    if (!this.missing.includes(what)) this.missing.push(what);
  }

  /** The variables of the frame at the cursor, and what is in them. */
  async #variables(frameId: number): Promise<void> {
    const scopes = await this.#ask("scopes", { frameId });
    let level: { variablesReference: number; parts?: number }[] = (scopes?.scopes ?? []).filter(
      (scope) => !scope.expensive,
    );
    for (let depth = 0; depth < DEEP && level.length > 0; depth++) {
      const next: typeof level = [];
      for (const { variablesReference, parts } of level) {
        if (++this.#asked > MOST.variables) return this.#lacks("parts of some variables");
        const paging = parts === undefined ? {} : { start: 0, count: Math.min(parts, MOST.parts) };
        const body = await this.#answer("variables", { variablesReference, ...paging });
        if (body === undefined) continue;
        this.#keep("variables", { variablesReference }, body);
        for (const { variablesReference, indexedVariables, namedVariables } of body.variables)
          if (variablesReference > 0)
            next.push({ variablesReference, parts: indexedVariables ?? namedVariables });
      }
      level = next;
    }
  }

  /** A list that comes in pages, as one. */
  async #page<C extends Command>(
    command: C,
    taken: ArgumentsOf<C>,
    list: string,
    most: number,
  ): Promise<unknown[]> {
    const names: Record<string, [string, string]> = { stackTrace: ["startFrame", "levels"] };
    const [start, count] = names[command] ?? ["start", "count"];
    const found: unknown[] = [];
    for (;;) {
      const page = {
        ...(taken as object),
        [start]: found.length,
        [count]: PAGE,
      } as unknown as ArgumentsOf<C>;
      const body = (await this.#answer(command, page)) as Record<string, unknown> | undefined;
      if (body === undefined) return found;
      const more = body[list] as unknown[];
      found.push(...more);
      const total = Number(body.total ?? body.totalFrames);
      const done = found.length >= total || more.length === 0;
      if (!done && found.length < most) continue;
      if (!done) this.#lacks(`all but the first ${found.length} of the ${list}`);
      this.#keep(command, taken as Record<string, unknown>, { ...body, [list]: found });
      return found;
    }
  }

  async #ask<C extends Command>(command: C, taken: ArgumentsOf<C>): Promise<BodyOf<C> | undefined> {
    const body = await this.#answer(command, taken);
    if (body !== undefined) this.#keep(command, taken as Record<string, unknown>, body);
    return body;
  }

  /** An answer; none where it is refused, as by a model that has no such thing. */
  async #answer<C extends Command>(command: C, taken: ArgumentsOf<C>): Promise<BodyOf<C> | undefined> {
    try {
      return await this.#session.ask(command, taken);
    } catch (error) {
      if (error instanceof Refusal) return undefined;
      throw error;
    }
  }

  #keep(command: Command, taken: Record<string, unknown>, body: unknown, like?: string): void {
    this.answers.push({ command, taken, body, ...(like === undefined ? {} : { like }) });
  }
}
