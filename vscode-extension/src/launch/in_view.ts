// The text that a person means when they name none.

import * as vscode from "vscode";

import type { Document } from "./completing";

/** What is in the active editor, else in one that can be seen: a panel may have the focus. */
export function documentInView(): Document | undefined {
  const { activeTextEditor, visibleTextEditors } = vscode.window;
  const editors = activeTextEditor === undefined ? visibleTextEditors : [activeTextEditor];
  const found = editors.find(({ document }) => ["file", "untitled"].includes(document.uri.scheme))?.document;
  if (found === undefined) return undefined;
  return { path: found.uri.scheme === "file" ? found.uri.fsPath : undefined, text: found.getText() };
}

/** Tell how to begin, where there is nothing in view. */
export function tellToOpen(): void {
  void vscode.window.showErrorMessage(
    "s2sdap: open a text file with a sentence on each line, then press F5.",
  );
}
