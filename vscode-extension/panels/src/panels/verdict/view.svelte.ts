// What a person asked the verdict for, and what it answered.

import type { VerdictArguments, VerdictBody } from "../../protocol/messages";
import { Fetched } from "../../session/fetched.svelte";
import type { Answer } from "../../connection/recorded";
import { type Keeping, picked } from "../../session/keeping";
import type { DebugSession } from "../../session/session.svelte";

export class VerdictView implements Keeping {
  readonly session: DebugSession;
  readonly fetched = new Fetched<VerdictBody>();
  by: "reference" | "token" = $state("reference");
  reference = $state("");
  step = $state(0);
  wanted = $state("");
  /** The sentence's own reference. */
  own: string | undefined = $state();
  #about = "";

  constructor(session: DebugSession) {
    this.session = session;
  }

  /** Where the cursor stands. A verdict on another branch or sentence is an old one. */
  async look(): Promise<void> {
    const taken = { count: 1, top: 1, threadId: this.session.thread };
    const decode = await this.session.ask("s2s/decode", taken).catch(() => undefined);
    if (decode === undefined) return;
    const about = `${decode.sentence} ${decode.branch}`;
    if (about !== this.#about) this.fetched.forget();
    this.#about = about;
    [this.own, this.step] = [decode.reference, Math.max(0, decode.step)];
    if (this.session.recorded("s2s/verdict") && this.fetched.value === undefined) await this.judge();
  }

  choices(): Record<string, unknown> {
    return picked(this, ["by", "reference", "wanted"]);
  }

  async answers(): Promise<Answer[]> {
    await this.look(); // what is about another branch is gone
    const body = this.fetched.value;
    return body === undefined ? [] : [{ command: "s2s/verdict", taken: {}, body }];
  }

  async judge(): Promise<void> {
    const written = this.reference.trim();
    const taken: VerdictArguments =
      this.by === "reference"
        ? { ...(written === "" ? {} : { reference: written }) }
        : { step: this.step, ...(this.wanted === "" ? {} : { wanted: this.wanted }) };
    await this.fetched.fetch(() => this.session.ask("s2s/verdict", taken));
  }

  async apply(edits: Record<string, unknown>[]): Promise<void> {
    await this.session.attempt(() => this.session.ask("s2s/edit", { edits }));
  }
}
