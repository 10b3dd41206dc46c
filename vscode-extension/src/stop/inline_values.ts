// While a decode is stopped: what has come out so far, after the source line.

import * as vscode from "vscode";

import type { StepBody } from "../../panels/src/protocol/messages";
import { TYPE } from "../launch/completing";
import type { Watching } from "../session/watching";
import { inline } from "./telling";

export class InlineValues implements vscode.InlineValuesProvider, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeInlineValues = this.#changed.event;
  readonly #watching: Watching;
  readonly #rest: vscode.Disposable;

  constructor(watching: Watching) {
    this.#watching = watching;
    // After an edit the numbers are others although the stop is the same.
    this.#rest = watching.onHeard(({ message }) => {
      if (message.event === "invalidated") this.#changed.fire();
    });
  }

  dispose(): void {
    this.#rest.dispose();
    this.#changed.dispose();
  }

  async provideInlineValues(
    document: vscode.TextDocument,
    _view: vscode.Range,
    { frameId, stoppedLocation }: vscode.InlineValueContext,
  ): Promise<vscode.InlineValue[]> {
    const { current } = this.#watching;
    if (current === undefined || !current.stopped || vscode.debug.activeDebugSession?.type !== TYPE)
      return [];
    try {
      const step = (await current.session.customRequest("s2s/step", { frameId, top: 1 })) as StepBody;
      const text = inline(step);
      const line = document.lineAt(Math.min(stoppedLocation.start.line, document.lineCount - 1));
      return text === "" ? [] : [new vscode.InlineValueText(line.range, text)];
    } catch {
      return []; // the decode has gone on meanwhile
    }
  }
}
