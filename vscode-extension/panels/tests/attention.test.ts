import { describe, expect, it } from "vitest";

import { bundles, curve, linksAt, linksOf, mostTied, strongest, widthOf } from "../src/logic/attention";

const MAP = { rows: 2, columns: 3, data: new Float32Array([0.7, 0.2, 0.1, 0, 0.005, 0.995]) };

describe("which weights are drawn", () => {
  it("takes the largest until they reach the mass", () => {
    expect(strongest([0.1, 0.6, 0.3], 0.6)).toEqual([1]);
    expect(strongest([0.1, 0.6, 0.3], 0.61)).toEqual([1, 2]);
    expect(strongest([0.1, 0.6, 0.3], 1)).toEqual([1, 2, 0]);
  });

  it("takes one where the mass is 0, and never a weight of 0", () => {
    expect(strongest([0.2, 0.8], 0)).toEqual([1]);
    expect(strongest([0, 0, 1], 1)).toEqual([2]);
    expect(strongest([0, 0], 1)).toEqual([]);
  });

  it("keeps the order of equal weights", () => {
    expect(strongest([0.25, 0.25, 0.25, 0.25], 0.5)).toEqual([0, 1]);
  });

  it("goes row by row", () => {
    expect(linksOf(MAP, 0.75).map((link) => [link.target, link.source])).toEqual([
      [0, 0],
      [0, 1],
      [1, 2],
    ]);
  });

  it("finds the links of a token on both sides", () => {
    expect(linksAt(MAP, "target", 0).map((link) => link.source)).toEqual([0, 1, 2]);
    expect(linksAt(MAP, "source", 1).map((link) => link.target)).toEqual([0]);
    expect(linksAt(MAP, "target", 7)).toEqual([]);
  });

  it("finds what a token has most to do with, on both sides", () => {
    expect([0, 1, 2, -1].map((at) => mostTied(MAP, "target", at))).toEqual([0, 2, undefined, undefined]);
    expect([0, 1, 2, 3].map((at) => mostTied(MAP, "source", at))).toEqual([0, 0, 1, undefined]);
  });
});

describe("curves", () => {
  const places = [{ x: 10 }, { x: 20 }, { x: 30 }];

  it("go from the source to the target", () => {
    expect(curve(10, 30, 80)).toBe("M10 0C10 40 30 40 30 80");
  });

  it("of one step and one width are one path", () => {
    const links = [
      { target: 0, source: 0, weight: 0.5 },
      { target: 0, source: 1, weight: 0.5 },
      { target: 1, source: 2, weight: 0.5 },
    ];
    const made = bundles(links, places, places, 80);
    expect(made).toHaveLength(2);
    expect(made[0]!.path).toBe(curve(10, 10, 80) + curve(20, 10, 80));
  });

  it("of a token that is not laid out are left out", () => {
    expect(bundles([{ target: 9, source: 0, weight: 1 }], places, places, 80)).toEqual([]);
  });

  it("that lie beside what can be seen are left out, and those that cross it are not", () => {
    const kept = (...[from, to]: number[]) =>
      bundles([{ target: 0, source: 0, weight: 1 }], [{ x: from! }], [{ x: to! }], 80, 320).length;
    expect([kept(-5, -400), kept(330, 900), kept(-5, 900), kept(-5, 10), kept(310, 900)]).toEqual([
      0, 0, 1, 1, 1,
    ]);
  });

  it("are wider the more weight there is", () => {
    const widths = [0.01, 0.3, 0.6, 1].map(widthOf);
    expect([...widths].sort((one, other) => one - other)).toEqual(widths);
    expect(new Set(widths).size).toBe(4);
  });
});
