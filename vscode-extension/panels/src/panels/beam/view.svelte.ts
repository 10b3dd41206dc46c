// What the beam tree shows: the tree, what of it is hidden, and the candidate that a person picked.

import { SvelteSet } from "svelte/reactivity";

import { layOut, type Node, pathTo, referencePath, type Tree, treeOf } from "../../logic/beam_tree";
import type { ReferenceBody, TreeBody } from "../../protocol/messages";
import { Fetched } from "../../session/fetched.svelte";
import type { Keeping } from "../../session/keeping";
import type { DebugSession } from "../../session/session.svelte";

export class BeamView implements Keeping {
  readonly session: DebugSession;
  readonly fetched = new Fetched<TreeBody>();
  readonly reference = new Fetched<ReferenceBody>();
  /** How many pruned candidates are shown below each hypothesis. */
  pruned = $state(3);
  readonly folded = new SvelteSet<string>();
  readonly opened = new SvelteSet<string>();
  picked: string | undefined = $state();
  #branch = -1;

  constructor(session: DebugSession) {
    this.session = session;
  }

  fetch(): void {
    void [this.session.looks, this.session.thread];
    if (!this.session.stopped) return;
    void this.fetched.fetch(async () => {
      const body = await this.session.ask("s2s/tree");
      if (body.branch !== this.#branch) {
        this.#branch = body.branch;
        this.folded.clear();
        this.opened.clear();
        this.picked = undefined;
      }
      return body;
    });
  }

  choices(): Record<string, unknown> {
    return { pruned: this.pruned === Infinity ? 1e9 : this.pruned };
  }

  /** Where the sentence's reference went; it is only asked for on demand, since it may run the model. */
  async askReference(): Promise<void> {
    await this.reference.fetch(() => this.session.ask("s2s/reference"));
  }

  #tree: Tree | undefined = $derived.by(() => (this.fetched.value ? treeOf(this.fetched.value) : undefined));
  #nodes = $derived.by(() => new Map(this.#tree?.nodes.map((node) => [node.candidate.key, node])));
  #path = $derived.by(() => pathTo(this.#tree?.alive.get(this.session.thread)));
  #way = $derived.by(() =>
    this.#tree && this.reference.value
      ? referencePath(
          this.#tree,
          this.reference.value.tokens.map((token) => token.id),
        )
      : undefined,
  );
  #layout = $derived.by(() =>
    this.#tree
      ? layOut(this.#tree, {
          pruned: this.pruned,
          folded: this.folded,
          opened: this.opened,
          always: new Set([...(this.#way?.keys ?? []), ...(this.picked ? [this.picked] : [])]),
        })
      : undefined,
  );

  get tree(): Tree | undefined {
    return this.#tree;
  }

  /** The way to the hypothesis that is followed. */
  get path(): ReadonlySet<string> {
    return this.#path;
  }

  /** The way of the reference. */
  get way(): ReturnType<typeof referencePath> | undefined {
    return this.#way;
  }

  get layout(): ReturnType<typeof layOut> | undefined {
    return this.#layout;
  }

  node(key: string | undefined): Node | undefined {
    return key === undefined ? undefined : this.#nodes.get(key);
  }

  /** Go to the step of a candidate that went on, and follow what it became. */
  async follow(node: Node): Promise<void> {
    const { step, child } = node.candidate;
    if (child === undefined) return;
    await this.session.attempt(async () => {
      if (step === this.fetched.value?.step) this.session.follow(child);
      else await this.session.goto(step, child);
    });
  }

  /** Give a pruned candidate a place after all. */
  async revive(node: Node): Promise<void> {
    const { step, parent, token } = node.candidate;
    await this.#edit(step, (frameId) => ({ frameId, revive: { hypothesis: parent, token } }));
  }

  /** Let a hypothesis go no further from this step on. */
  async prune(node: Node): Promise<void> {
    const { step, child } = node.candidate;
    await this.#edit(step, (frameId) => ({ frameId, prune: child }));
  }

  async #edit(step: number, edit: (frameId: number) => object): Promise<void> {
    await this.session.attempt(async () => {
      const frameId = await this.session.frameOf(step, this.fetched.value!.step);
      await this.session.ask("s2s/edit", edit(frameId));
    });
  }
}
