// A debug session as the panels see it: where it stands, and what can be asked of it.
//
// `looks` counts every time that what is on show may have changed: a view fetches again when it does.

import { type Connection, type Heard, Refusal } from "../connection/connection";
import { type Answer, holds, type Recording } from "../connection/recorded";
import type { Stopped } from "../protocol/messages";
import type { ArgumentsOf, BodyOf, Capabilities, Command, LaunchArguments } from "../protocol/requests";
import { Breakpoints } from "./breakpoints.svelte";
import { keeps } from "./keeping";
import { Transcript } from "./transcript.svelte";

export type Phase = "fresh" | "loading" | "stopped" | "running" | "ended" | "lost";
export type Motion =
  "continue" | "next" | "stepIn" | "stepPart" | "stepOut" | "stepBack" | "stageBack" | "reverseContinue";

/** The number of what is refused because nothing is launched. */
const NOT_LAUNCHED = 4001;
const ME = {
  adapterID: "s2sdap",
  clientID: "s2sdap-page",
  clientName: "s2sdap page",
  supportsVariableType: true,
  supportsVariablePaging: true,
  supportsProgressReporting: true,
  supportsInvalidatedEvent: true,
};

export class DebugSession {
  phase: Phase = $state("fresh");
  /** Why it stands where it stands. */
  stop: Stopped | undefined = $state();
  looks = $state(0);
  /** Sentences that have come to their end since the launch. */
  done = $state(0);
  /** The hypothesis that views follow, by default the one at the cursor. */
  thread = $state(1);
  launch: LaunchArguments = $state({});
  capabilities: Capabilities = $state({});
  /** What was refused last, for the person to read. */
  trouble = $state("");
  progress = $state("");
  #progressId: string | undefined;
  #kept = new Map<string, unknown>();
  readonly connection: Connection;
  /** Whether somebody else began this session, and moves it. */
  readonly watching: boolean;
  /** The file that it comes from, where it is no session of an adapter. */
  readonly recording: Recording | undefined;
  readonly breakpoints: Breakpoints;
  readonly transcript = new Transcript();
  #initialized: () => void = () => {};
  /** What the adapter calls the model, where the launch left it to the adapter. */
  #named: string | undefined = $state();
  /** Whom to follow from the next stop on, where a person says so. */
  #next: number | undefined;

