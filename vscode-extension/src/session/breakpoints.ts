// The breakpoints of VS Code are the ones there are: panels show them, and what a panel sets is set there.

import * as vscode from "vscode";

import type { EditorBreakpoints, EditorLine, EditorStage } from "../../panels/src/connection/host_messages";
import type { SourceBody } from "../../panels/src/protocol/messages";
import { changed, type Kept, keptOf, lineOf, stageOf } from "./breakpoint_lists";
import { keyOf, type Watched } from "./watching";

/** All that are set for the program of a session, with what its adapter made of them. */
export function breakpointsOf(watched: Watched, source: SourceBody | undefined): EditorBreakpoints {
  const placed = source === undefined ? [] : (watched.lines.get(keyOf(source)) ?? []);
  const lines = linesIn(watched, source).filter((each) => each.enabled);
  const stages = functions().filter((each) => each.enabled);
  return {
    // VS Code sends what is enabled, in its own order, and gets an answer for each.
    lines: lines.map((each, at) => lineOf(keptIn(each), placed[at])),
    stages: stages.map((each, at) => stageOf(each.functionName, each.condition, watched.stages[at])),
  };
}

/** Make a panel's list of lines the one that VS Code has. Those that are switched off stay. */
export function setLines(watched: Watched, source: SourceBody, wanted: readonly EditorLine[]): void {
  const there = linesIn(watched, source).filter((each) => each.enabled);
  const { add, remove } = changed(there.map(keptIn), wanted.map(keptOf));
  const uri = uriOf(watched, source);
  vscode.debug.removeBreakpoints(remove.map((at) => there[at]!));
  vscode.debug.addBreakpoints(
    add.map((each) => {
      const place = new vscode.Location(uri, new vscode.Position(each.line, each.character));
      return new vscode.SourceBreakpoint(place, true, each.condition, each.hitCondition, each.logMessage);
    }),
  );
}

/** The same for stages, which VS Code calls functions. */
export function setStages(wanted: readonly EditorStage[]): void {
  const there = functions().filter((each) => each.enabled);
  const now = there.map((each) => stageOf(each.functionName, each.condition));
  const { add, remove } = changed(now, wanted);
  vscode.debug.removeBreakpoints(remove.map((at) => there[at]!));
  vscode.debug.addBreakpoints(
    add.map((each) => new vscode.FunctionBreakpoint(each.name, true, each.condition)),
  );
}

function linesIn(watched: Watched, source: SourceBody | undefined): vscode.SourceBreakpoint[] {
  if (source === undefined) return [];
  const uri = uriOf(watched, source).toString();
  return vscode.debug.breakpoints.filter(
    (each): each is vscode.SourceBreakpoint =>
      each instanceof vscode.SourceBreakpoint && each.location.uri.toString() === uri,
  );
}

function functions(): vscode.FunctionBreakpoint[] {
  return vscode.debug.breakpoints.filter(
    (each): each is vscode.FunctionBreakpoint => each instanceof vscode.FunctionBreakpoint,
  );
}

function keptIn(each: vscode.SourceBreakpoint): Kept {
  const { line, character } = each.location.range.start;
  const { condition, hitCondition, logMessage } = each;
  return { line, character, condition, hitCondition, logMessage };
}

function uriOf(watched: Watched, source: SourceBody): vscode.Uri {
  if (source.path !== undefined && !source.sourceReference) return vscode.Uri.file(source.path);
  // VS Code's own address of a text without a file has its name where this function looks for a path.
  return vscode.debug.asDebugSourceUri({ ...source, path: source.name }, watched.session);
}
