// How tokens are written on the screen. They are text only, never markup.

const VISIBLE: Record<string, string> = { " ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍", "": "∅" };

/** A piece with what cannot be seen made visible. */
export function shown(piece: string): string {
  if (piece in VISIBLE) return VISIBLE[piece]!;
  return piece.replace(/[\n\t\r]/g, (sign) => VISIBLE[sign]!).replace(/^ | $/g, "␣");
}

/** A piece as it is shown, cut to so many signs. */
export function clipped(piece: string, room: number): string {
  const signs = [...shown(piece)];
  return signs.length > room ? `${signs.slice(0, room - 1).join("")}…` : signs.join("");
}

const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;
const LETTER = /\p{Letter}/u;

/** The direction of a text: that of its first letter. */
export function directionOf(text: string): "ltr" | "rtl" {
  for (const sign of text) if (LETTER.test(sign)) return RIGHT_TO_LEFT.test(sign) ? "rtl" : "ltr";
  return "ltr";
}

/** A piece in quotes, as messages write it. */
export function quoted(piece: string): string {
  return `'${shown(piece)}'`;
}

/** `1 edit`, `2 edits`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
