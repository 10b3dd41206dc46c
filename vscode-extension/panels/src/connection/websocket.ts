// The page's way to the adapter: a websocket to where the page came from.

import { type Connection, Router } from "./connection";

/** Whose session it is to be: one's own, found again by a word after the page was loaded again, or another's. */
export type Whose = { word: string } | { watched: number };

/** The code with which a page that is put away closes its websocket: nobody waits long for it. */
const LEFT = 4001;

/** Open a websocket. Rejects with the reason where nobody lets us in. */
export async function connect(address: string, token: string, whose: Whose): Promise<Connection> {
  // A browser sets no headers of a handshake but this one, so the token travels in it.
  const protocols = ["s2sdap", `s2sdap.token.${token}`];
  if ("word" in whose) protocols.push(`s2sdap.return.${whose.word}`);
  const socket = new WebSocket(
    "watched" in whose ? `${address}sessions/${whose.watched}` : address,
    protocols,
  );
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error("the server let nobody in"));
  });
  const router = new Router((message) => socket.send(JSON.stringify(message)));
  socket.onmessage = (message: MessageEvent<string>) => router.receive(JSON.parse(message.data));
  // The browser would close it as well, but in the same way where the tab has crashed.
  addEventListener("pagehide", () => socket.close(LEFT, "the page was left"), { once: true });
  const closed = new Promise<string>((resolve) => {
    socket.onclose = (event) => resolve(event.reason || "the connection to the server is closed");
  });
  void closed.then((reason) => router.end(reason));
  return {
    request: (command, taken) => router.request(command, taken),
    listen: (hear) => router.listen(hear),
    closed,
    close: () => socket.close(),
  };
}
