// Neighbours in lists and pictures.

import type { NeighborBody, PictureBody, PointBody } from "../protocol/messages";

/** A neighbour's text with a part of it marked: what stands before, in, and behind the mark. */
export interface Marked {
  before: string;
  marked: string;
  after: string;
}

/**
 * The text that a neighbour's position counts in, with its token marked, or the one before (-1) or after
 * it (+1). Nothing is marked where the token stands nowhere in the text.
 */
export function markedText(neighbor: NeighborBody, offset: -1 | 0 | 1): Marked {
  const text = (neighbor.side === "source" ? neighbor.source : neighbor.target) ?? "";
  const { start, end } = neighbor;
  if (start === undefined || end === undefined) return { before: text, marked: "", after: "" };
  const [before, after] = [plain(neighbor.before), plain(neighbor.after)];
  let [from, to] = [start, end];
  if (offset === -1) {
    [from, to] = [text.lastIndexOf(before, start - 1), start];
    if (before === "" || from < 0 || from + before.length > start)
      return { before: text, marked: "", after: "" };
    to = from + before.length;
  } else if (offset === 1) {
    from = after === "" ? -1 : text.indexOf(after, end);
    if (from < 0) return { before: text, marked: "", after: "" };
    to = from + after.length;
  }
  return { before: text.slice(0, from), marked: text.slice(from, to), after: text.slice(to) };
}

/** A piece as it stands in a text: without the mark of a word's beginning. */
function plain(piece: string | undefined): string {
  return (piece ?? "").replace(/^[▁Ġ]/, "");
}

export interface Frame {
  /** Points as they lie in the picture, `x` to the right and `y` down, in pixels. */
  at: (point: PointBody) => { x: number; y: number };
}

/** Fit points into a picture with one scale for both axes, so that distances keep their proportions. */
export function frameOf(points: readonly PointBody[], width: number, height: number, margin: number): Frame {
  const xs = points.map((point) => point.x);
  const ys = points.map((point) => point.y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const room = Math.min(
    (width - 2 * margin) / (right - left || 1),
    (height - 2 * margin) / (high - low || 1),
  );
  const scale = Number.isFinite(room) && room > 0 ? room : 1;
  const [centreX, centreY] = [(left + right) / 2, (low + high) / 2];
  return {
    at: (point) => ({
      x: width / 2 + (point.x - centreX) * scale,
      y: height / 2 - (point.y - centreY) * scale,
    }),
  };
}

/** Where a line of text stands: its left end on its baseline, and how far it reaches. */
export interface Label {
  x: number;
  y: number;
  width: number;
}

/** Which labels of so many pixels in height can be read: those that lie over no earlier one, `first` foremost. */
export function legible(labels: readonly Label[], height: number, first?: number): boolean[] {
  const kept: Label[] = [];
  const found = labels.map(() => false);
  const order = [...labels.keys()].sort((one, other) => Number(other === first) - Number(one === first));
  for (const at of order) {
    const { x, y, width } = labels[at]!;
    const covers = (each: Label) =>
      x < each.x + each.width && each.x < x + width && Math.abs(y - each.y) < height;
    if (kept.some(covers)) continue;
    kept.push(labels[at]!);
    found[at] = true;
  }
  return found;
}

/** The trajectory of a decode, in the order of its positions. */
export function trajectory(picture: PictureBody, side: "left" | "right"): PointBody[] {
  return picture.points
    .filter((point) => point.side === side)
    .sort((one, other) => one.position - other.position);
}

/** How far a picture can be believed, in a line. */
export function faithfulness(picture: PictureBody): string {
  const parts = [];
  if (picture.trustworthiness !== undefined)
    parts.push(`trustworthiness ${picture.trustworthiness.toFixed(3)} over the ${picture.k} nearest`);
  if (picture.explained !== undefined)
    parts.push(
      `${picture.explained.map((share) => `${(share * 100).toFixed(0)} %`).join(" and ")} of the variance`,
    );
  if (picture.divergence !== undefined) parts.push(`divergence ${picture.divergence.toFixed(3)} nats`);
  if (picture.moved !== undefined && picture.movedMost !== undefined && picture.movedMost > 0)
    parts.push(
      `old points moved by ${(picture.moved * 100).toFixed(1)} % of the spread, ${(picture.movedMost * 100).toFixed(1)} % at most`,
    );
  if (picture.leftOut > 0) parts.push(`${picture.leftOut} points left out`);
  return parts.join(" · ");
}
