// Tables of vectors: a layer out of several, a vector folded into a square.

import type { ArrayBody } from "../protocol/messages";
import { type Matrix, numbersOf } from "./arrays";

/** An array [N, L, D] as a matrix [N, D] for each layer. */
export function layersOf(body: ArrayBody): Matrix[] {
  const [rows = 0, layers = 0, size = 0] = body.shape;
  const numbers = numbersOf(body);
  return Array.from({ length: layers }, (_, layer) => {
    const data = new Float32Array(rows * size);
    for (let row = 0; row < rows; row++)
      data.set(
        numbers.subarray((row * layers + layer) * size, (row * layers + layer + 1) * size),
        row * size,
      );
    return { rows, columns: size, data };
  });
}

/** One layer of an array [N, L, D], as an array [N, 1, D]. */
export function layerOf(body: ArrayBody, layer: number): ArrayBody {
  const [rows = 0, layers = 0, size = 0] = body.shape;
  const wide = size * (body.dtype === "float16" ? 2 : 4);
  const bytes = atob(body.data);
  let data = "";
  for (let row = 0; row < rows; row++) {
    const start = (row * layers + layer) * wide;
    data += bytes.slice(start, start + wide);
  }
  return { dtype: body.dtype, shape: [rows, 1, size], data: btoa(data) };
}

/** A vector as a square, row by row, as 64 features are 8 by 8; what is left over is filled with 0. */
export function folded(vector: Float32Array): Matrix {
  const side = Math.ceil(Math.sqrt(vector.length));
  const rows = Math.ceil(vector.length / side);
  const data = new Float32Array(rows * side);
  data.set(vector);
  return { rows, columns: side, data };
}

/** The columns with the largest numbers, the largest first. */
export function likeliest(values: ArrayLike<number>, count: number): number[] {
  const places = Array.from({ length: values.length }, (_, at) => at);
  return places.sort((one, other) => values[other]! - values[one]!).slice(0, count);
}

/** The largest magnitude, and never 0: what gets the full colour. */
export function largest(values: ArrayLike<number>): number {
  let most = 1e-12;
  for (let at = 0; at < values.length; at++) {
    const size = Math.abs(values[at]!);
    if (Number.isFinite(size) && size > most) most = size;
  }
  return most;
}
