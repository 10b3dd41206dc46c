// Breakpoints of the editor as panels have them, and what a panel's list changes among them. Pure.
//
// The editor counts columns from 0 and cannot say "the first column": a breakpoint there is one on the whole
// line. So the first token of a line gets a condition instead, which is what its breakpoint means.

import type { EditorLine, EditorStage } from "../../panels/src/connection/host_messages";
import type { BreakpointBody } from "../../panels/src/protocol/messages";

/** A breakpoint on a place of a source as the editor keeps it: from 0, with column 0 for the whole line. */
export interface Kept {
  line: number;
  character: number;
  condition?: string;
  hitCondition?: string;
  logMessage?: string;
}

/** Stops where the first token is the most attended. */
export const FIRST_TOKEN = "focus == 0";

export function lineOf(kept: Kept, placed?: BreakpointBody): EditorLine {
  const { line, character, condition, hitCondition, logMessage } = kept;
  const first = character === 0 && condition === FIRST_TOKEN;
  return spare({
    line: line + 1,
    column: character > 0 ? character + 1 : first ? 1 : undefined,
    condition: first ? undefined : condition,
    hitCondition,
    logMessage,
    placed,
  });
}

export function keptOf(line: EditorLine): Kept {
  const { column, hitCondition, logMessage } = line;
  const condition = line.condition || (column === 1 ? FIRST_TOKEN : undefined);
  return spare({ line: line.line - 1, character: (column ?? 1) - 1, condition, hitCondition, logMessage });
}

/** What is to be added, and which of those there are (by index) are to go, so that `wanted` is what there is. */
export function changed<T extends object>(
  there: readonly T[],
  wanted: readonly T[],
): { add: T[]; remove: number[] } {
  const left = there.map((each, at) => ({ at, key: keyOf(each) }));
  const add = wanted.filter((each) => {
    const found = left.findIndex(({ key }) => key === keyOf(each));
    if (found >= 0) left.splice(found, 1);
    return found < 0;
  });
  return { add, remove: left.map(({ at }) => at) };
}

/** What tells two breakpoints apart; where the adapter placed one does not. */
function keyOf(each: object): string {
  const asked = Object.entries(each).filter(
    ([name, value]) => name !== "placed" && value !== undefined && value !== "",
  );
  return JSON.stringify(asked.sort(([one], [other]) => (one < other ? -1 : 1)));
}

export function stageOf(name: string, condition: string | undefined, placed?: BreakpointBody): EditorStage {
  return spare({ name, condition, placed });
}

function spare<T extends object>(given: T): T {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T;
}
