// A verdict, stage by stage in the order in which a step computes them.

import type { AbsentBody, ExperimentBody, VerdictBody } from "../protocol/messages";

export interface StageVerdict {
  name: string;
  experiments: ExperimentBody[];
  absent: AbsentBody[];
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