  constructor(connection: Connection, watching = false, recording?: Recording) {
    this.connection = connection;
    this.watching = watching || recording !== undefined;
    this.recording = recording;
    this.breakpoints = new Breakpoints((command, taken) => this.ask(command, taken));
    connection.listen((heard) => this.#hear(heard));
    void connection.closed.then((reason) => {
      if (this.phase !== "ended" && this.phase !== "fresh") this.trouble = reason;
      this.phase = "lost";
    });
  }

  /** The model by the name that a person gave it; empty while nobody knows. */
  get model(): string {
    return this.launch.model ?? this.#named ?? "";
  }

  /** Whether it looks at a session file, which has no model to run. */
  get postMortem(): boolean {
    return this.launch.session !== undefined;
  }

  get stopped(): boolean {
    return this.phase === "stopped";
  }

  /** What a panel keeps for as long as the session lasts, also while another one is on show. */
  kept<T>(name: string, make: () => T): T {
    // What a component makes goes with it: this is made outside of any.
    if (!this.#kept.has(name))
      $effect.root(() => {
        const made = make();
        Object.assign(made as object, this.recording?.views[name]);
        this.#kept.set(name, made);
      });
    return this.#kept.get(name) as T;
  }

  /** What panels were set to, by the names under which they are kept. */
  choices(): Record<string, Record<string, unknown>> {
    const kept = [...this.#kept].flatMap(([name, view]) => (keeps(view) ? [[name, view.choices()]] : []));
    return Object.fromEntries(kept);
  }

  /** What panels have on show and would not ask for by themselves. */
  async shown(): Promise<Answer[]> {
    const answers: Answer[] = [];
    for (const view of this.#kept.values())
      if (keeps(view)) answers.push(...((await view.answers?.()) ?? []));
    return answers;
  }

  /** Whether there is a file that answers this, which nobody need press a button for. */
  recorded(command: Command): boolean {
    return this.recording !== undefined && holds(this.recording, command);
  }

  /** Ask; a refusal is the caller's to show. */
  ask<C extends Command>(command: C, taken?: ArgumentsOf<C>): Promise<BodyOf<C>> {
    return this.connection.request(command, taken);
  }

  /** Do something that a person wants; a refusal is shown. Tells whether it was done. */
  async attempt(deed: () => Promise<unknown>): Promise<boolean> {
    try {
      await deed();
      this.trouble = "";
      return true;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.trouble = error.message;
      return false;
    }
  }

  async initialize(): Promise<void> {
    this.capabilities = await this.ask("initialize", ME);
    this.breakpoints.offer(this.capabilities.exceptionBreakpointFilters ?? []);
  }

  /** Whether a person may move and change it now. */
  get able(): boolean {
    return this.stopped && !this.watching;
  }

  /** Take up a session that is under way. Tells whether there is one. */
  async resume(): Promise<boolean> {
    const state = await this.ask("s2s/state");
    if (state.phase === "fresh") return false;
    this.phase = state.phase as Phase;
    this.launch = state.launch;
    this.#named = state.model;
    this.done = state.results;
    this.stop = state.stopped;
    this.thread = state.stopped?.threadId ?? this.thread;
    this.breakpoints.source = this.watching ? undefined : state.source;
    this.looks++;
    return true;
  }

  /** Launch, with the breakpoints that are set; resolves once the model is there. */
  async open(wanted: LaunchArguments): Promise<void> {
    const initialized = new Promise<void>((resolve) => (this.#initialized = resolve));
    this.phase = "loading";
    this.launch = wanted;
    const launched = this.ask("launch", wanted);
    try {
      await Promise.race([initialized, launched]);
      const { sources } = await this.ask("loadedSources");
      this.breakpoints.source = sources[0];
      await this.breakpoints.send();
      await this.ask("configurationDone");
      await launched;
    } catch (error) {
      // What fails because the launch does is told by the launch.
      const late = error instanceof Refusal && error.number === NOT_LAUNCHED;
      const why = late
        ? await launched.then(
            () => error,
            (reason: unknown) => reason,
          )
        : error;
      launched.catch(() => {});
      if (this.phase === "loading") this.phase = "fresh";
      throw why;
    }
  }

  /** Move the cursor. */
  async move(motion: Motion): Promise<void> {
    const threadId = this.thread;
    const command = motion === "stageBack" ? "stepBack" : motion === "stepPart" ? "stepIn" : motion;
    const granularity = command === motion ? "statement" : "instruction";
    const before = this.phase;
    this.phase = "running";
    const moved = await this.attempt(() => this.ask(command, { threadId, granularity }));
    if (!moved && this.phase === "running") this.phase = before;
  }

  async pause(): Promise<void> {
    await this.attempt(() => this.ask("pause", { threadId: this.thread }));
  }

  /** Give up what the progress report is about. */
  async cancel(): Promise<void> {
    if (this.#progressId !== undefined)
      await this.attempt(() => this.ask("cancel", { progressId: this.#progressId }));
  }

  async restart(wanted?: LaunchArguments): Promise<void> {
    this.done = 0;
    if (wanted !== undefined) this.launch = wanted;
    await this.attempt(() => this.ask("restart", wanted === undefined ? {} : { arguments: wanted }));
  }

  async terminate(): Promise<void> {
    await this.attempt(() => this.ask("terminate"));
  }

  /** Go to a step, and follow this hypothesis there. */
  async goto(step: number, thread: number): Promise<void> {
    this.#next = thread;
    await this.ask("s2s/goto", { step });
  }

  /** Follow another live hypothesis. */
  follow(thread: number): void {
    this.thread = thread;
    this.looks++;
  }

  /** The id of the frame at the cursor of the followed hypothesis; none before there is a step. */
  async topFrame(): Promise<number | undefined> {
    if (!this.stopped) return undefined;
    const { stackFrames } = await this.ask("stackTrace", { threadId: this.thread, startFrame: 0, levels: 1 });
    return stackFrames[0]?.id;
  }

  /** The id of the frame of step `step` of the followed hypothesis, -1 for the encoder. */
  async frameOf(step: number, at: number): Promise<number> {
    const taken = { threadId: this.thread, startFrame: at - step, levels: 1 };
    const { stackFrames } = await this.ask("stackTrace", taken);
    if (stackFrames[0] === undefined) throw new Refusal("stackTrace", `step ${step} has no frame`);
    return stackFrames[0].id;
  }

  #hear(heard: Heard): void {
    switch (heard.event) {
      case "initialized":
        this.#initialized();
        break;
      case "stopped":
        this.phase = "stopped";
        this.stop = heard.body;
        this.thread = this.#next ?? heard.body.threadId ?? this.thread;
        this.#next = undefined;
        this.looks++;
        if (this.model === "") void this.#askName();
        break;
      case "continued":
        this.phase = "running";
        break;
      case "invalidated":
        void this.#lookAgain();
        break;
      case "terminated":
        this.phase = "ended";
        this.stop = undefined;
        this.looks++;
        break;
      case "s2s/result":
        this.done++;
        break;
      case "output":
        this.transcript.heard(heard.body);
        break;
      case "capabilities":
        this.capabilities = { ...this.capabilities, ...heard.body.capabilities };
        this.breakpoints.offer(this.capabilities.exceptionBreakpointFilters ?? []);
        break;
      case "breakpoint":
        this.breakpoints.changed(heard.body.breakpoint);
        break;
      case "progressStart":
        this.progress = heard.body.title;
        this.#progressId = heard.body.progressId;
        break;
      case "progressUpdate":
        this.progress = heard.body.message ?? this.progress;
        break;
      case "progressEnd":
        this.progress = "";
        break;
    }
  }

  async #askName(): Promise<void> {
    this.#named = (await this.ask("s2s/state")).model;
  }

  /** After an edit the hypothesis may be another: follow the one at the cursor. */
  async #lookAgain(): Promise<void> {
    const { hypothesis, hypotheses } = await this.ask("s2s/decode", { count: 1, top: 1 });
    if (!hypotheses.includes(this.thread)) this.thread = hypothesis;
    this.looks++;
  }
}
