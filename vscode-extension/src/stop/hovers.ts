// Pointing at a source token while a decode is stopped: how much it is attended to at this step.

import * as vscode from "vscode";

import type { StepBody } from "../../panels/src/protocol/messages";
import { TYPE } from "../launch/completing";
import type { Watching } from "../session/watching";
import { frameOf } from "../variables/asked";
import { pointedAt } from "./pointing";

export class Hovers implements vscode.EvaluatableExpressionProvider {
  readonly #watching: Watching;

  constructor(watching: Watching) {
    this.#watching = watching;
  }

  async provideEvaluatableExpression(
    _document: vscode.TextDocument,
    { line, character }: vscode.Position,
  ): Promise<vscode.EvaluatableExpression | undefined> {
    const { current } = this.#watching;
    if (current === undefined || !current.stopped || vscode.debug.activeDebugSession?.type !== TYPE)
      return undefined;
    try {
      const taken = { frameId: frameOf(current), top: 1 };
      const step = (await current.session.customRequest("s2s/step", taken)) as StepBody;
      const pointed = step.line === line && step.attention ? pointedAt(step.source, character) : undefined;
      if (pointed === undefined) return undefined;
      const range = new vscode.Range(line, pointed.start, line, pointed.end);
      return new vscode.EvaluatableExpression(range, pointed.expression);
    } catch {
      return undefined; // the decode has gone on meanwhile
    }
  }
}
