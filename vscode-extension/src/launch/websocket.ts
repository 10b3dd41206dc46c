// The adapter behind a websocket: one frame is one message of the protocol.

import * as vscode from "vscode";
import { WebSocket } from "ws";

/** Carries messages both ways. What VS Code sends before the socket is open waits. */
export class WebSocketAdapter implements vscode.DebugAdapter {
  readonly #messages = new vscode.EventEmitter<vscode.DebugProtocolMessage>();
  readonly onDidSendMessage = this.#messages.event;
  readonly #socket: WebSocket;
  #waiting: string[] = [];

  constructor(url: string, token: string) {
    const socket = new WebSocket(url, { headers: { Authorization: `Bearer ${token}` } });
    this.#socket = socket;
    socket.on("open", () => {
      for (const message of this.#waiting.splice(0)) socket.send(message);
    });
    socket.on("message", (data) =>
      this.#messages.fire(JSON.parse(String(data)) as vscode.DebugProtocolMessage),
    );
    socket.on("error", (error) => this.#end(`The server at ${url} cannot be reached: ${error.message}`));
    socket.on("close", (_code, reason) => this.#end(String(reason)));
  }

  handleMessage(message: vscode.DebugProtocolMessage): void {
    const text = JSON.stringify(message);
    if (this.#socket.readyState === WebSocket.CONNECTING) this.#waiting.push(text);
    else if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  dispose(): void {
    this.#socket.close();
    this.#messages.dispose();
  }

  /** VS Code waits for `terminated`; a connection that is lost never sends one. */
  #end(why: string): void {
    if (why) this.#event("output", { category: "important", output: `${why}\n` });
    this.#event("terminated");
  }

  #event(event: string, body?: object): void {
    this.#messages.fire({ seq: 0, type: "event", event, body } as vscode.DebugProtocolMessage);
  }
}
