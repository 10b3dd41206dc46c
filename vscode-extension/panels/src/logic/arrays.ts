// Arrays out of messages: base64 of little-endian numbers, see `s2sdap/protocol/arrays.py`.

import type { ArrayBody } from "../protocol/messages";

export interface Matrix {
  rows: number;
  columns: number;
  data: Float32Array;
}

export const EMPTY: Matrix = { rows: 0, columns: 0, data: new Float32Array() };

/** The numbers of an array of floats, whatever its shape, in row-major order. */
export function numbersOf(body: ArrayBody): Float32Array {
  const view = bytesOf(body);
  const width = body.dtype === "float16" ? 2 : 4;
  const out = new Float32Array(view.byteLength / width);
  for (let at = 0; at < out.length; at++)
    out[at] = width === 4 ? view.getFloat32(at * 4, true) : half(view.getUint16(at * 2, true));
  return out;
}

/** The same of an array of whole numbers. */
export function integersOf(body: ArrayBody): Int32Array {
  const view = bytesOf(body);
  const out = new Int32Array(view.byteLength / 4);
  for (let at = 0; at < out.length; at++) out[at] = view.getInt32(at * 4, true);
  return out;
}

function bytesOf(body: ArrayBody): DataView {
  const text = atob(body.data);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return new DataView(bytes.buffer);
}

/** A two-dimensional array; `EMPTY` where there is none. */
export function matrixOf(body: ArrayBody | undefined): Matrix {
  if (body === undefined) return EMPTY;
  const [rows = 0, columns = 0] = body.shape;
  return { rows, columns, data: numbersOf(body) };
}

/** Row `row` of a matrix, without a copy. */
export function rowOf(matrix: Matrix, row: number): Float32Array {
  return matrix.data.subarray(row * matrix.columns, (row + 1) * matrix.columns);
}

/** A matrix whose columns run from the right to the left. */
export function mirrored(matrix: Matrix): Matrix {
  const data = new Float32Array(matrix.data.length);
  for (let row = 0; row < matrix.rows; row++)
    data.set(rowOf(matrix, row).slice().reverse(), row * matrix.columns);
  return { ...matrix, data };
}

/** A float of 16 bits. */
export function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
