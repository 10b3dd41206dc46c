// Computed styles, as far as the panels use them, in the words of a drawing.

export interface Stop {
  colour: string;
  /** Pixels from the start of the gradient's line. */
  at: number;
}

export interface Gradient {
  /** From where to where, as shares of the box: [x1, y1, x2, y2]. */
  line: [number, number, number, number];
  stops: Stop[];
}

export interface Ring {
  colour: string;
  /** How far around the box. */
  spread: number;
}

export interface Shadows {
  /** Lines around the box. */
  rings: Ring[];
  /** A strip inside, along the top or the left edge. */
  strips: { colour: string; x: number; y: number }[];
}

/** Whether nothing would be seen of a colour. */
export function invisible(colour: string): boolean {
  return colour === "" || colour === "transparent" || /^rgba\(.*,\s*0\)$|\/\s*0\)$/.test(colour);
}

/** A list as CSS writes it, apart at the commas outside of brackets. */
export function apart(list: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let part = "";
  for (const sign of list) {
    if (sign === "(") depth++;
    if (sign === ")") depth--;
    if (sign === "," && depth === 0) {
      parts.push(part.trim());
      part = "";
    } else part += sign;
  }
  return part.trim() === "" ? parts : [...parts, part.trim()];
}

const COLOUR = /^(?:[a-z-]+\([^()]*\)|#[0-9a-f]+|[a-z]+)/i;
const LINES: Record<string, Gradient["line"]> = {
  "to top": [0, 1, 0, 0],
  "0deg": [0, 1, 0, 0],
  "to right": [0, 0, 1, 0],
  "90deg": [0, 0, 1, 0],
  "to left": [1, 0, 0, 0],
  "to bottom": [0, 0, 0, 1],
};

/** A linear gradient along a side of a box; none where it is another picture. */
export function gradientOf(image: string, width: number, height: number): Gradient | undefined {
  const inside = /^linear-gradient\((.*)\)$/s.exec(image)?.[1];
  if (inside === undefined) return undefined;
  const parts = apart(inside);
  const named = LINES[parts[0]!];
  const line = named ?? LINES["to bottom"]!;
  const length = line[0] === line[2] ? height : width;
  const written = (named ? parts.slice(1) : parts).map((part) => {
    const colour = COLOUR.exec(part)?.[0] ?? "transparent";
    return { colour, at: lengthOf(part.slice(colour.length).trim(), length) };
  });
  // As CSS has it: the ends stand at the ends, what is in between is spread, and no stop is before another.
  const stops: Stop[] = [];
  for (const [place, { colour, at }] of written.entries()) {
    const wanted = at ?? (place === 0 ? 0 : (length * place) / (written.length - 1));
    stops.push({ colour, at: Math.max(wanted, stops.at(-1)?.at ?? 0) });
  }
  return { line, stops };
}

/** `50%`, `3px` or `calc(50% + 1px)` in pixels. */
function lengthOf(written: string, whole: number): number | undefined {
  if (written === "") return undefined;
  let sum = 0;
  for (const [, sign, number, unit] of written.matchAll(/([+-]?)\s*([\d.]+)(%|px|)/g))
    sum += (sign === "-" ? -1 : 1) * Number(number) * (unit === "%" ? whole / 100 : 1);
  return sum;
}

/** Shadows that are lines; blurred ones belong to what floats, and are left out. */
export function shadowsOf(shadow: string): Shadows {
  const found: Shadows = { rings: [], strips: [] };
  if (shadow === "none") return found;
  for (const part of apart(shadow)) {
    const colour = COLOUR.exec(part)?.[0] ?? "";
    const [x = 0, y = 0, blur = 0, spread = 0] = [...part.slice(colour.length).matchAll(/(-?[\d.]+)px/g)].map(
      (each) => Number(each[1]),
    );
    if (blur > 0 || invisible(colour)) continue;
    if (part.endsWith("inset")) found.strips.push({ colour, x, y });
    else if (x === 0 && y === 0 && spread > 0) found.rings.push({ colour, spread });
  }
  return found;
}

/** The dashes of a border's line. */
export function dashesOf(style: string, width: number): string | undefined {
  if (style === "dashed") return `${width * 3} ${width * 2}`;
  return style === "dotted" ? `${width} ${width}` : undefined;
}
