// Going through a stage part by part: what VS Code itself asks for in its view of disassembly alone.

import * as vscode from "vscode";

import { TYPE } from "../launch/completing";

export async function stepPart(): Promise<void> {
  const here = vscode.debug.activeStackItem;
  if (here?.session.type !== TYPE || here.threadId === undefined) {
    void vscode.window.showInformationMessage("s2sdap: stop a decode first, with F5 and a breakpoint.");
    return;
  }
  const taken = { threadId: here.threadId, granularity: "instruction" };
  try {
    await here.session.customRequest("stepIn", taken);
  } catch (error) {
    void vscode.window.showErrorMessage((error as Error).message);
  }
}
