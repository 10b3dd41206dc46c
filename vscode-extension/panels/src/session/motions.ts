// How the cursor is moved, and why it stands where it stands: for every bar that has buttons for it.

import type { IconName } from "../parts/icons";
import type { DebugSession, Motion, Phase } from "./session.svelte";

export interface Move {
  motion: Motion;
  icon: IconName;
  label: string;
  /** What is pressed for it on the page; in an editor the keys are the editor's own. */
  keys: string;
}

export const MOVES: readonly Move[] = [
  { motion: "reverseContinue", icon: "reverseContinue", label: "Back to the last stop", keys: "Shift+F6" },
  { motion: "stepBack", icon: "stepBack", label: "Back a token", keys: "Shift+F10" },
  { motion: "stageBack", icon: "stageBack", label: "Back a stage", keys: "Shift+F7" },
  { motion: "continue", icon: "continue", label: "Continue", keys: "F8" },
  { motion: "next", icon: "next", label: "Next token", keys: "F10" },
  { motion: "stepIn", icon: "stepIn", label: "Next stage", keys: "F9" },
  { motion: "stepPart", icon: "stepPart", label: "Next part of the stage", keys: "Shift+F8" },
  { motion: "stepOut", icon: "stepOut", label: "To the end of the sentence", keys: "Shift+F9" },
];

/** Where a session stands, in a line; `words` are for the phases in which it does not stand at a stop. */
export function standing(session: DebugSession, words: Record<Exclude<Phase, "stopped">, string>): string {
  if (session.phase !== "stopped") return session.progress || words[session.phase];
  const { reason = "", description, text } = session.stop ?? {};
  return [description ?? `Stopped: ${reason}`, text].filter(Boolean).join(" — ");
}
