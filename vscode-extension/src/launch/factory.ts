// How VS Code reaches the adapter of a session: a process of its own, or one that listens already.

import * as vscode from "vscode";

import { addressOf } from "./address";
import { CHILD, type Configuration } from "./completing";
import { WebSocketAdapter } from "./websocket";

export class AdapterFactory implements vscode.DebugAdapterDescriptorFactory {
  createDebugAdapterDescriptor(session: vscode.DebugSession): vscode.DebugAdapterDescriptor {
    const configuration = session.configuration as Configuration;
    const listening = configuration[CHILD] ?? configuration.connect;
    if (listening !== undefined) {
      const address = addressOf(listening);
      return address.kind === "tcp"
        ? new vscode.DebugAdapterServer(address.port, address.host)
        : new vscode.DebugAdapterInlineImplementation(
            new WebSocketAdapter(address.url, configuration.token ?? ""),
          );
    }
    // `-P`: a file of the workspace that is called as a module of Python is not taken for it.
    return new vscode.DebugAdapterExecutable(
      configuration.python ?? "python3",
      ["-P", "-m", "s2sdap", "adapter"],
      {
        ...(configuration.env === undefined ? {} : { env: configuration.env }),
        ...(folderOf(session) === undefined ? {} : { cwd: folderOf(session)! }),
      },
    );
  }
}

function folderOf(session: vscode.DebugSession): string | undefined {
  return (session.configuration as Configuration).cwd ?? session.workspaceFolder?.uri.fsPath;
}
