// The adapter behind a websocket: one frame is one message of the protocol.

import * as vscode from "vscode";
import { WebSocket } from "ws";

/** Carries messages both ways. What VS Code sends before the socket is open waits. */
export class WebSocketAdapter implements vscode.DebugAdapter {
  readonly #messages = new vscode.EventEmitter<vscode.DebugProtocolMessage>();
  readonly onDidSendMessage = this.#messages.event;
  readonly #socket: WebSocket;
  #waiting: string[] = [];
  #ended = false;

  constructor(url: string, token: string) {
    const socket = new WebSocket(url, { headers: { Authorization: `Bearer ${token}` } });
    this.#socket = socket;
    socket.on("open", () => {
      for (const message of this.#waiting.splice(0)) socket.send(message);
    });
    socket.on("message", (data) =>
      this.#messages.fire(JSON.parse(String(data)) as vscode.DebugProtocolMessage),
    );
    socket.on("unexpected-response", (_request, response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => {
        const why = Buffer.concat(parts).toString("utf-8").trim();
        this.#end(`${url} lets nobody in: ${why || `status ${response.statusCode}`}`);
      });
    });
    socket.on("error", (error) => this.#end(`${url} cannot be reached: ${error.message}`));
    socket.on("close", (_code, reason) => this.#end(String(reason)));
  }

  handleMessage(message: vscode.DebugProtocolMessage): void {
    const text = JSON.stringify(message);
    if (this.#socket.readyState === WebSocket.CONNECTING) this.#waiting.push(text);
    else if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  dispose(): void {
    this.#ended = true;
    this.#socket.close();
    this.#messages.dispose();
  }

  /** VS Code waits for `terminated`; a connection that is lost never sends one. */
  #end(why: string): void {
    if (this.#ended) return;
    this.#ended = true;
    if (why) void vscode.window.showErrorMessage(`s2sdap: ${why}`);
    this.#event("terminated");
  }

  #event(event: string, body?: object): void {
    this.#messages.fire({ seq: 0, type: "event", event, body } as vscode.DebugProtocolMessage);
  }
}
