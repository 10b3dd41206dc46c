// What a panel needs of whatever carries its messages: ask, and hear events. Two things carry them:
// a websocket to the adapter (the page), and messages to the extension (a webview of VS Code).

import type { ArgumentsOf, BodyOf, Command, Events } from "../protocol/requests";

/** A request that was refused. `number` is that of the error catalogue, where it has one. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly command: string;
  readonly number: number | undefined;

  constructor(command: string, message: string, number?: number) {
    super(message);
    this.command = command;
    this.number = number;
  }
}

export type Heard = { [E in keyof Events]: { event: E; body: Events[E] } }[keyof Events];

export interface Connection {
  /** The answer to a request. Rejects with a `Refusal`. */
  request<C extends Command>(command: C, taken?: ArgumentsOf<C>): Promise<BodyOf<C>>;
  /** Hear every event, until the function that it returns is called. */
  listen(hear: (heard: Heard) => void): () => void;
  /** Settles with the reason once nothing more can be asked. */
  readonly closed: Promise<string>;
  close(): void;
}

interface Waiting {
  command: string;
  resolve: (body: never) => void;
  reject: (why: Refusal) => void;
}

interface Incoming {
  type: "response" | "event" | "request";
  event?: string;
  request_seq?: number;
  success?: boolean;
  message?: string;
  body?: unknown;
}

/** Numbers requests and finds whom an answer is for; `send` puts a message on its way. */
export class Router {
  #seq = 0;
  #waiting = new Map<number, Waiting>();
  #listeners = new Set<(heard: Heard) => void>();
  #send: (message: object) => void;
  #over: string | undefined;

  constructor(send: (message: object) => void) {
    this.#send = send;
  }

  request<C extends Command>(command: C, taken?: ArgumentsOf<C>): Promise<BodyOf<C>> {
    if (this.#over !== undefined) return Promise.reject(new Refusal(command, this.#over));
    const seq = ++this.#seq;
    return new Promise((resolve, reject) => {
      this.#waiting.set(seq, { command, resolve: resolve as (body: never) => void, reject });
      this.#send({ seq, type: "request", command, arguments: taken ?? {} });
    });
  }

  listen(hear: (heard: Heard) => void): () => void {
    this.#listeners.add(hear);
    return () => this.#listeners.delete(hear);
  }

  /** A message has come. What is neither an answer nor an event is let be. */
  receive(message: Incoming): void {
    if (message.type === "event") {
      const heard = { event: message.event, body: message.body } as Heard;
      for (const hear of [...this.#listeners]) hear(heard);
      return;
    }
    const seq = message.request_seq ?? -1;
    const waiting = this.#waiting.get(seq);
    if (message.type !== "response" || waiting === undefined) return;
    this.#waiting.delete(seq);
    if (message.success) waiting.resolve((message.body ?? {}) as never);
    else waiting.reject(refusalIn(waiting.command, message));
  }

  /** Nothing more will come: whoever waits is told why. */
  end(reason: string): void {
    this.#over ??= reason;
    for (const waiting of this.#waiting.values()) waiting.reject(new Refusal(waiting.command, reason));
    this.#waiting.clear();
  }
}

function refusalIn(command: string, message: Incoming): Refusal {
  const error = (message.body as { error?: { id?: number; format?: string } } | undefined)?.error;
  return new Refusal(command, error?.format ?? message.message ?? "refused", error?.id);
}
