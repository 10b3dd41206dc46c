// Changing an attention row by hand, before it is applied.

/** The sum of a row. */
export function sumOf(weights: readonly number[]): number {
  return weights.reduce((sum, weight) => sum + weight, 0);
}

/**
 * A row with another weight at one place. With `fill` the others fill the rest in proportion, as the
 * adapter does it for one weight; they share it equally where they were all 0. Without it they stay.
 */
export function withWeight(weights: readonly number[], at: number, weight: number, fill: boolean): number[] {
  const wanted = Math.min(1, Math.max(0, weight));
  if (!fill) return weights.map((each, place) => (place === at ? wanted : each));
  if (weights.length === 1) return [1];
  const others = sumOf(weights) - weights[at]!;
  const rest = 1 - wanted;
  return weights.map((each, place) => {
    if (place === at) return wanted;
    return others > 1e-12 ? (each / others) * rest : rest / (weights.length - 1);
  });
}

/** Whether a row can be applied: it has some weight, all of it finite. */
export function applicable(weights: readonly number[]): boolean {
  return weights.every((weight) => Number.isFinite(weight) && weight >= 0) && sumOf(weights) > 0;
}
