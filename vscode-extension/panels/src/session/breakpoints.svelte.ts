// Every kind of breakpoint: what a person set, and what the adapter made of it. A change is sent at once.

import type { EditorLine, EditorStage } from "../connection/host_messages";
import type { BreakpointBody, SourceBody } from "../protocol/messages";
import type { ArgumentsOf, BodyOf, Command, ExceptionFilter } from "../protocol/requests";

/** On a sentence, or with a column on a source token. Lines and columns count from 1. */
export type LineBreakpoint = EditorLine;

/** On a stage, as in `attention:L3.H2` or `search@7`. */
export type StageBreakpoint = EditorStage;

/** On a value that changes: an expression. */
export interface ValueBreakpoint {
  dataId: string;
  placed?: BreakpointBody;
}

/** A watch rule. */
export interface Rule {
  filter: ExceptionFilter;
  on: boolean;
  condition: string;
  problem?: string;
}

export interface Kept {
  lines: LineBreakpoint[];
  stages: StageBreakpoint[];
  values: ValueBreakpoint[];
  rules: Rule[];
}

type Ask = <C extends Command>(command: C, taken?: ArgumentsOf<C>) => Promise<BodyOf<C>>;

export class Breakpoints {
  lines: LineBreakpoint[] = $state([]);
  stages: StageBreakpoint[] = $state([]);
  values: ValueBreakpoint[] = $state([]);
  rules: Rule[] = $state([]);
  /** The program, once it is known; until then nothing is sent. */
  source: SourceBody | undefined;
  #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** The rules that there are; what was chosen stays. */
  offer(filters: readonly ExceptionFilter[]): void {
    this.rules = filters.map(
      (filter) =>
        this.rules.find((rule) => rule.filter.filter === filter.filter) ?? {
          filter,
          on: filter.default ?? false,
          condition: "",
        },
    );
  }

  /** Switch on rules written as in a launch: `lowConfidence` or `lowConfidence(p < 0.3)`. */
  choose(written: readonly string[]): void {
    for (const each of written) {
      const [, name, condition] = /^(\w+)(?:\((.*)\))?$/.exec(each.trim()) ?? [];
      const rule = this.rules.find((known) => known.filter.filter === name);
      if (rule !== undefined) Object.assign(rule, { on: true, condition: condition ?? "" });
    }
  }

  /** All that is set, to be remembered while the page is loaded again. */
  kept(): Kept {
    return $state.snapshot({
      lines: this.lines,
      stages: this.stages,
      values: this.values,
      rules: this.rules,
    });
  }

  /** What was remembered. Nothing is sent: the adapter has them still. */
  restore(kept: Kept): void {
    [this.lines, this.stages, this.values, this.rules] = [kept.lines, kept.stages, kept.values, kept.rules];
  }

  async send(): Promise<void> {
    await Promise.all([this.sendLines(), this.sendStages(), this.sendValues(), this.sendRules()]);
  }

  at(line: number, column?: number): LineBreakpoint | undefined {
    return this.lines.find((each) => each.line === line && each.column === column);
  }

  async toggleLine(line: number, column?: number): Promise<void> {
    const there = this.at(line, column);
    if (there !== undefined) this.lines = this.lines.filter((each) => each !== there);
    else this.lines.push({ line, column });
    await this.sendLines();
  }

  async toggleStage(name: string): Promise<void> {
    const there = this.stages.some((each) => each.name === name);
    if (there) this.stages = this.stages.filter((each) => each.name !== name);
    else this.stages.push({ name });
    await this.sendStages();
  }

  async toggleValue(dataId: string): Promise<void> {
    const there = this.values.some((each) => each.dataId === dataId);
    if (there) this.values = this.values.filter((each) => each.dataId !== dataId);
    else this.values.push({ dataId });
    await this.sendValues();
  }

  /** What the adapter says of a breakpoint later: it could be placed after all, or it moved. */
  changed(told: BreakpointBody): void {
    for (const each of [...this.lines, ...this.stages, ...this.values])
      if (each.placed?.id !== undefined && each.placed.id === told.id) each.placed = told;
  }

  async sendLines(): Promise<void> {
    if (this.source === undefined) return;
    const breakpoints = this.lines.map(({ placed: _, ...asked }) => spare(asked));
    const answer = await this.#ask("setBreakpoints", { source: this.source, breakpoints });
    this.#place(this.lines, answer.breakpoints);
  }

  async sendStages(): Promise<void> {
    if (this.source === undefined) return;
    const breakpoints = this.stages.map(({ placed: _, ...asked }) => spare(asked));
    const answer = await this.#ask("setFunctionBreakpoints", { breakpoints });
    this.#place(this.stages, answer.breakpoints);
  }

  async sendValues(): Promise<void> {
    if (this.source === undefined) return;
    const breakpoints = this.values.map(({ dataId }) => ({ dataId }));
    const answer = await this.#ask("setDataBreakpoints", { breakpoints });
    this.#place(this.values, answer.breakpoints);
  }

  async sendRules(): Promise<void> {
    if (this.source === undefined) return;
    const on = this.rules.filter((rule) => rule.on);
    const plain = on.filter((rule) => rule.condition.trim() === "");
    const narrowed = on.filter((rule) => rule.condition.trim() !== "");
    const answer = await this.#ask("setExceptionBreakpoints", {
      filters: plain.map((rule) => rule.filter.filter),
      filterOptions: narrowed.map((rule) => ({ filterId: rule.filter.filter, condition: rule.condition })),
    });
    for (const rule of this.rules) rule.problem = undefined;
    [...plain, ...narrowed].forEach((rule, at) => {
      rule.problem = answer.breakpoints[at]?.message;
    });
  }

  /** The answer has one for each that was asked for, in their order. */
  #place(asked: { placed?: BreakpointBody }[], placed: BreakpointBody[]): void {
    asked.forEach((each, at) => (each.placed = placed[at]));
  }
}

/** Without what is empty: an empty condition is none. */
function spare<T extends object>(asked: T): T {
  return Object.fromEntries(
    Object.entries(asked).filter(([, value]) => value !== undefined && value !== ""),
  ) as T;
}
