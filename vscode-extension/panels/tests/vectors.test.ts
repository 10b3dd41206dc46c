import { describe, expect, it } from "vitest";

import { folded, largest, layersOf, likeliest } from "../src/logic/vectors";
import { colourOf, shade } from "../src/parts/heat";

describe("tables of vectors", () => {
  it("are taken apart by layers", () => {
    const data = btoa(
      String.fromCharCode(...new Uint8Array(new Float32Array([1, 2, 3, 4, 5, 6, 7, 8]).buffer)),
    );
    const [bottom, top] = layersOf({ dtype: "float32", shape: [2, 2, 2], data });
    expect([...bottom!.data]).toEqual([1, 2, 5, 6]);
    expect([...top!.data]).toEqual([3, 4, 7, 8]);
  });

  it("fold into squares", () => {
    expect(folded(new Float32Array(64))).toMatchObject({ rows: 8, columns: 8 });
    const five = folded(new Float32Array([1, 2, 3, 4, 5]));
    expect([five.rows, five.columns]).toEqual([2, 3]);
    expect([...five.data]).toEqual([1, 2, 3, 4, 5, 0]);
  });

  it("have a largest number", () => {
    expect(largest([-3, 2, NaN, Infinity])).toBe(3);
    expect(largest([])).toBeGreaterThan(0);
  });

  it("name their likeliest columns", () => {
    expect(likeliest(new Float32Array([0.1, 0.7, 0, 0.2]), 3)).toEqual([1, 3, 0]);
    expect(likeliest([1], 4)).toEqual([0]);
  });
});

describe("shades", () => {
  it("read colours in every spelling", () => {
    expect(colourOf("#0af")).toEqual([0, 170, 255]);
    expect(colourOf(" #102030 ")).toEqual([16, 32, 48]);
    expect(colourOf("rgb(1, 2, 3)")).toEqual([1, 2, 3]);
  });

  it("go from one colour to the other", () => {
    expect(shade(0, [0, 0, 0], [255, 255, 255])).toEqual([0, 0, 0]);
    expect(shade(2, [0, 0, 0], [255, 255, 255])).toEqual([255, 255, 255]);
    expect(shade(0.25, [0, 0, 0], [200, 200, 200])).toEqual([100, 100, 100]);
  });
});
