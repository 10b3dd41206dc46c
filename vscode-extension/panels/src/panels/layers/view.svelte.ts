// What the Layers panel shows: a site's vectors, one step in its parts, or the weights.

import type { VectorsBody, WalkBody, WeightBody } from "../../protocol/messages";
import { Fetched } from "../../session/fetched.svelte";
import { type Keeping, picked } from "../../session/keeping";
import type { DebugSession } from "../../session/session.svelte";

export type Part = "vectors" | "walk" | "weights";
const PAGE = 24;

export class LayersView implements Keeping {
  readonly session: DebugSession;
  part: Part = $state("vectors");
  site: string | undefined = $state();
  layer: number | undefined = $state();
  head = $state(0);
  /** A row of the vectors that a person picked; by default the last one. */
  picked: number | undefined = $state();
  readonly vectors = new Fetched<VectorsBody>();
  readonly walk = new Fetched<WalkBody>();
  readonly weights = new Fetched<{ weights: WeightBody[]; total: number; parameters: number }>();

  constructor(session: DebugSession) {
    this.session = session;
  }

  /** Fetch the part that is on show. Reads what it depends on. */
  fetch(): void {
    void this.session.looks;
    const { part, site, layer, head } = this;
    const threadId = this.session.thread;
    if (!this.session.stopped) return;
    if (part === "vectors")
      void this.vectors.fetch(() => this.session.ask("s2s/vectors", { threadId, site, layer, head }));
    if (part === "walk") void this.walk.fetch(() => this.session.ask("s2s/walk", { threadId }));
    if (part === "weights" && this.weights.value === undefined) void this.more();
  }

  choices(): Record<string, unknown> {
    return picked(this, ["part", "site", "layer", "head", "picked"]);
  }

  choose(site: string): void {
    [this.site, this.layer, this.head, this.picked] = [site, undefined, 0, undefined];
  }

  /** Another page of weights. */
  async more(): Promise<void> {
    const known = this.weights.value?.weights ?? [];
    await this.weights.fetch(async () => {
      const page = await this.session.ask("s2s/weights", { start: known.length, count: PAGE });
      return { ...page, weights: [...known, ...page.weights] };
    });
  }
}
