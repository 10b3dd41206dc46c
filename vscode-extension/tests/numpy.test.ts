import { expect, test } from "vitest";

import { arrayType, numpyOf } from "../src/variables/numpy";

const bytes = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

test("the type of a tensor is read, and that of anything else is none", () => {
  expect(arrayType("float32[3x4]")).toEqual({ dtype: "float32", shape: [3, 4] });
  expect(arrayType("bfloat16[64]")).toEqual({ dtype: "bfloat16", shape: [64] });
  expect(arrayType("list[3]")).toBeUndefined();
  expect(arrayType("attention weight")).toBeUndefined();
});

test("numbers are written with the fewest digits that give the same float32", () => {
  const values = new Float32Array([0.1, 1 / 3, -2, 1e-20, 16777217]);
  const written = numpyOf({ dtype: "float32", shape: [5] }, bytes(values));
  const numbers = /\[(.*)\]/.exec(written)![1]!.split(", ").map(Number);
  expect(Float32Array.from(numbers)).toEqual(values);
  expect(written).toContain("[0.1, 0.33333334, -2, 1e-20,");
  expect(written).toMatch(/dtype=np\.float32\)$/);
});

test("axes are nested, and what is no number has NumPy's name", () => {
  const values = new Float32Array([1, 2, NaN, Infinity, -Infinity, 6]);
  expect(numpyOf({ dtype: "float32", shape: [2, 3] }, bytes(values))).toBe(
    "np.array([[1, 2, np.nan], [np.inf, -np.inf, 6]], dtype=np.float32)",
  );
});

test("bfloat16 becomes float32, which NumPy has", () => {
  const written = numpyOf({ dtype: "bfloat16", shape: [2] }, bytes(new Uint16Array([0x3f80, 0xc000])));
  expect(written).toBe("np.array([1, -2], dtype=np.float32)");
});

test("large arrays and float16 are carried as bytes", () => {
  const values = new Float32Array(2001).fill(0.5);
  const written = numpyOf({ dtype: "float32", shape: [3, 667] }, bytes(values));
  const carried = /b64decode\("([^"]+)"\)/.exec(written)![1]!;
  expect(Buffer.from(carried, "base64").equals(Buffer.from(values.buffer))).toBe(true);
  expect(written).toMatch(/dtype=np\.float32\)\.reshape\(3, 667\)$/);
  expect(numpyOf({ dtype: "float16", shape: [1] }, new Uint8Array(2))).toContain("dtype=np.float16");
});
