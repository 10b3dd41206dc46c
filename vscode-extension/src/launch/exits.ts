// An adapter that ends before it has said anything: VS Code would say nothing, so this does.

import * as vscode from "vscode";

import type { Configuration } from "./completing";

export const exits: vscode.DebugAdapterTrackerFactory = {
  createDebugAdapterTracker(session) {
    let spoken = false;
    return {
      onDidSendMessage: () => void (spoken = true),
      onExit: (code) => {
        if (!spoken) void tell(session.configuration as Configuration, code);
      },
    };
  },
};

async function tell({ python = "python3" }: Configuration, code: number | undefined): Promise<void> {
  const look = "Look what is wrong";
  const said = `s2sdap: the adapter ended before it began (${python}, exit code ${code ?? "unknown"}).`;
  if ((await vscode.window.showErrorMessage(said, look)) !== look) return;
  const terminal = vscode.window.createTerminal({
    name: "s2sdap doctor",
    shellPath: python,
    shellArgs: ["-P", "-i", "-m", "s2sdap", "doctor"],
  });
  terminal.show();
}
