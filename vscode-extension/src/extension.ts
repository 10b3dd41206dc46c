// The extension: a debugger for the decode of sequence-to-sequence models. Everything is registered here.

import * as vscode from "vscode";

import { LANGUAGES } from "./language/options";
import { LanguageServer } from "./language/server";
import { forDocument, TYPE } from "./launch/completing";
import { exits } from "./launch/exits";
import { AdapterFactory } from "./launch/factory";
import { documentInView, tellToOpen } from "./launch/in_view";
import { ConfigurationProvider, dynamicConfigurations, rememberModel } from "./launch/provider";
import { Panel, VIEW } from "./panel/panel";
import { findPython } from "./python/interpreter";
import { Watching } from "./session/watching";
import { Hovers } from "./stop/hovers";
import { InlineValues } from "./stop/inline_values";
import { StatusBar } from "./stop/status_bar";
import { stepPart } from "./stop/step_part";
import { registerVariableCommands } from "./variables/commands";

/** Texts that are debugged. Of others nothing is said here, or other debuggers could say nothing of theirs. */
const SENTENCES = LANGUAGES.map((language) => ({ language }));

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
    vscode.commands.registerCommand("s2sdap.openSample", () => openSample(context.globalStorageUri)),
    vscode.commands.registerCommand("s2sdap.checkPython", checkPython),
    vscode.commands.registerCommand("s2sdap.stepPart", stepPart),
    vscode.commands.registerCommand("s2sdap.stepIntoPython", () => stepIntoPython(watching)),
    vscode.commands.registerCommand("s2sdap.debugFile", (file?: vscode.Uri) => debugFile(file)),
    openAtFirstStop(watching, panel),
    ...registerVariableCommands(watching, panel),
    inlineValues,
    vscode.languages.registerInlineValuesProvider(SENTENCES, inlineValues),
    vscode.languages.registerEvaluatableExpressionProvider(SENTENCES, new Hovers(watching)),
    new StatusBar(watching),
    new LanguageServer(watching),
    ...rememberModel(watching, context.workspaceState),
  );
}

/** Begin a session with the model's own Python beside the decode; a refusal says what is missing. */
async function stepIntoPython(watching: Watching): Promise<void> {
  try {
    await watching.current?.session.customRequest("s2s/python");
  } catch (error) {
    void vscode.window.showErrorMessage(`s2sdap: ${error instanceof Error ? error.message : String(error)}`);
  }
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

/** Sentences that the bundled model reads, one of them doubtful; a file, since F5 asks where to save what is none. */
async function openSample(folder: vscode.Uri): Promise<void> {
  const file = vscode.Uri.joinPath(folder, "sentences.txt");
  const content = ["March 3, 1999", "J 4, 2005", "LUNDI 13 JUIN 2005", "16 février 2005", ""].join("\n");
  await vscode.workspace.fs.createDirectory(folder);
  await vscode.workspace.fs.writeFile(file, Buffer.from(content, "utf-8"));
  await vscode.window.showTextDocument(file);
}

/** Say which Python runs the models; where there is none, what to do. */
async function checkPython(): Promise<void> {
  const python = await findPython(vscode.workspace.workspaceFolders?.[0], "");
  if (python !== undefined)
    void vscode.window.showInformationMessage(`s2sdap is there: ${python} runs the models.`);
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
