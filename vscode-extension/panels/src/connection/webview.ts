// A webview's way to the adapter: every message goes through the extension, which holds the session.

import { type Connection, Router } from "./connection";

/** What VS Code gives a webview to speak with. */
export interface VsCode {
  postMessage(message: object): void;
  getState(): unknown;
  setState(state: unknown): void;
}

/** Speak through the extension. `ready` is said first: what comes before a webview listens is lost. */
export function throughExtension(vscode: VsCode, page: Window): Connection {
  const router = new Router((message) => vscode.postMessage(message));
  let over: (reason: string) => void = () => {};
  const closed = new Promise<string>((resolve) => (over = resolve));
  const hear = (message: MessageEvent) => {
    if (message.data?.type === "ended") over("the debug session has ended");
    else router.receive(message.data);
  };
  page.addEventListener("message", hear);
  void closed.then((reason) => {
    page.removeEventListener("message", hear);
    router.end(reason);
  });
  vscode.postMessage({ type: "ready" });
  return {
    request: (command, taken) => router.request(command, taken),
    listen: (listener) => router.listen(listener),
    closed,
    close: () => over("the panel is closed"),
  };
}
