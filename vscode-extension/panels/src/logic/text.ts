// How tokens are written on the screen. They are text only, never markup.

const VISIBLE: Record<string, string> = { " ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍", "": "∅" };
/** Signs that show nothing of themselves, by the names that people know them under. */
const NAMES: Record<string, string> = {
  "\u00a0": "NBSP",
  "\u00ad": "SHY",
  "\u034f": "CGJ",
  "\u200b": "ZWSP",
  "\u200c": "ZWNJ",
  "\u200d": "ZWJ",
  "\u200e": "LRM",
  "\u200f": "RLM",
  "\u3000": "IDSP",
  "\ufeff": "BOM",
};
const NOTHING = /^(?:[\p{Cf}\p{Cc}\p{Zs}\u034f]|[\ufe00-\ufe0f])$/u;
const MARK = /^\p{Mark}/u;

/** A piece with what cannot be seen made visible; a mark that stands alone gets something to stand on. */
export function shown(piece: string): string {
  if (piece in VISIBLE) return VISIBLE[piece]!;
  if (NOTHING.test(piece)) return NAMES[piece] ?? codeOf(piece);
  const whole = piece.replace(/[\n\t\r]/g, (sign) => VISIBLE[sign]!).replace(/^ | $/g, "␣");
  return MARK.test(whole) ? `◌${whole}` : whole;
}

function codeOf(sign: string): string {
  return `U+${sign.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`;
}

const SIGNS = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u;

/** How many cells of a fixed width a text takes: signs of East Asia and emoji take two. */
export function cells(text: string): number {
  let sum = 0;
  for (const { segment } of SIGNS.segment(text)) sum += WIDE.test(segment) ? 2 : 1;
  return sum;
}

/** A piece as it is shown, cut to so many cells, and never within a sign. */
export function clipped(piece: string, room: number): string {
  const whole = shown(piece);
  if (cells(whole) <= room) return whole;
  let kept = "";
  let left = room - 1;
  for (const { segment } of SIGNS.segment(whole)) {
    left -= cells(segment);
    if (left < 0) break;
    kept += segment;
  }
  return `${kept}…`;
}

const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;
const LETTER = /\p{Letter}/u;

/** The direction of a text: that of its first letter. */
export function directionOf(text: string): "ltr" | "rtl" {
  for (const sign of text) if (LETTER.test(sign)) return RIGHT_TO_LEFT.test(sign) ? "rtl" : "ltr";
  return "ltr";
}

/** A piece within a line: one that is written to the left is kept from turning its neighbours round. */
export function apart(piece: string): string {
  return RIGHT_TO_LEFT.test(piece) ? `\u2068${shown(piece)}\u2069` : shown(piece);
}

/** A piece in quotes, as messages write it. */
export function quoted(piece: string): string {
  return `'${apart(piece)}'`;
}

/** `1 edit`, `2 edits`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
