// Which two decodes are compared, and how they differ.

import { type SideChoice, sideOf } from "../../logic/timeline";
import type { BranchBody, CompareBody } from "../../protocol/messages";
import { Fetched } from "../../session/fetched.svelte";
import type { Answer } from "../../connection/recorded";
import { type Keeping, picked } from "../../session/keeping";
import type { DebugSession } from "../../session/session.svelte";

export class Comparing implements Keeping {
  readonly session: DebugSession;
  readonly fetched = new Fetched<CompareBody>();
  left: SideChoice = $state({ kind: "branch", branch: 0, written: "" });
  right: SideChoice = $state({ kind: "search", branch: 0, written: "beamSize=8" });
  problem = $state("");
  /** How many branches there were when a person last saw them. */
  known = 1;

  constructor(session: DebugSession) {
    this.session = session;
  }

  /** Choose again where a branch is gone; a new one is what a person most likely wants to see. */
  meet(branches: readonly BranchBody[]): void {
    const ids = branches.map((branch) => branch.id);
    if (!ids.includes(this.left.branch)) this.left.branch = ids[0]!;
    const grown = ids.length > this.known;
    this.known = ids.length;
    if (grown || (this.right.kind === "branch" && !ids.includes(this.right.branch)))
      this.right = { kind: "branch", branch: ids.at(-1)!, written: "" };
    if (this.session.recorded("s2s/compare") && this.fetched.value === undefined) void this.compare();
  }

  choices(): Record<string, unknown> {
    const { left, right } = this;
    return { left: { ...left }, right: { ...right }, ...picked(this, ["known"]) };
  }

  async answers(): Promise<Answer[]> {
    const body = this.fetched.value;
    return body === undefined ? [] : [{ command: "s2s/compare", taken: {}, body }];
  }

  async compare(): Promise<void> {
    this.problem = "";
    try {
      const taken = { left: sideOf(this.left), right: sideOf(this.right) };
      await this.fetched.fetch(() => this.session.ask("s2s/compare", taken));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.problem = error.message;
    }
  }

  async swap(): Promise<void> {
    [this.left, this.right] = [this.right, this.left];
    if (this.fetched.value !== undefined) await this.compare();
  }
}
