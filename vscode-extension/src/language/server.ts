// The language server of source files: started where a workspace names such files, or a person asks for one.

import * as vscode from "vscode";
import { LanguageClient } from "vscode-languageclient/node";

import { forDocument, TYPE } from "../launch/completing";
import { findPython } from "../python/interpreter";
import type { Watching } from "../session/watching";
import {
  atStep,
  BREAK,
  CONFIGURATION,
  DEBUG,
  ENABLE,
  initializationOptions,
  LANGUAGES,
  type Settings,
  wanted,
} from "./options";

export class LanguageServer implements vscode.Disposable {
  #started: Promise<LanguageClient | undefined> | undefined;
  readonly #rest: vscode.Disposable[];

  constructor(watching: Watching) {
    this.#rest = [
      vscode.commands.registerCommand(DEBUG, debugLine),
      vscode.commands.registerCommand(BREAK, breakAt),
      vscode.commands.registerCommand("s2sdap.readAsSource", () => this.#read()),
      vscode.debug.onDidStartDebugSession(({ type }) => type === TYPE && this.#debugging()),
      vscode.debug.onDidTerminateDebugSession(({ type }) => type === TYPE && this.#debugging()),
      watching.onHeard(({ watched, message }) => {
        const { program } = watched.session.configuration as { program?: string };
        if (message.event === "s2s/result" && program !== undefined)
          void this.#tell("s2sdap/result", {
            ...(message.body as object),
            uri: vscode.Uri.file(program).toString(),
          });
      }),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration("s2sdap.source")) void this.#restart();
      }),
    ];
    void this.#startIfWanted();
  }

  dispose(): void {
    for (const each of this.#rest) each.dispose();
    void this.#stop();
  }

  async #startIfWanted(): Promise<void> {
    const found = await vscode.workspace.findFiles(CONFIGURATION, "**/node_modules/**", 1);
    if (wanted(settings(), found.length > 0)) await this.#client();
  }

  /** The running server; nothing where no Python has the package, which a person was told then. */
  #client(): Promise<LanguageClient | undefined> {
    this.#started ??= start();
    return this.#started;
  }

  async #read(): Promise<void> {
    const document = vscode.window.activeTextEditor?.document;
    if (document === undefined) return;
    const client = await this.#client();
    await client?.sendRequest("workspace/executeCommand", {
      command: ENABLE,
      arguments: [client.code2ProtocolConverter.asUri(document.uri)],
    });
  }

  #debugging(): void {
    const { activeDebugSession } = vscode.debug;
    void this.#tell("s2sdap/debugging", { active: activeDebugSession?.type === TYPE });
  }

  async #tell(method: string, body: object): Promise<void> {
    const client = await this.#started;
    await client?.sendNotification(method, body);
  }

  async #restart(): Promise<void> {
    await this.#stop();
    await this.#startIfWanted();
  }

  async #stop(): Promise<void> {
    const client = await this.#started;
    this.#started = undefined;
    await client?.dispose();
  }
}

async function start(): Promise<LanguageClient | undefined> {
  const folder = vscode.workspace.workspaceFolders?.[0];
  const python = await findPython(folder, "");
  if (python === undefined) return undefined;
  const client = new LanguageClient(
    "s2sdap.source",
    "s2sdap: source files",
    { command: python, args: ["-P", "-m", "s2sdap", "lsp"] },
    {
      documentSelector: [
        ...LANGUAGES.map((language) => ({ scheme: "file", language })),
        { scheme: "file", pattern: CONFIGURATION },
      ],
      initializationOptions: initializationOptions(settings()),
      // While a session is stopped, this extension shows more of it than expressions could.
      middleware: { provideInlineValues: () => [] },
    },
  );
  await client.start();
  return client;
}

function settings(): Settings {
  const given = vscode.workspace.getConfiguration("s2sdap");
  return { files: given.get("source.files", []), model: given.get("model", "").trim() };
}

/** Debug a file from a sentence on; at a step, where one is named, by a breakpoint that everybody sees. */
async function debugLine(uri: string, line: number, step?: number): Promise<void> {
  const file = vscode.Uri.parse(uri);
  if (step !== undefined) breakAt(uri, line, atStep(step));
  const configuration = {
    ...forDocument({ path: file.fsPath, text: "" }, false),
    startLine: line + 1,
    stopOnEntry: step === undefined,
  };
  await vscode.debug.startDebugging(vscode.workspace.getWorkspaceFolder(file), configuration);
}

function breakAt(uri: string, line: number, condition: string): void {
  const place = new vscode.Location(vscode.Uri.parse(uri), new vscode.Position(line, 0));
  vscode.debug.addBreakpoints([new vscode.SourceBreakpoint(place, true, condition)]);
}
