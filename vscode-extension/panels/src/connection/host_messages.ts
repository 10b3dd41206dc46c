// What the extension and its webview tell each other. Messages of the protocol travel inside, marked with the
// session that they are about, since another session may be on show by the time an answer comes.

import type { BreakpointBody } from "../protocol/messages";
import type { Capabilities } from "../protocol/requests";

/** Breakpoints as the editor has them, for the panels. Lines and columns count from 1. */
export interface EditorBreakpoints {
  lines: EditorLine[];
  stages: EditorStage[];
}

export interface EditorLine {
  line: number;
  column?: number;
  condition?: string;
  hitCondition?: string;
  logMessage?: string;
  placed?: BreakpointBody;
}

export interface EditorStage {
  name: string;
  condition?: string;
  placed?: BreakpointBody;
}

/** A request, an answer or an event of the protocol. */
export interface ProtocolMessage {
  seq: number;
  type: "request" | "response" | "event";
  command?: string;
  arguments?: unknown;
  event?: string;
  request_seq?: number;
  success?: boolean;
  message?: string;
  body?: unknown;
}

export type ToWebview =
  | {
      type: "session";
      session: string;
      name: string;
      capabilities: Capabilities;
      breakpoints: EditorBreakpoints;
    }
  | { type: "none"; ended: boolean }
  | { type: "tab"; tab: string }
  | { type: "breakpoints"; session: string; breakpoints: EditorBreakpoints }
  | { type: "message"; session: string; message: ProtocolMessage };

export type FromWebview =
  /** What comes before a webview listens is lost, so it says when it does. */
  | { type: "ready" }
  | { type: "request"; session: string; message: ProtocolMessage }
  /** Somebody wants to begin from the empty panel. */
  | { type: "start" }
  | SaveMessage;

/** A file to keep, `data` in base64: a webview has no downloads, so the extension asks where it is to go. */
export interface SaveMessage {
  type: "save";
  name: string;
  data: string;
}
