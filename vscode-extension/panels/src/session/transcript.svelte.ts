// What the console shows: what was typed, what came of it, and what the adapter said meanwhile.

import type { Output } from "../protocol/messages";

export interface Entry {
  number: number;
  kind: "typed" | "value" | "error" | "console" | "stdout" | "stderr" | "important";
  text: string;
  /** The line of the program that it is about, from 1. */
  line?: number;
  /** Whose parts can be looked at, and at which stop. */
  reference?: number;
  looks?: number;
}

const KEPT = 2000;

export class Transcript {
  entries: Entry[] = $state.raw([]);
  #numbers = 0;

  add(entry: Omit<Entry, "number">): void {
    this.entries = [...this.entries.slice(1 - KEPT), { ...entry, number: this.#numbers++ }];
  }

  heard(output: Output): void {
    const text = output.output.replace(/\n$/, "");
    const kinds: readonly string[] = ["stdout", "stderr", "important"];
    const kind = kinds.includes(output.category ?? "") ? (output.category as Entry["kind"]) : "console";
    if (output.category !== "telemetry") this.add({ kind, text, line: output.line });
  }

  clear(): void {
    this.entries = [];
  }
}
