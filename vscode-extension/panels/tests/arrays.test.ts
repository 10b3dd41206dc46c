import { describe, expect, it } from "vitest";

import { EMPTY, half, integersOf, matrixOf, numbersOf, rowOf } from "../src/logic/arrays";

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

describe("arrays out of messages", () => {
  it("of 32 bits are bit for bit", () => {
    const numbers = new Float32Array([0.1, -3.5, 1e-30, Infinity]);
    const data = base64(new Uint8Array(numbers.buffer));
    expect(numbersOf({ dtype: "float32", shape: [4], data })).toEqual(numbers);
  });

  it("of whole numbers are whole", () => {
    const data = base64(new Uint8Array(new Int32Array([16777217, -1]).buffer));
    expect([...integersOf({ dtype: "int32", shape: [2], data })]).toEqual([16777217, -1]);
  });

  it("of 16 bits", () => {
    expect(half(0x3c00)).toBe(1);
    expect(half(0xc000)).toBe(-2);
    expect(half(0x0001)).toBe(2 ** -24);
    expect(half(0x7c00)).toBe(Infinity);
    expect(half(0x7e00)).toBeNaN();
    const data = base64(new Uint8Array(new Uint16Array([0x3800, 0x3555]).buffer));
    const [first, second] = numbersOf({ dtype: "float16", shape: [2], data });
    expect(first).toBe(0.5);
    expect(second).toBeCloseTo(1 / 3, 3);
  });

  it("have rows", () => {
    const data = base64(new Uint8Array(new Float32Array([1, 2, 3, 4, 5, 6]).buffer));
    const matrix = matrixOf({ dtype: "float32", shape: [2, 3], data });
    expect([...rowOf(matrix, 1)]).toEqual([4, 5, 6]);
    expect(matrixOf(undefined)).toBe(EMPTY);
  });
});
