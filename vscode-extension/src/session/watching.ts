// The debug sessions of our type, and every message that passes between VS Code and their adapters.

import * as vscode from "vscode";

import type { ProtocolMessage } from "../../panels/src/connection/host_messages";
import type { BreakpointBody, SourceBody, VariableBody } from "../../panels/src/protocol/messages";
import type { Capabilities } from "../../panels/src/protocol/requests";
import { isChild, TYPE } from "../launch/completing";

/** A session that is under way. */
export interface Watched {
  readonly session: vscode.DebugSession;
  capabilities: Capabilities;
  /** Whether its launch or attach has succeeded, so that it can be asked. */
  begun: boolean;
  /** Whether it stands still. */
  stopped: boolean;
  /** What the adapter made of the breakpoints that VS Code sent last, by the source. */
  lines: Map<string, BreakpointBody[]>;
  stages: BreakpointBody[];
  /** The variables that VS Code has asked for since the last stop, by the reference of what they are in. */
  shown: Map<number, Map<string, VariableBody>>;
}

/** A source by its file, or by its number where it has none. */
export function keyOf({ path, sourceReference }: SourceBody): string {
  return sourceReference ? `#${sourceReference}` : (path ?? "");
}

export interface Heard {
  readonly watched: Watched;
  readonly message: ProtocolMessage;
}

export class Watching implements vscode.DebugAdapterTrackerFactory, vscode.Disposable {
  readonly #sessions = new Map<string, Watched>();
  readonly #heard = new vscode.EventEmitter<Heard>();
  readonly #changed = new vscode.EventEmitter<void>();
  /** Every event of an adapter, and the answers to VS Code's own requests. */
  readonly onHeard = this.#heard.event;
  /** Another session is the current one, or the current one has begun, stopped, gone on or ended. */
  readonly onChanged = this.#changed.event;
  readonly #rest: vscode.Disposable[];
  #last: Watched | undefined;

  constructor() {
    this.#rest = [
      vscode.debug.onDidChangeActiveDebugSession(() => this.#changed.fire()),
      vscode.debug.onDidTerminateDebugSession((session) => this.#end(session.id)),
    ];
  }

  dispose(): void {
    for (const each of [...this.#rest, this.#heard, this.#changed]) each.dispose();
  }

  /** The session that panels, menus and the status bar are about: the active one, else the last that moved. */
  get current(): Watched | undefined {
    const active = vscode.debug.activeDebugSession;
    const found = active?.type === TYPE ? this.#sessions.get(active.id) : undefined;
    return found?.begun ? found : this.#last;
  }

  of(id: string): Watched | undefined {
    return this.#sessions.get(id);
  }

  createDebugAdapterTracker(session: vscode.DebugSession): vscode.DebugAdapterTracker | undefined {
    if (isChild(session.configuration)) return undefined;
    const watched: Watched = {
      session,
      capabilities: {},
      begun: false,
      stopped: false,
      lines: new Map(),
      stages: [],
      shown: new Map(),
    };
    const asked = new Map<number, ProtocolMessage>();
    this.#sessions.set(session.id, watched);
    return {
      onWillReceiveMessage: (message: ProtocolMessage) => {
        if (message.type === "request") asked.set(message.seq, message);
      },
      onDidSendMessage: (message: ProtocolMessage) => {
        if (message.type === "event") this.#event(watched, message);
        else if (message.type === "response") {
          const request = asked.get(message.request_seq ?? -1);
          asked.delete(message.request_seq ?? -1);
          if (request !== undefined && message.success) this.#answered(watched, request, message);
        } else return;
        this.#heard.fire({ watched, message });
      },
      onExit: () => this.#end(session.id),
    };
  }

  #event(watched: Watched, message: ProtocolMessage): void {
    const stands = { stopped: true, continued: false, terminated: false }[message.event ?? ""];
    if (message.event === "capabilities") {
      const { capabilities } = message.body as { capabilities: Capabilities };
      Object.assign(watched.capabilities, capabilities);
    }
    if (message.event === "breakpoint")
      this.#placed(watched, (message.body as { breakpoint: BreakpointBody }).breakpoint);
    if (stands !== undefined) this.#stands(watched, stands);
  }

  #answered(watched: Watched, request: ProtocolMessage, { command, body }: ProtocolMessage): void {
    if (command === "initialize") watched.capabilities = { ...(body as Capabilities) };
    else if (command === "launch" || command === "attach") {
      watched.begun = true;
      this.#last = watched;
      this.#changed.fire();
    } else if (command === "setBreakpoints") {
      const { source } = request.arguments as { source: SourceBody };
      watched.lines.set(keyOf(source), (body as { breakpoints: BreakpointBody[] }).breakpoints);
    } else if (command === "setFunctionBreakpoints")
      watched.stages = (body as { breakpoints: BreakpointBody[] }).breakpoints;
    else if (command === "variables") {
      const { variablesReference: container } = request.arguments as { variablesReference: number };
      const shown = watched.shown.get(container) ?? new Map<string, VariableBody>();
      for (const each of (body as { variables: VariableBody[] }).variables) shown.set(each.name, each);
      watched.shown.set(container, shown);
    } else if (MOVES.has(command ?? "")) this.#stands(watched, false);
  }

  /** The adapter says more of a breakpoint later, such as where it was moved to. */
  #placed(watched: Watched, told: BreakpointBody): void {
    for (const list of [...watched.lines.values(), watched.stages])
      list.forEach((each, at) => {
        if (each.id !== undefined && each.id === told.id) list[at] = { ...each, ...told };
      });
  }

  #stands(watched: Watched, stopped: boolean): void {
    watched.stopped = stopped;
    if (stopped) {
      this.#last = watched;
      watched.shown.clear();
    }
    this.#changed.fire();
  }

  #end(id: string): void {
    const ended = this.#sessions.get(id);
    if (!this.#sessions.delete(id)) return;
    if (this.#last === ended) this.#last = [...this.#sessions.values()].findLast((each) => each.begun);
    this.#changed.fire();
  }
}

/** After these the decode runs, without an event that says so. */
const MOVES: ReadonlySet<string> = new Set([
  "continue",
  "next",
  "stepIn",
  "stepOut",
  "stepBack",
  "reverseContinue",
]);
