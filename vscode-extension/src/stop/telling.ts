// A stop in a few words: after the source line, and in the status bar. Pure.

import type { StepBody } from "../../panels/src/protocol/messages";

/** The best hypothesis so far and its probability, with the last token and its own. */
export function inline(step: StepBody): string {
  if (step.step === undefined || step.step < 0) return "";
  const output = step.output ?? "";
  const whole = step.score === undefined ? "" : `  p ${share(Math.exp(step.score))}`;
  const last = step.token === undefined ? "" : `  (last ‘${step.token.piece}’ p ${share(step.token.p)})`;
  return `→ ${output}${whole}${last}`;
}

/** Model, branch and step. */
export function status(model: string, step: StepBody): string {
  const where = [model, `line ${step.line + 1}`, `branch ${step.branch}`];
  if (step.step >= 0) where.push(`step ${step.step}`);
  return [...where, step.stage].filter(Boolean).join(" · ");
}

function share(p: number): string {
  if (p > 0.9995 && p < 1) return "> 0.999";
  return `= ${p < 0.001 ? p.toExponential(1).replace("e-", "e−") : p.toFixed(3)}`;
}
