// Which of the weights of an attention map are drawn, and how wide.

import { type Matrix, rowOf } from "./arrays";

export interface Link {
  /** The row of the map: a step. */
  target: number;
  /** The column of the map: a source token. */
  source: number;
  weight: number;
}

/** The largest weights of a row that together reach `mass`, largest first; of a mass of 0 only the first. */
export function strongest(row: ArrayLike<number>, mass: number): number[] {
  const order = Array.from({ length: row.length }, (_, at) => at)
    .filter((at) => row[at]! > 0)
    .sort((one, other) => row[other]! - row[one]! || one - other);
  let sum = 0;
  let count = 0;
  while (count < order.length && (count === 0 || sum < mass - 1e-6)) sum += row[order[count++]!]!;
  return order.slice(0, count);
}

/** What is drawn of a map. */
export function linksOf(map: Matrix, mass: number): Link[] {
  const links: Link[] = [];
  for (let target = 0; target < map.rows; target++) {
    const row = rowOf(map, target);
    for (const source of strongest(row, mass)) links.push({ target, source, weight: row[source]! });
  }
  return links;
}

/** The links of one token, also those too weak to be drawn, down to a hundredth. */
export function linksAt(map: Matrix, side: "source" | "target", at: number): Link[] {
  const links: Link[] = [];
  const add = (target: number, source: number) => {
    const weight = map.data[target * map.columns + source] ?? 0;
    if (weight >= 0.01) links.push({ target, source, weight });
  };
  if (side === "target") {
    if (at < map.rows) for (let source = 0; source < map.columns; source++) add(at, source);
  } else if (at < map.columns) for (let target = 0; target < map.rows; target++) add(target, at);
  return links;
}

/** The token of the other side that has most to do with this one, by its weight; none where no weight ties them. */
export function mostTied(map: Matrix, side: "source" | "target", at: number): number | undefined {
  if (at < 0 || at >= (side === "target" ? map.rows : map.columns)) return undefined;
  const weights =
    side === "target"
      ? rowOf(map, at)
      : Array.from({ length: map.rows }, (_, row) => map.data[row * map.columns + at]!);
  return strongest(weights, 0)[0];
}

/** A token by its middle, in pixels from the left. */
export interface Place {
  x: number;
}

const WIDTHS = 8;

/** How wide a link is drawn, in pixels: one of a few widths, so that many links are one path. */
export function widthOf(weight: number): number {
  return 0.75 + (Math.ceil(Math.min(1, weight) * WIDTHS) / WIDTHS) * 5.25;
}

export interface Bundle {
  target: number;
  width: number;
  path: string;
}

/**
 * Links as few paths: those of one step and one width are one. A curve that lies beside what can be seen, from 0
 * to `width`, with both of its ends, is left out.
 */
export function bundles(
  links: Link[],
  sources: readonly Place[],
  targets: readonly Place[],
  height: number,
  width = Infinity,
): Bundle[] {
  const found = new Map<string, Bundle>();
  for (const link of links) {
    const from = sources[link.source];
    const to = targets[link.target];
    if (from === undefined || to === undefined) continue;
    if (Math.max(from.x, to.x) < 0 || Math.min(from.x, to.x) > width) continue;
    const thick = widthOf(link.weight);
    const key = `${link.target} ${thick}`;
    const bundle = found.get(key) ?? { target: link.target, width: thick, path: "" };
    bundle.path += curve(from.x, to.x, height);
    found.set(key, bundle);
  }
  return [...found.values()];
}

/** From the source row at the top to the target row at the bottom. */
export function curve(from: number, to: number, height: number): string {
  const bend = height / 2;
  return `M${round(from)} 0C${round(from)} ${bend} ${round(to)} ${bend} ${round(to)} ${height}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
