// What was typed before, and what a completion makes of a line.

import type { CompletionBody } from "../protocol/messages";

/** The lines that were typed, walked with the arrow keys. */
export class Typed {
  #lines: string[] = [];
  #at = 0;
  #draft = "";

  add(line: string): void {
    if (this.#lines.at(-1) !== line) this.#lines.push(line);
    this.#at = this.#lines.length;
    this.#draft = "";
  }

  /** The line before; `now` is kept for the way back. */
  older(now: string): string {
    if (this.#at === this.#lines.length) this.#draft = now;
    if (this.#at > 0) this.#at--;
    return this.#lines[this.#at] ?? now;
  }

  newer(): string {
    if (this.#at < this.#lines.length) this.#at++;
    return this.#lines[this.#at] ?? this.#draft;
  }
}

/** A line with a completion taken, and where the caret stands then. `start` counts from 1. */
export function applied(
  line: string,
  choice: CompletionBody,
  caret: number,
): { text: string; caret: number } {
  const length = choice.length ?? 0;
  const start = choice.start === undefined ? caret - length : choice.start - 1;
  const written = choice.text ?? choice.label;
  return { text: line.slice(0, start) + written + line.slice(start + length), caret: start + written.length };
}
