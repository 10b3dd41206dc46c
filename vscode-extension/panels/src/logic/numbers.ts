// Numbers as people read them. A probability stays what it is: it is never scaled to look larger.

/** A probability in little room: 0.62, 4e-7, >0.999; 1 only where it is 1, and never 0 where there is some. */
export function probability(p: number): string {
  if (!Number.isFinite(p)) return String(p);
  if (p === 0 || p === 1) return String(p);
  if (p > 0.9995) return ">0.999";
  if (p >= 0.01) return p.toFixed(3).replace(/0$/, "");
  if (p >= 0.0005) return p.toFixed(4);
  return p.toExponential(0);
}

/** The same to six digits, where there is room. */
export function exactly(p: number): string {
  return String(Number(p.toPrecision(6)));
}

/** Nats, with a proper minus sign. */
export function nats(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? "−∞" : "NaN";
  const written = Math.abs(value) < 0.0005 && value !== 0 ? value.toExponential(1) : value.toFixed(3);
  return written.replace(/-/g, "−");
}

/** Of a whole, in per cent, without the sign. */
export function percent(share: number): string {
  return (share * 100).toFixed(0);
}
