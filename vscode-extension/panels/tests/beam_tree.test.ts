import { describe, expect, it } from "vitest";

import { type Choice, layOut, pathTo, referencePath, treeOf } from "../src/logic/beam_tree";
import type { TreeBody } from "../src/protocol/messages";

type Row = [parent: number, token: number, fate: number, child: number, score?: number];

function array(dtype: "int32" | "float32", width: number, rows: number[][]) {
  const flat = rows.flat();
  const numbers = dtype === "int32" ? new Int32Array(flat) : new Float32Array(flat);
  const data = btoa(String.fromCharCode(...new Uint8Array(numbers.buffer)));
  return { dtype, shape: [rows.length, width], data };
}

/** A tree out of rows of candidates: the best child has its parent's id, as the adapter gives it. */
function body(...steps: Row[][]): TreeBody {
  return {
    sentence: 0,
    branch: 0,
    step: steps.length - 1,
    hypothesis: 1,
    alive: [1],
    total: steps.length,
    pieces: { "5": "a", "6": "b", "7": "c" },
    reasons: ["none", "rank"],
    steps: steps.map((rows, step) => ({
      step,
      live: [1],
      lengthTerm: 1,
      ids: array(
        "int32",
        5,
        rows.map(([parent, token, fate, child]) => [parent, token, fate, fate === 2 ? 1 : 0, child]),
      ),
      numbers: array(
        "float32",
        4,
        rows.map((row) => [-0.5, row[4] ?? -1, 0, row[4] ?? -1]),
      ),
    })),
  };
}

const BODY = body(
  [
    [1, 5, 0, 1],
    [1, 6, 0, 2],
    [1, 7, 2, -1],
  ],
  [
    [2, 5, 0, 2],
    [1, 6, 0, 1],
    [1, 5, 2, -1],
    [1, 7, 2, -1],
    [2, 7, 1, 9],
  ],
);
const ALL: Choice = { pruned: Infinity, folded: new Set(), opened: new Set(), always: new Set() };

describe("the search as a tree", () => {
  it("hangs each candidate below the hypothesis that it continues", () => {
    const tree = treeOf(BODY);
    expect(tree.roots.map((node) => node.candidate.piece)).toEqual(["a", "b", "c"]);
    expect(tree.roots[0]!.below.map((node) => node.candidate.piece)).toEqual(["b", "a", "c"]);
    expect(tree.roots[1]!.below.map((node) => node.candidate.fate)).toEqual(["survived", "finished"]);
    expect(tree.roots[2]!.below).toEqual([]);
    expect(tree.nodes).toHaveLength(8);
    expect([...tree.alive.keys()].sort()).toEqual([1, 2]);
    expect(tree.roots[2]!.candidate.reason).toBe("rank");
  });

  it("knows the way to a hypothesis", () => {
    const tree = treeOf(BODY);
    expect([...pathTo(tree.alive.get(2))]).toEqual(["1:0", "0:1"]);
    expect(pathTo(undefined).size).toBe(0);
  });

  it("tells where a reference went", () => {
    const tree = treeOf(BODY);
    expect(referencePath(tree, [5, 6, 7])).toEqual({
      keys: new Set(["0:0", "1:1"]),
      fell: undefined,
      missing: undefined,
    });
    expect(referencePath(tree, [5, 7]).fell).toBe("1:3");
    expect(referencePath(tree, [6, 6]).missing).toBe(1);
    expect(referencePath(tree, [7, 5]).fell).toBe("0:2");
  });

  it("lays steps out as columns, and a node beside its first child", () => {
    const { placed, rows } = layOut(treeOf(BODY), ALL);
    const where = Object.fromEntries(
      placed.map((each) => [each.node.candidate.key, [each.column, each.row]]),
    );
    expect(where).toEqual({
      "0:0": [0, 0],
      "1:1": [1, 0],
      "1:2": [1, 1],
      "1:3": [1, 2],
      "0:1": [0, 3],
      "1:0": [1, 3],
      "1:4": [1, 4],
      "0:2": [0, 5],
    });
    expect(rows).toBe(6);
  });

  it("hides pruned ones, folds, and opens", () => {
    const tree = treeOf(BODY);
    const few = layOut(tree, { ...ALL, pruned: 1 });
    expect(few.placed.find((each) => each.node.candidate.key === "0:0")!.hidden).toBe(1);
    expect(few.hiddenRoots).toBe(0);
    const none = layOut(tree, { ...ALL, pruned: 0 });
    expect(none.placed).toHaveLength(5);
    expect(none.hiddenRoots).toBe(1);
    expect(layOut(tree, { ...ALL, pruned: 0, opened: new Set(["0:0"]) }).placed).toHaveLength(7);
    expect(layOut(tree, { ...ALL, folded: new Set(["0:0"]) }).placed).toHaveLength(5);
    const kept = layOut(tree, { ...ALL, pruned: 0, always: new Set(["1:3"]) });
    expect(kept.placed.map((each) => each.node.candidate.key)).toContain("1:3");
  });

  it("of a page that begins later has several roots", () => {
    const page = { ...BODY, steps: BODY.steps.slice(1) };
    const tree = treeOf(page);
    expect(tree.roots).toHaveLength(5);
    expect(tree.start).toBe(1);
    expect(referencePath(tree, [5]).keys.size).toBe(0);
  });
});
