// The panels' webview: one tab of the editor that shows whichever session is being debugged.

import { randomBytes } from "node:crypto";

import * as vscode from "vscode";

import type { FromWebview, ToWebview } from "../../panels/src/connection/host_messages";
import type { SourceBody, StateBody } from "../../panels/src/protocol/messages";
import { breakpointsOf } from "../session/breakpoints";
import type { Watched, Watching } from "../session/watching";
import { answer } from "./asking";
import { documentOf } from "./html";
import { save } from "./saving";

export const VIEW = "s2sdap.panels";

export class Panel implements vscode.WebviewPanelSerializer, vscode.Disposable {
  readonly #watching: Watching;
  readonly #files: vscode.Uri;
  readonly #rest: vscode.Disposable[];
  #panel: vscode.WebviewPanel | undefined;
  /** Whether the webview listens: what comes before that is lost. */
  #ready = false;
  #shown: Watched | undefined;
  #ended = false;
  /** Where it is to go once it listens. */
  #tab: string | undefined;

  constructor(watching: Watching, extension: vscode.Uri) {
    this.#watching = watching;
    this.#files = vscode.Uri.joinPath(extension, "dist", "panels");
    this.#rest = [
      watching.onChanged(() => this.#follow()),
      watching.onHeard(({ watched, message }) => {
        if (watched !== this.#shown) return;
        if (message.type === "event") this.#tell({ type: "message", session: watched.session.id, message });
        if (TOUCHES_BREAKPOINTS.has(message.command ?? message.event ?? "")) void this.#tellBreakpoints();
      }),
      vscode.debug.onDidChangeBreakpoints(() => void this.#tellBreakpoints()),
    ];
  }

  dispose(): void {
    for (const each of this.#rest) each.dispose();
    this.#panel?.dispose();
  }

  /** Bring it to the front, beside the text that is debugged, at a tab. It takes no focus away unless it is to. */
  show(preserveFocus: boolean, tab?: string): void {
    if (tab !== undefined) this.#tab = tab;
    if (this.#panel !== undefined) {
      this.#panel.reveal(undefined, preserveFocus);
      this.#tellTab();
      return;
    }
    const where = { viewColumn: vscode.ViewColumn.Beside, preserveFocus };
    this.#adopt(vscode.window.createWebviewPanel(VIEW, "s2sdap", where));
  }

  /** VS Code brings a webview back after the window was loaded again. */
  deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    this.#panel?.dispose();
    this.#adopt(panel);
    return Promise.resolve();
  }

  #adopt(panel: vscode.WebviewPanel): void {
    const { webview } = panel;
    this.#panel = panel;
    this.#ready = false;
    webview.options = { enableScripts: true, localResourceRoots: [this.#files] };
    const file = (name: string) => webview.asWebviewUri(vscode.Uri.joinPath(this.#files, name)).toString();
    panel.iconPath = vscode.Uri.joinPath(this.#files, "..", "..", "icon.png");
    panel.onDidDispose(() => {
      if (this.#panel === panel) [this.#panel, this.#ready, this.#shown] = [undefined, false, undefined];
    });
    webview.onDidReceiveMessage((message: FromWebview) => void this.#heard(message));
    webview.html = documentOf({
      source: webview.cspSource,
      script: file("webview.js"),
      style: file("webview.css"),
      nonce: randomBytes(16).toString("hex"),
    });
  }

  async #heard(message: FromWebview): Promise<void> {
    if (message.type === "ready") {
      this.#ready = true;
      this.#shown = undefined;
      this.#follow(true);
      this.#tellTab();
    } else if (message.type === "start") await vscode.commands.executeCommand("s2sdap.debugFile");
    else if (message.type === "save") await save(message.name, message.data);
    else {
      const watched = this.#watching.of(message.session);
      if (watched === undefined) return;
      this.#tell({
        type: "message",
        session: message.session,
        message: await answer(watched, message.message),
      });
    }
  }

  /** Show the current session. */
  #follow(again = false): void {
    const { current } = this.#watching;
    if (!this.#ready || (current === this.#shown && !again)) return;
    this.#ended ||= this.#shown !== undefined;
    this.#shown = current;
    if (current === undefined) {
      this.#tell({ type: "none", ended: this.#ended });
      return;
    }
    const { session, capabilities } = current;
    const breakpoints = { lines: [], stages: [] };
    this.#tell({ type: "session", session: session.id, name: session.name, capabilities, breakpoints });
    void this.#tellBreakpoints();
  }

  async #tellBreakpoints(): Promise<void> {
    const watched = this.#shown;
    if (watched === undefined) return;
    const source = await sourceOf(watched);
    if (watched !== this.#shown) return;
    const breakpoints = breakpointsOf(watched, source);
    this.#tell({ type: "breakpoints", session: watched.session.id, breakpoints });
  }

  #tellTab(): void {
    if (!this.#ready || this.#tab === undefined) return;
    this.#tell({ type: "tab", tab: this.#tab });
    this.#tab = undefined;
  }

  #tell(message: ToWebview): void {
    if (this.#ready) void this.#panel?.webview.postMessage(message);
  }
}

/** After these the adapter has placed breakpoints, or placed them elsewhere. */
const TOUCHES_BREAKPOINTS: ReadonlySet<string> = new Set([
  "setBreakpoints",
  "setFunctionBreakpoints",
  "breakpoint",
]);

/** The program of a session; none once it is gone. */
async function sourceOf({ session }: Watched): Promise<SourceBody | undefined> {
  try {
    return ((await session.customRequest("s2s/state")) as StateBody).source;
  } catch {
    return undefined;
  }
}
