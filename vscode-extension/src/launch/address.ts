// Where a running server or program listens, as a launch configuration writes it.

export type Address = { kind: "tcp"; host: string; port: number } | { kind: "websocket"; url: string };

const LOOPBACK = "127.0.0.1";

/** `5680`, `"127.0.0.1:5680"`, `"tcp://…"`, `"ws://…"` or `{ host, port }`. Throws where it is none of these. */
export function addressOf(written: unknown): Address {
  if (typeof written === "number") return tcp(LOOPBACK, written, written);
  if (typeof written === "object" && written !== null) {
    const { host, port } = written as { host?: unknown; port?: unknown };
    return tcp(typeof host === "string" ? host : LOOPBACK, Number(port), JSON.stringify(written));
  }
  const text = String(written).trim();
  if (/^wss?:\/\//.test(text)) return { kind: "websocket", url: new URL(text).href };
  const [, host = LOOPBACK, port] = /^(?:tcp:\/\/)?(?:(\[[^\]]+\]|[^:/]+):)?(\d+)\/?$/.exec(text) ?? [];
  return tcp(host.replace(/^\[|\]$/g, ""), Number(port), text);
}

function tcp(host: string, port: number, written: unknown): Address {
  if (Number.isInteger(port) && port > 0 && port < 65536) return { kind: "tcp", host, port };
  throw new Error(
    `${JSON.stringify(written)} is no address: write tcp://127.0.0.1:5680, ws://127.0.0.1:5681 or a port.`,
  );
}

/** What a person reads. */
export function written(address: Address): string {
  return address.kind === "tcp" ? `tcp://${address.host}:${address.port}` : address.url;
}
