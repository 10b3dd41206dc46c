// What a panel asks for: of the adapter, or where VS Code keeps the matter itself, of VS Code.

import * as vscode from "vscode";

import type { EditorLine, EditorStage, ProtocolMessage } from "../../panels/src/connection/host_messages";
import type { SourceBody } from "../../panels/src/protocol/messages";
import { setLines, setStages } from "../session/breakpoints";
import type { Watched } from "../session/watching";

/** Moves that VS Code makes, so that it knows that the decode runs. */
const COMMANDS: Readonly<Record<string, string>> = {
  continue: "workbench.action.debug.continue",
  next: "workbench.action.debug.stepOver",
  stepIn: "workbench.action.debug.stepInto",
  stepOut: "workbench.action.debug.stepOut",
  stepBack: "workbench.action.debug.stepBack",
  reverseContinue: "workbench.action.debug.reverseContinue",
  pause: "workbench.action.debug.pause",
};

interface Moved {
  threadId?: number;
  granularity?: string;
}

/** The answer to a panel's request. */
export async function answer(watched: Watched, request: ProtocolMessage): Promise<ProtocolMessage> {
  const about = { seq: 0, type: "response", request_seq: request.seq, command: request.command } as const;
  try {
    return {
      ...about,
      success: true,
      body: await answered(watched, request.command ?? "", request.arguments),
    };
  } catch (error) {
    const text = (error as Error).message;
    return { ...about, success: false, message: text, body: { error: { format: text } } };
  }
}

async function answered(watched: Watched, command: string, taken: unknown): Promise<unknown> {
  const { session } = watched;
  if (command === "setBreakpoints") {
    const { source, breakpoints } = taken as { source: SourceBody; breakpoints: EditorLine[] };
    setLines(watched, source, breakpoints);
    return { breakpoints: [] }; // where they were placed is told once VS Code has sent them
  }
  if (command === "setFunctionBreakpoints") {
    setStages((taken as { breakpoints: EditorStage[] }).breakpoints);
    return { breakpoints: [] };
  }
  const { threadId, granularity } = (taken ?? {}) as Moved;
  const move = granularity === "instruction" ? undefined : COMMANDS[command];
  if (move !== undefined && threadId !== undefined) {
    // The names by which VS Code's own views call their commands.
    const context = { sessionId: session.id, threadId: `thread:${session.id}:${threadId}` };
    await vscode.commands.executeCommand(move, undefined, context);
    return {};
  }
  if (command === "disconnect" || command === "terminate") {
    await vscode.debug.stopDebugging(session);
    return {};
  }
  return session.customRequest(command, taken);
}
