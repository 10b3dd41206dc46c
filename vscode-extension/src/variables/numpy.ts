// A tensor's bytes as Python that makes the same array. Pure.

/** Elements up to this many are written out as numbers; more are carried in base64. */
const WRITTEN_OUT = 2000;

export interface ArrayType {
  dtype: string;
  shape: number[];
}

/** `float32[3x4]`; nothing where a type is no tensor's. */
export function arrayType(written: string): ArrayType | undefined {
  const [, dtype, shape] = /^(b?float\d+|u?int\d+|bool)\[(\d+(?:x\d+)*)\]$/.exec(written) ?? [];
  if (dtype === undefined || shape === undefined) return undefined;
  return { dtype, shape: shape.split("x").map(Number) };
}

/** Python that evaluates, with `import numpy as np`, to the array of these bytes. */
export function numpyOf({ dtype, shape }: ArrayType, bytes: Uint8Array): string {
  const read = READERS[dtype];
  const count = shape.reduce((product, length) => product * length, 1);
  if (read !== undefined && count <= WRITTEN_OUT)
    return `np.array(${nested(read(bytes), shape)}, dtype=np.${dtype === "bfloat16" ? "float32" : dtype})`;
  const carried = dtype === "bfloat16" ? new Uint8Array(widened(bytes).buffer) : bytes;
  const kind = dtype === "bfloat16" ? "float32" : dtype;
  const text = Buffer.from(carried).toString("base64");
  const import64 = `__import__("base64").b64decode("${text}")`;
  return `np.frombuffer(${import64}, dtype=np.${kind}).reshape(${shape.join(", ")})`;
}

const READERS: Readonly<Record<string, (bytes: Uint8Array) => string[]>> = {
  float32: (bytes) => Array.from(new Float32Array(aligned(bytes)), shortest),
  bfloat16: (bytes) => Array.from(widened(bytes), shortest),
  float64: (bytes) => Array.from(new Float64Array(aligned(bytes)), (each) => special(each) ?? String(each)),
  int32: (bytes) => Array.from(new Int32Array(aligned(bytes)), String),
  int64: (bytes) => Array.from(new BigInt64Array(aligned(bytes)), String),
};

/** bfloat16 is the upper half of a float32; NumPy has no such type. */
function widened(bytes: Uint8Array): Float32Array {
  const halves = new Uint16Array(aligned(bytes));
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
}

function aligned(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}

/** The fewest digits that read back as the same float32. */
function shortest(value: number): string {
  const named = special(value);
  if (named !== undefined) return named;
  for (let digits = 6; digits < 9; digits++) {
    const written = Number(value.toPrecision(digits));
    if (Math.fround(written) === value) return String(written);
  }
  return String(Number(value.toPrecision(9)));
}

function special(value: number): string | undefined {
  if (Number.isNaN(value)) return "np.nan";
  if (!Number.isFinite(value)) return value > 0 ? "np.inf" : "-np.inf";
  return undefined;
}

function nested(numbers: readonly string[], shape: readonly number[]): string {
  const [length = 1, ...rest] = shape;
  if (rest.length === 0) return `[${numbers.join(", ")}]`;
  const size = numbers.length / length;
  const rows = Array.from({ length }, (_, at) => nested(numbers.slice(at * size, (at + 1) * size), rest));
  return `[${rows.join(", ")}]`;
}
