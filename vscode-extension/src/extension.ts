// The extension: a debugger for the decode of sequence-to-sequence models. Everything is registered here.

import * as vscode from "vscode";

import { forDocument, TYPE } from "./launch/completing";
import { exits } from "./launch/exits";
import { AdapterFactory } from "./launch/factory";
import { documentInView, tellToOpen } from "./launch/in_view";
import { ConfigurationProvider, dynamicConfigurations, rememberModel } from "./launch/provider";
import { Panel, VIEW } from "./panel/panel";
import { Watching } from "./session/watching";
import { InlineValues } from "./stop/inline_values";
import { StatusBar } from "./stop/status_bar";
import { registerVariableCommands } from "./variables/commands";

export function activate(context: vscode.ExtensionContext): void {
  const watching = new Watching();
  const panel = new Panel(watching, context.extensionUri);
  const inlineValues = new InlineValues(watching);
  context.subscriptions.push(
    watching,
    panel,
    vscode.debug.registerDebugConfigurationProvider(TYPE, new ConfigurationProvider(context.workspaceState)),
    vscode.debug.registerDebugConfigurationProvider(
      TYPE,
      dynamicConfigurations,
      vscode.DebugConfigurationProviderTriggerKind.Dynamic,
    ),
    vscode.debug.registerDebugAdapterDescriptorFactory(TYPE, new AdapterFactory()),
    vscode.debug.registerDebugAdapterTrackerFactory(TYPE, watching),
    vscode.debug.registerDebugAdapterTrackerFactory(TYPE, exits),
    vscode.window.registerWebviewPanelSerializer(VIEW, panel),
    vscode.commands.registerCommand("s2sdap.showPanels", () => panel.show(false)),
    vscode.commands.registerCommand("s2sdap.debugFile", (file?: vscode.Uri) => debugFile(file)),
    openAtFirstStop(watching, panel),
    ...registerVariableCommands(watching, panel),
    inlineValues,
    vscode.languages.registerInlineValuesProvider({ pattern: "**" }, inlineValues),
    new StatusBar(watching),
    ...rememberModel(watching, context.workspaceState),
  );
}

/** Debug a file, by default the text in view. */
async function debugFile(file: vscode.Uri | undefined): Promise<void> {
  const document = file === undefined ? documentInView() : { path: file.fsPath, text: "" };
  if (document === undefined) {
    tellToOpen();
    return;
  }
  const folder = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(document.path ?? ""));
  await vscode.debug.startDebugging(
    folder ?? vscode.workspace.workspaceFolders?.[0],
    forDocument(document, false),
  );
}

/** The panels open by themselves at the first stop of a session; once closed they stay closed. */
function openAtFirstStop(watching: Watching, panel: Panel): vscode.Disposable {
  const seen = new WeakSet<object>();
  return watching.onHeard(({ watched, message }) => {
    if (message.event !== "stopped" || seen.has(watched)) return;
    seen.add(watched);
    const { workspaceFolder } = watched.session;
    const when = vscode.workspace
      .getConfiguration("s2sdap", workspaceFolder)
      .get("panels.open", "atFirstStop");
    if (when === "atFirstStop") panel.show(true);
  });
}
