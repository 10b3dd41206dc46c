// What the Decode panel shows and how: the decode itself, which map of attention, and what a person is
// about to change. No element of the page is known here.

import { SvelteMap } from "svelte/reactivity";

import { EMPTY, type Matrix, matrixOf, rowOf } from "../../logic/arrays";
import { withWeight } from "../../logic/weights";
import type { ColumnBody, DecodeBody, DecodedStepBody } from "../../protocol/messages";
import { Fetched } from "../../session/fetched.svelte";
import { type Keeping, picked } from "../../session/keeping";
import type { DebugSession } from "../../session/session.svelte";

export type Fold = "mean" | "max" | "rollup";
export type Side = "source" | "target";

/** A weight under this probability of the chosen token marks the token as unsure. */
export const UNSURE = 0.5;
const COLUMNS_AT_ONCE = 32;

export class DecodeView implements Keeping {
  readonly session: DebugSession;
  readonly fetched = new Fetched<DecodeBody>();
  face: "curves" | "matrix" = $state("curves");
  layer: number | undefined = $state();
  head: number | undefined = $state();
  fold: Fold = $state("mean");
  mass = $state(0.75);
  top = $state(5);
  unsure = $state(UNSURE);
  /** What the mouse or the focus is on. */
  hover: { side: Side; at: number } | undefined = $state();
  /** A step that a person picked; by default the cursor's. */
  picked: number | undefined = $state();
  /** The attention row of the picked step as it would be; there is none while nothing was dragged. */
  draft: number[] | undefined = $state.raw();
  /** Whether the other weights fill the rest when one is dragged. */
  fill = $state(true);
  /** Which look at the session the decode on show is from: it is asked for again also where nothing has moved. */
  look = -1;
  #columns = new SvelteMap<number, ColumnBody>();

  constructor(session: DebugSession) {
    this.session = session;
  }

  /** Fetch what is on show. Reads what it depends on, so an effect that calls it runs again with that. */
  fetch(): void {
    const { looks } = this.session;
    const taken = {
      threadId: this.session.thread,
      layer: this.layer,
      head: this.head,
      fold: this.fold,
      top: this.top,
    };
    if (!this.session.stopped) return;
    this.draft = undefined;
    void this.fetched.fetch(async () => {
      const decode = await this.session.ask("s2s/decode", taken);
      this.#columns.clear();
      this.look = looks;
      if (this.picked !== undefined && this.picked >= decode.total) this.picked = undefined;
      void this.#complete(decode);
      return decode;
    });
  }

  choices(): Record<string, unknown> {
    return picked(this, ["face", "layer", "head", "fold", "mass", "top", "unsure", "picked"]);
  }

  get decode(): DecodeBody | undefined {
    return this.fetched.value;
  }

  #map: Matrix = $derived.by(() => (this.decode === undefined ? EMPTY : matrixOf(this.decode.attention)));

  /** Attention, a row for each of the first steps on show. */
  get map(): Matrix {
    return this.#map;
  }

  /** The step whose attention can be changed, as an index into the steps on show. */
  get row(): number {
    const { decode } = this;
    if (decode === undefined) return -1;
    const wanted = (this.picked ?? decode.step) - decode.start;
    return wanted >= 0 && wanted < this.map.rows ? wanted : -1;
  }

  /** Its weights, as they are or as they would be. */
  get weights(): ArrayLike<number> | undefined {
    return this.draft ?? (this.row < 0 ? undefined : rowOf(this.map, this.row));
  }

  /** Why the row on show cannot be changed; empty where it can. */
  get fixed(): string {
    const several = (this.decode?.layers ?? 1) * (this.decode?.heads ?? 1) > 1;
    const whole = this.layer === undefined || this.head === undefined;
    if (this.session.watching) return "whoever began this session changes it";
    if (this.row < 0) return "there is no attention at this step";
    if (several && whole && this.fold !== "mean")
      return "choose the mean, or one layer and head, to change it";
    if (several && whole && (this.layer ?? this.head) !== undefined)
      return "choose both a layer and a head, or neither";
    return "";
  }

  column(step: DecodedStepBody): ColumnBody | undefined {
    return step.column ?? this.#columns.get(step.step);
  }

  drag(at: number, weight: number): void {
    const before = this.draft ?? Array.from(this.weights ?? []);
    if (this.fixed === "") this.draft = withWeight(before, at, weight, this.fill);
  }

  cancel(): void {
    this.draft = undefined;
  }

  /** Make the drafted row an edit. */
  async apply(): Promise<void> {
    const { draft, decode } = this;
    if (draft === undefined || decode === undefined) return;
    await this.session.attempt(async () => {
      const frameId = await this.session.frameOf(decode.start + this.row, decode.step);
      const map = this.layer === undefined ? {} : { layer: this.layer, head: this.head };
      await this.session.ask("s2s/edit", { frameId, weights: [...draft], ...map });
      this.draft = undefined;
    });
  }

  /** Have a step choose this token. */
  async force(step: number, token: number): Promise<void> {
    const { decode } = this;
    if (decode === undefined) return;
    await this.session.attempt(async () => {
      const frameId = await this.session.frameOf(step, decode.step);
      await this.session.ask("s2s/edit", { frameId, token });
      this.picked = undefined;
    });
  }

  /** Ask for the columns that cost a forward pass each, newest first. */
  async #complete(decode: DecodeBody): Promise<void> {
    const unpredicted = ["encoder", "decoder", "attention"].includes(decode.stage) ? 1 : 0;
    let end = decode.steps.length - unpredicted;
    while (end > 0) {
      if (decode.steps[end - 1]!.column !== undefined) {
        end--;
        continue;
      }
      const start = Math.max(0, end - COLUMNS_AT_ONCE);
      const taken = {
        threadId: this.session.thread,
        start: decode.start + start,
        count: end - start,
        top: this.top,
      };
      const columns = await this.session.ask("s2s/columns", taken).then(
        (answer) => answer.columns,
        () => undefined, // the run has gone on: the next look asks again
      );
      if (columns === undefined || this.decode !== decode) return;
      for (const column of columns) this.#columns.set(column.step, column);
      end = start;
    }
  }
}
