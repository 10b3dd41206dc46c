import { describe, expect, it } from "vitest";

import { applicable, sumOf, withWeight } from "../src/logic/weights";

describe("a weight by hand", () => {
  it("lets the others fill the rest in proportion", () => {
    const row = withWeight([0.5, 0.3, 0.2], 0, 0, true);
    expect(row[1]).toBeCloseTo(0.6);
    expect(row[2]).toBeCloseTo(0.4);
    expect(sumOf(row)).toBeCloseTo(1);
  });

  it("shares equally where the others were 0", () => {
    expect(withWeight([1, 0, 0], 0, 0.5, true)).toEqual([0.5, 0.25, 0.25]);
  });

  it("leaves the others alone without filling", () => {
    expect(withWeight([0.5, 0.3, 0.2], 0, 0.9, false)).toEqual([0.9, 0.3, 0.2]);
  });

  it("stays between 0 and 1", () => {
    expect(withWeight([0.5, 0.5], 0, 7, false)[0]).toBe(1);
    expect(withWeight([0.5, 0.5], 0, -7, false)[0]).toBe(0);
    expect(withWeight([0.3], 0, 0.1, true)).toEqual([1]);
  });

  it("is applied only where there is some", () => {
    expect(applicable([0, 0.2])).toBe(true);
    expect(applicable([0, 0])).toBe(false);
    expect(applicable([NaN, 1])).toBe(false);
  });
});
