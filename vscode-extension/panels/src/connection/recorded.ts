// A session that was kept in a file: what panels ask is answered from what was answered then. Nothing else
// is known: a question that nobody asked then is refused, and so is every wish to change something.

import { layerOf } from "../logic/vectors";
import type { VectorsBody } from "../protocol/messages";
import type { Entry } from "../session/transcript.svelte";
import { type Connection, type Heard, Refusal } from "./connection";

/** What was asked, and what was answered. */
export interface Answer {
  command: string;
  taken: Record<string, unknown>;
  body: unknown;
  /** Which other question's answer this is a part of, that has all the rest. */
  like?: string;
}

export interface Recording {
  /** When it was made, as a date and time of ISO 8601, and by which version. */
  when: string;
  version: string;
  answers: Answer[];
  /** What each panel was set to. */
  views: Record<string, Record<string, unknown>>;
  transcript: Entry[];
  /** What it does not hold, for the reader. */
  missing: string[];
}

/** Of these a longer answer was kept than may be asked for: where its list stands, and how it is counted. */
const PAGES: Record<string, { list: string; start: string; count: string }> = {
  variables: { list: "variables", start: "start", count: "count" },
  stackTrace: { list: "stackFrames", start: "startFrame", count: "levels" },
  "s2s/sentences": { list: "sentences", start: "start", count: "count" },
  "s2s/weights": { list: "weights", start: "start", count: "count" },
};
/** What need not be the same as it was then: the answer has it all, or does not depend on it. */
const LOOSE: Record<string, readonly string[]> = {
  initialize: ["*"],
  "s2s/decode": ["count", "top"],
  "s2s/step": ["top"],
  "s2s/compare": ["*"],
  "s2s/verdict": ["*"],
};

/** Answer out of a recording. */
export function fromRecording(recording: Recording): Connection {
  const known = new Map<string, unknown>();
  for (const { command, taken, body, like } of recording.answers)
    known.set(
      keyOf(command, taken),
      like === undefined ? body : { ...(known.get(like) as object), ...(body as object) },
    );
  return {
    request: (command, taken = {}) => {
      const asked = taken as Record<string, unknown>;
      const body = known.get(keyOf(command, asked)) ?? layered(known, command, asked);
      if (body === undefined) return Promise.reject(new Refusal(command, unknown(command)));
      return Promise.resolve(paged(command, asked, body) as never);
    },
    listen: (_hear: (heard: Heard) => void) => () => {},
    closed: new Promise(() => {}),
    close: () => {},
  };
}

/** Whether a recording has an answer to such a question. */
export function holds(recording: Recording, command: string): boolean {
  return recording.answers.some((answer) => answer.command === command);
}

/** A question, without what makes no difference. */
export function keyOf(command: string, taken: Record<string, unknown>): string {
  const page = PAGES[command];
  const loose = [...(LOOSE[command] ?? []), ...(page ? [page.start, page.count] : [])];
  if (loose.includes("*")) return command;
  // One layer and one head are one map, however others would be folded.
  if (command === "s2s/decode" && taken.layer !== undefined && taken.head !== undefined) loose.push("fold");
  const meant = command === "s2s/decode" ? { fold: "mean", ...taken } : taken;
  const told = Object.entries(meant)
    .filter(([name, value]) => value !== undefined && !loose.includes(name))
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return `${command} ${JSON.stringify(told)}`;
}

function paged(command: string, asked: Record<string, unknown>, body: unknown): unknown {
  if (command === "s2s/decode" && typeof asked.top === "number") return cut(body, asked.top);
  const page = PAGES[command];
  if (page === undefined) return body;
  const whole = body as Record<string, unknown[]>;
  const start = Number(asked[page.start] ?? 0);
  const count = Number(asked[page.count] ?? 0) || Infinity;
  return { ...whole, [page.list]: whole[page.list]!.slice(start, start + count) };
}

/** Of vectors all layers were kept together. */
function layered(known: Map<string, unknown>, command: string, asked: Record<string, unknown>): unknown {
  if (command !== "s2s/vectors" || typeof asked.layer !== "number") return undefined;
  const all = known.get(keyOf(command, { ...asked, layer: undefined })) as VectorsBody | undefined;
  if (all === undefined) return undefined;
  const summaries = all.summaries.slice(asked.layer, asked.layer + 1);
  return { ...all, vectors: layerOf(all.vectors, asked.layer), summaries };
}

/** A decode with so many candidates a step. */
function cut(body: unknown, top: number): unknown {
  const decode = body as { steps: { column?: { top: unknown[] } }[] };
  const steps = decode.steps.map((step) =>
    step.column ? { ...step, column: { ...step.column, top: step.column.top.slice(0, top) } } : step,
  );
  return { ...decode, steps };
}

function unknown(command: string): string {
  const read =
    /^(s2s\/(decode|tree|vectors|walk|weights|neighbors|projection|reference|columns)|variables|scopes)$/;
  return read.test(command)
    ? "This file does not hold it: it was not on show when the session was kept."
    : "This is a session that was kept in a file: it can be looked at, and not be changed.";
}
