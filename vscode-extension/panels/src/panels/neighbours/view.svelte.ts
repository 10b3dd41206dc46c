// What the Neighbourhood panel shows: a picture of a site's states, and the neighbours of one of them.

import { SvelteMap } from "svelte/reactivity";

import type {
  NeighborBody,
  NeighborsArguments,
  NeighborsBody,
  PictureBody,
  ProjectionBody,
} from "../../protocol/messages";
import { Fetched } from "../../session/fetched.svelte";
import type { Answer } from "../../connection/recorded";
import { type Keeping, picked } from "../../session/keeping";
import type { DebugSession } from "../../session/session.svelte";

export const SITES = ["decoder.state", "encoder.states", "attention.context"] as const;
export type Method = "pca" | "tsne" | "mds";

/** Of so many positions the neighbours are kept in a file. */
const KEPT = 200;

export class NeighboursView implements Keeping {
  readonly session: DebugSession;
  site: string = $state(SITES[0]);
  method: Method = $state("pca");
  k = $state(12);
  seed = $state(0);
  /** Neighbours of one token alone; empty is of any. */
  token = $state("");
  /** Without training sentences that read as this one. */
  others = $state(false);
  /** Which token of a neighbour is marked: the one before, its own, the one after. */
  offset: -1 | 0 | 1 = $state(0);
  /** A position that a person picked; by default the last one. */
  picked: number | undefined = $state();
  pointed: number | undefined = $state();
  readonly projection = new Fetched<ProjectionBody>();
  readonly neighbors = new Fetched<NeighborsBody>();
  /** Neighbours that are kept in sight, by their rows in the index. */
  readonly starred = new SvelteMap<number, NeighborBody>();
  #drawn = "";
  #branch = "";

  constructor(session: DebugSession) {
    this.session = session;
    session.connection.listen((heard) => {
      if (heard.event === "s2s/projected" && heard.body.id === this.projection.value?.id)
        this.projection.value = heard.body;
    });
  }

  get picture(): PictureBody | undefined {
    return this.projection.value?.pictures[0];
  }

  /** The last position of the trajectory. */
  get last(): number {
    const mine = this.picture?.points.filter((point) => point.side === "left") ?? [];
    return Math.max(-1, ...mine.map((point) => point.position));
  }

  get position(): number {
    return this.picked ?? this.last;
  }

  /** Draw. What was drawn goes on as the decode does: old points stay. */
  draw(): void {
    void [this.session.looks, this.session.thread];
    const { site, method, k, seed } = this;
    if (!this.session.stopped) return;
    const how = JSON.stringify([site, method, k, seed]);
    void this.projection.fetch(async () => {
      const { sentence, branch } = await this.session.ask("s2s/decode", { count: 1, top: 1 });
      const where = `${sentence} ${branch}`;
      const known = this.#drawn === how && this.#branch === where ? this.projection.value?.id : undefined;
      const fresh = { method, seed, k, sites: [site] };
      const drawn =
        known === undefined
          ? await this.session.ask("s2s/projection", fresh)
          : await this.session
              .ask("s2s/projection", { id: known })
              .catch(() => this.session.ask("s2s/projection", fresh));
      if (known === undefined) this.picked = undefined;
      [this.#drawn, this.#branch] = [how, where];
      return drawn;
    });
  }

  /** The neighbours of the position that is picked. */
  look(): void {
    const { token, position } = this;
    if (!this.session.stopped || this.picture === undefined || position < 0) return this.neighbors.forget();
    const only = token.trim() === "" ? {} : { token: token.trim() };
    const taken = { ...this.#about(position), ...only };
    void this.neighbors.fetch(() => this.session.ask("s2s/neighbors", taken));
  }

  /** Which neighbours are those of a position. */
  #about(position: number): NeighborsArguments {
    const { site, k, others } = this;
    const { thread } = this.session;
    const where = site.startsWith("encoder")
      ? { position, threadId: thread }
      : { step: position, hypothesis: thread };
    return { site, k, others, ...where };
  }

  choices(): Record<string, unknown> {
    return picked(this, ["site", "method", "k", "seed", "others", "offset", "picked"]);
  }

  /** The picture, and the neighbours of every position in it. */
  async answers(): Promise<Answer[]> {
    if (this.projection.value === undefined) return [];
    // The panel may not have been on show when the decode went on.
    this.draw();
    await this.projection.settled();
    if (this.projection.value === undefined) return [];
    const { method, seed, k, site } = this;
    const answers: Answer[] = [
      { command: "s2s/projection", taken: { method, seed, k, sites: [site] }, body: this.projection.value },
    ];
    for (let position = 0; position <= Math.min(this.last, KEPT - 1); position++) {
      const taken = this.#about(position);
      const body = await this.session.ask("s2s/neighbors", taken).catch(() => undefined);
      if (body !== undefined) answers.push({ command: "s2s/neighbors", taken: { ...taken }, body });
    }
    return answers;
  }

  choose(site: string): void {
    [this.site, this.picked] = [site, undefined];
    this.starred.clear();
  }

  star(neighbor: NeighborBody): void {
    if (!this.starred.delete(neighbor.row)) this.starred.set(neighbor.row, neighbor);
  }

  /** Put a neighbour's numbers in the place of the state at the cursor. */
  async copy(neighbor: NeighborBody): Promise<void> {
    const { site, position } = this;
    await this.session.attempt(async () => {
      const at = this.neighbors.value!.step;
      const step = site.startsWith("encoder") ? -1 : position;
      const decode = await this.session.ask("s2s/decode", {
        count: 1,
        top: 1,
        threadId: this.session.thread,
      });
      const frameId = await this.session.frameOf(step < 0 ? -1 : step, Math.max(decode.step, at));
      const place = step < 0 ? `states[${position}]` : site === "attention.context" ? "context" : "state";
      await this.session.ask("s2s/edit", {
        frameId,
        command: `copy ${place} from neighbor ${neighbor.number}`,
      });
    });
  }
}
