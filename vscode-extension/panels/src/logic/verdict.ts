// A verdict, stage by stage in the order in which a step computes them.

import type { AbsentBody, ExperimentBody, VerdictBody } from "../protocol/messages";

export interface StageVerdict {
  name: string;
  experiments: ExperimentBody[];
  absent: AbsentBody[];
}

/** Experiments that change nothing: they measure, and so mend nothing. */
const MEASURED: readonly string[] = ["the model's own scores", "purity of the neighbours"];

/** What came of an experiment, in a few words. */
export function outcome({ name, repaired, blames }: ExperimentBody): string {
  if (repaired) return "✓ mends it";
  if (MEASURED.includes(name)) return blames ? "speaks for it" : "does not speak for it";
  return "does not mend it";
}

const STAGES = ["encoder", "decoder", "attention", "prediction", "search"] as const;

/** All five stages, also those at which nothing was tried. */
export function stagesOf(verdict: VerdictBody): StageVerdict[] {
  return STAGES.map((name) => ({
    name,
    experiments: verdict.experiments.filter((each) => each.stage === name),
    absent: verdict.absent.filter((each) => each.stage === name),
  }));
}
