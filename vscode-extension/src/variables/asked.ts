// What VS Code hands to a command of its variables' menu.

import * as vscode from "vscode";

import type { VariableBody } from "../../panels/src/protocol/messages";
import type { Watched, Watching } from "../session/watching";

export interface MenuContext {
  sessionId?: string;
  container?: { name?: string; variablesReference?: number };
  variable?: VariableBody;
}

/** A variable that was clicked, the session that it belongs to, and the frame that it was shown at. */
export interface Asked {
  watched: Watched;
  variable: VariableBody;
  container: { name?: string; variablesReference?: number };
  frameId: number | undefined;
}

export function askedOf(watching: Watching, context: MenuContext | undefined): Asked | undefined {
  const watched = context?.sessionId === undefined ? watching.current : watching.of(context.sessionId);
  if (watched === undefined || context?.variable === undefined) return undefined;
  const { variable, container = {} } = context;
  // Older versions of VS Code hand over neither type nor length: what the adapter said of it has both.
  const told = watched.shown.get(container.variablesReference ?? 0)?.get(variable.name);
  return { watched, variable: { ...variable, ...told }, container, frameId: frameOf(watched) };
}

/** The frame that is looked at; none while that is a frame of another session. */
export function frameOf({ session }: Watched): number | undefined {
  const item = vscode.debug.activeStackItem;
  return item instanceof vscode.DebugStackFrame && item.session.id === session.id ? item.frameId : undefined;
}
