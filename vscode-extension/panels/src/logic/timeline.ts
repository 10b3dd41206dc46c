// The branches of a sentence as a small tree: a row each, and for each row the lanes that pass it.

import type { BranchBody, SideArguments } from "../protocol/messages";

export interface BranchRow {
  branch: BranchBody;
  /** The lane it runs in, and that of the branch it left. */
  lane: number;
  from: number | undefined;
  /** Lanes of other branches that go past this row. */
  past: number[];
}

/** Rows in the order in which branches grew, children below their parents. */
export function branchRows(branches: readonly BranchBody[]): BranchRow[] {
  const children = new Map<number | null, BranchBody[]>();
  const known = new Set(branches.map((branch) => branch.id));
  for (const branch of branches) {
    const parent = branch.parent !== null && known.has(branch.parent) ? branch.parent : null;
    children.set(parent, [...(children.get(parent) ?? []), branch]);
  }
  const rows: BranchRow[] = [];
  const place = (branch: BranchBody, lane: number, from: number | undefined): void => {
    rows.push({ branch, lane, from, past: [] });
    for (const child of children.get(branch.id) ?? []) place(child, lane + 1, lane);
  };
  for (const root of children.get(null) ?? []) place(root, 0, undefined);
  // A lane goes past every row between a branch and the last of its children.
  rows.forEach((row, at) => {
    if (row.from === undefined) return;
    for (let above = at - 1; above >= 0 && rows[above]!.lane !== row.from; above--) {
      if (!rows[above]!.past.includes(row.from)) rows[above]!.past.push(row.from);
    }
  });
  return rows;
}

/** What a branch is called. */
export function nameOf(branch: BranchBody): string {
  return branch.name || `branch ${branch.id}`;
}

/** What is compared, as a person chooses it. */
export interface SideChoice {
  kind: "branch" | "reference" | "search" | "model";
  branch: number;
  /** A model's name, a reference's text (empty is the sentence's own), or search settings as JSON. */
  written: string;
}

/** A choice as the protocol has it. Throws a `SyntaxError` where the settings are no JSON. */
export function sideOf(choice: SideChoice): SideArguments {
  switch (choice.kind) {
    case "branch":
      return { branch: choice.branch };
    case "reference":
      return { reference: choice.written.trim() === "" ? true : choice.written };
    case "model":
      return { model: choice.written.trim() };
    case "search":
      return { search: settingsIn(choice.written) };
  }
}

/** `beamSize=8 lengthPenalty=0.6`, or a JSON object. */
export function settingsIn(written: string): Record<string, unknown> {
  const text = written.trim();
  if (text.startsWith("{")) return JSON.parse(text) as Record<string, unknown>;
  const settings: Record<string, unknown> = {};
  for (const part of text.split(/\s+/).filter(Boolean)) {
    const [, name, value] = /^(\w+)=(.+)$/.exec(part) ?? [];
    if (name === undefined || value === undefined) throw new SyntaxError(`'${part}' is no NAME=VALUE`);
    settings[name] = JSON.parse(value);
  }
  return settings;
}
