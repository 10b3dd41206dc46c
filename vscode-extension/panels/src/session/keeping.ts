// What a panel gives to a file that keeps the session: what it was set to, and the answers that it has on
// show and that would take long to ask for again.

import type { Answer } from "../connection/recorded";

export interface Keeping {
  /** Its settings, by the names of its properties. */
  choices(): Record<string, unknown>;
  /** Answers on show; what is quickly asked for again need not be among them. */
  answers?(): Promise<Answer[]>;
}

/** Whether something that is kept for a session keeps more than itself. */
export function keeps(view: unknown): view is Keeping {
  return typeof (view as Partial<Keeping>).choices === "function";
}

/** Some properties of a view, those that are set. */
export function picked<T extends object>(
  view: T,
  names: readonly (keyof T & string)[],
): Record<string, unknown> {
  return Object.fromEntries(
    names.map((name) => [name, view[name]]).filter(([, value]) => value !== undefined),
  );
}
