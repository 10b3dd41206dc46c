// The search as a tree: every candidate a node below the one whose hypothesis it continues.

import type { TreeBody } from "../protocol/messages";
import { integersOf, numbersOf } from "./arrays";

export type Fate = "survived" | "finished" | "pruned";
const FATES: readonly Fate[] = ["survived", "finished", "pruned"];

export interface Candidate {
  /** `step:place`, the same for as long as the branch is. */
  key: string;
  step: number;
  /** Its place in the step's order of preference. */
  place: number;
  /** The hypothesis that it continues. */
  parent: number;
  token: number;
  piece: string;
  logp: number;
  score: number;
  coverage: number;
  lengthTerm: number;
  final: number;
  fate: Fate;
  reason: string;
  /** The hypothesis that it became. */
  child: number | undefined;
}

export interface Node {
  candidate: Candidate;
  above: Node | undefined;
  below: Node[];
}

export interface Tree {
  roots: Node[];
  /** Every node, step by step. */
  nodes: Node[];
  /** The first step, and how many there are. */
  start: number;
  steps: number;
  /** The nodes of the hypotheses that live at the cursor, by their ids. */
  alive: Map<number, Node>;
}

/** The tree of an answer. */
export function treeOf(body: TreeBody): Tree {
  const roots: Node[] = [];
  const nodes: Node[] = [];
  let holding = new Map<number, Node>();
  for (const step of body.steps) {
    const ids = integersOf(step.ids);
    const numbers = numbersOf(step.numbers);
    const next = new Map<number, Node>();
    for (let place = 0; place < step.ids.shape[0]!; place++) {
      const [parent, token, fate, reason, child] = ids.subarray(
        place * 5,
        place * 5 + 5,
      ) as unknown as number[];
      const [logp, score, coverage, final] = numbers.subarray(
        place * 4,
        place * 4 + 4,
      ) as unknown as number[];
      const candidate: Candidate = {
        key: `${step.step}:${place}`,
        step: step.step,
        place,
        parent: parent!,
        token: token!,
        piece: body.pieces[String(token)] ?? "",
        logp: logp!,
        score: score!,
        coverage: coverage!,
        lengthTerm: step.lengthTerm,
        final: final!,
        fate: FATES[fate!]!,
        reason: body.reasons[reason!] ?? "",
        child: child! < 0 ? undefined : child!,
      };
      const above = holding.get(parent!);
      const node: Node = { candidate, above, below: [] };
      (above?.below ?? roots).push(node);
      nodes.push(node);
      if (candidate.child !== undefined && candidate.fate === "survived") next.set(candidate.child, node);
    }
    holding = next;
  }
  return { roots, nodes, start: body.steps[0]?.step ?? 0, steps: body.steps.length, alive: holding };
}

/** The keys of a node and all above it. */
export function pathTo(node: Node | undefined): Set<string> {
  const keys = new Set<string>();
  for (let at = node; at !== undefined; at = at.above) keys.add(at.candidate.key);
  return keys;
}

export interface ReferencePath {
  keys: Set<string>;
  /** The candidate at which the reference was pruned; none where it is alive, or was not looked at. */
  fell: string | undefined;
  /** The step at which it was not even a candidate. */
  missing: number | undefined;
}

/** The way of a reference's tokens through the tree, as far as they are in it. */
export function referencePath(tree: Tree, tokens: readonly number[]): ReferencePath {
  const found: ReferencePath = { keys: new Set(), fell: undefined, missing: undefined };
  let among = tree.roots;
  if (tree.start > 0) return found;
  for (let step = 0; step < Math.min(tokens.length, tree.steps); step++) {
    const node = among.find((each) => each.candidate.token === tokens[step]);
    if (node === undefined) return { ...found, missing: step };
    found.keys.add(node.candidate.key);
    if (node.candidate.fate === "pruned") return { ...found, fell: node.candidate.key };
    among = node.below;
  }
  return found;
}

/** What is on show: of the pruned candidates below a node only so many, and nothing below a folded one. */
export interface Choice {
  pruned: number;
  folded: ReadonlySet<string>;
  /** Nodes of which all pruned ones are shown. */
  opened: ReadonlySet<string>;
  /** Shown whatever else is hidden. */
  always: ReadonlySet<string>;
}

export interface Placed {
  node: Node;
  /** Columns and rows, whole numbers from 0. */
  column: number;
  row: number;
  /** Pruned candidates below it that are not on show. */
  hidden: number;
}

/** Where the nodes stand: steps are columns, and a node stands in the row of its first child. */
export function layOut(tree: Tree, choice: Choice): { placed: Placed[]; rows: number; hiddenRoots: number } {
  const placed: Placed[] = [];
  let row = 0;
  const shownOf = (nodes: Node[], opened: boolean) => {
    let room = opened ? Infinity : choice.pruned;
    return nodes.filter(
      (each) => each.candidate.fate !== "pruned" || choice.always.has(each.candidate.key) || room-- > 0,
    );
  };
  const place = (node: Node): void => {
    const { key, step } = node.candidate;
    const below = choice.folded.has(key) ? [] : shownOf(node.below, choice.opened.has(key));
    placed.push({
      node,
      column: step - tree.start,
      row,
      hidden: choice.folded.has(key) ? 0 : node.below.length - below.length,
    });
    if (below.length === 0) row++;
    for (const each of below) place(each);
  };
  const roots = shownOf(tree.roots, choice.opened.has(""));
  for (const root of roots) place(root);
  return { placed, rows: row, hiddenRoots: tree.roots.length - roots.length };
}
