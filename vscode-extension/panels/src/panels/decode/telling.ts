// What the line at the foot of the panel says of what the mouse or the focus is on.

import { exactly, nats } from "../../logic/numbers";
import { counted, quoted } from "../../logic/text";
import type { ColumnBody, DecodedStepBody, SourceTokenBody, TokenBody } from "../../protocol/messages";

/** Which map of attention is on show. */
export function mapOf({ layer, head, fold }: { layer?: number; head?: number; fold: string }): string {
  const named = [layer === undefined ? "" : `layer ${layer}`, head === undefined ? "" : `head ${head}`];
  const folded = { mean: "mean", max: "largest", rollup: "rolled up" }[fold] ?? fold;
  const rest = layer === undefined || head === undefined ? [folded] : [];
  return `attention: ${[...named, ...rest].filter(Boolean).join(", ")}`;
}

/** Of a source token: what the model reads, and how much of the attention it has. */
export function tellSource(
  token: SourceTokenBody,
  at: number,
  weight: number | undefined,
  step: number,
): string {
  const parts = [`source token ${at}: ${quoted(token.piece)}`];
  if (!token.known) parts.push(`the model does not know it and reads ${quoted(token.seen)}`);
  if (weight !== undefined) parts.push(`attention ${exactly(weight)} at step ${step}`);
  return parts.join(" · ");
}

/** Of a step: the chosen token with its true probability, and how sure the model was. */
export function tellStep(step: DecodedStepBody, column: ColumnBody | undefined): string {
  const parts = [`step ${step.step}`];
  if (step.token === undefined) parts.push("no token has been chosen yet");
  else parts.push(...numbersOf(step.token));
  if (column?.rank !== undefined) parts.push(`rank ${column.rank}`);
  if (column !== undefined) parts.push(...surenessOf(column));
  if (step.copied !== undefined) parts.push(`copied with ${exactly(step.copied)}`);
  if (step.forced) parts.push("forced");
  if (step.edits !== undefined) parts.push(`${counted(step.edits.length, "edit")}: ${step.edits.join("; ")}`);
  return parts.join(" · ");
}

/** Of a candidate: the same, as if it were chosen. */
export function tellCandidate(token: TokenBody, rank: number, column: ColumnBody): string {
  return [`step ${column.step}`, ...numbersOf(token), `rank ${rank}`, ...surenessOf(column)].join(" · ");
}

function numbersOf(token: TokenBody): string[] {
  return [quoted(token.piece), `p = ${exactly(token.p)}`, `log p = ${nats(token.logp)} nats`];
}

function surenessOf(column: ColumnBody): string[] {
  return [`entropy ${nats(column.entropy)} nats`, `margin ${exactly(column.margin)}`];
}
