// A webview's way to the adapter: every message goes through the extension, which holds the session.

import { type Connection, Router } from "./connection";
import type { FromWebview, ToWebview } from "./host_messages";

/** What VS Code gives a webview to speak with. */
export interface VsCode {
  postMessage(message: object): void;
  getState(): unknown;
  setState(state: unknown): void;
}

export type SessionTold = Extract<ToWebview, { type: "session" }>;

/** What a webview does with what the extension tells it. */
export interface Listener {
  /** Another session is on show from now on. */
  session(told: SessionTold, connection: Connection): void;
  /** There is none. */
  none(ended: boolean): void;
  /** Somebody wants to see this tab. */
  tab(tab: string): void;
  breakpoints(told: Extract<ToWebview, { type: "breakpoints" }>["breakpoints"]): void;
}

/** Speak through the extension. `ready` is said once everything listens: what comes before is lost. */
export function throughExtension(vscode: VsCode, page: Window, listener: Listener): void {
  let current: { id: string; router: Router; end: (reason: string) => void } | undefined;
  const tell = (message: FromWebview) => vscode.postMessage(message);

  page.addEventListener("message", ({ data }: MessageEvent<ToWebview>) => {
    if (data.type === "session") {
      current?.end("another session is on show");
      const { session } = data;
      const router = new Router((message) =>
        tell({
          type: "request",
          session,
          message: message as (FromWebview & { type: "request" })["message"],
        }),
      );
      let end: (reason: string) => void = () => {};
      const closed = new Promise<string>((resolve) => (end = resolve));
      void closed.then((reason) => router.end(reason));
      current = { id: session, router, end };
      listener.session(data, {
        request: (command, taken) => router.request(command, taken),
        listen: (hear) => router.listen(hear),
        closed,
        close: () => end("the panel is closed"),
      });
    } else if (data.type === "none") {
      current?.end("the debug session has ended");
      current = undefined;
      listener.none(data.ended);
    } else if (data.type === "tab") listener.tab(data.tab);
    else if (data.session === current?.id) {
      if (data.type === "breakpoints") listener.breakpoints(data.breakpoints);
      else current.router.receive(data.message as Parameters<Router["receive"]>[0]);
    }
  });
  tell({ type: "ready" });
}
