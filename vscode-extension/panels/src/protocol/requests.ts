// Which request takes and answers what: the protocol's own that the panels use, and ours.

import type * as messages from "./messages";

type Nothing = Record<string, never>;

export interface Capabilities {
  exceptionBreakpointFilters?: ExceptionFilter[];
  supportsStepBack?: boolean;
  [name: string]: unknown;
}

export interface ExceptionFilter {
  filter: string;
  label: string;
  description?: string;
  default?: boolean;
  supportsCondition?: boolean;
  conditionDescription?: string;
}

/** A launch, as `docs/launch.schema.json` has it. */
export interface LaunchArguments {
  program?: string;
  source?: string;
  reference?: string;
  session?: string;
  model?: string;
  search?: Record<string, unknown>;
  generation?: Record<string, unknown>;
  watchRules?: string[];
  stopOnEntry?: boolean;
  [name: string]: unknown;
}

interface StandardRequests {
  initialize: { arguments: Partial<messages.Initialize>; body: Capabilities };
  launch: { arguments: LaunchArguments; body: unknown };
  configurationDone: { arguments: Nothing; body: unknown };
  restart: { arguments: { arguments?: LaunchArguments }; body: unknown };
  terminate: { arguments: messages.Disconnect; body: unknown };
  disconnect: { arguments: messages.Disconnect; body: unknown };
  cancel: { arguments: messages.Cancel; body: unknown };
  setBreakpoints: { arguments: messages.SetBreakpoints; body: messages.Breakpoints };
  setFunctionBreakpoints: { arguments: messages.SetFunctionBreakpoints; body: messages.Breakpoints };
  setDataBreakpoints: { arguments: messages.SetDataBreakpoints; body: messages.Breakpoints };
  setExceptionBreakpoints: { arguments: messages.SetExceptionBreakpoints; body: messages.Breakpoints };
  dataBreakpointInfo: { arguments: messages.DataBreakpointInfo; body: messages.DataBreakpointInfoBody };
  continue: { arguments: messages.Thread; body: messages.ContinueBody };
  next: { arguments: messages.Step; body: unknown };
  stepIn: { arguments: messages.Step; body: unknown };
  stepOut: { arguments: messages.Step; body: unknown };
  stepBack: { arguments: messages.Step; body: unknown };
  reverseContinue: { arguments: messages.Thread; body: unknown };
  pause: { arguments: messages.Thread; body: unknown };
  threads: { arguments: Nothing; body: messages.Threads };
  stackTrace: { arguments: messages.StackTrace; body: messages.StackTraceBody };
  scopes: { arguments: messages.Scopes; body: messages.ScopesBody };
  variables: { arguments: messages.Variables; body: messages.VariablesBody };
  setVariable: { arguments: messages.SetVariable; body: messages.SetVariableBody };
  evaluate: { arguments: messages.Evaluate; body: messages.EvaluateBody };
  completions: { arguments: messages.Completions; body: messages.CompletionsBody };
  exceptionInfo: { arguments: messages.Thread; body: messages.ExceptionInfoBody };
  restartFrame: { arguments: messages.RestartFrame; body: unknown };
  loadedSources: { arguments: Nothing; body: messages.LoadedSources };
}

export type Requests = StandardRequests & messages.CustomRequests;
export type Command = keyof Requests;
export type ArgumentsOf<C extends Command> = Requests[C]["arguments"];
export type BodyOf<C extends Command> = Requests[C]["body"];

/** The events that the panels hear, with their bodies. */
export interface Events extends messages.CustomEvents {
  initialized: undefined;
  stopped: messages.Stopped;
  continued: messages.Continued;
  invalidated: messages.Invalidated;
  output: messages.Output;
  breakpoint: messages.BreakpointEvent;
  capabilities: messages.Capabilities;
  loadedSource: messages.LoadedSourceEvent;
  thread: messages.ThreadEvent;
  exited: messages.Exited;
  terminated: undefined;
  progressStart: messages.ProgressStart;
  progressUpdate: messages.ProgressUpdate;
  progressEnd: messages.ProgressEnd;
}
