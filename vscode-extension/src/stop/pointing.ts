// Which source token is pointed at, and what is asked about it. Pure.

import type { SourceTokenBody } from "../../panels/src/protocol/messages";

export interface Pointed {
  expression: string;
  start: number;
  end: number;
}

/** The token that covers a character, counted from 0, and its attention; none between tokens. */
export function pointedAt(tokens: readonly SourceTokenBody[], character: number): Pointed | undefined {
  const index = tokens.findIndex(
    ({ start, end }) => start !== undefined && end !== undefined && start <= character && character < end,
  );
  const { start, end } = tokens[index] ?? {};
  if (start === undefined || end === undefined) return undefined;
  return { expression: `attention[${index}]`, start, end };
}
