import { describe, expect, it } from "vitest";

import { exactly, nats, probability } from "../src/logic/numbers";
import { counted, directionOf, shown } from "../src/logic/text";

describe("tokens on the screen", () => {
  it("show what cannot be seen", () => {
    expect(shown(" ")).toBe("␣");
    expect(shown("\n")).toBe("↵");
    expect(shown("")).toBe("∅");
    expect(shown(" the")).toBe("␣the");
    expect(shown("▁the")).toBe("▁the");
    expect(shown("<b>")).toBe("<b>");
  });

  it("have the direction of their first letter", () => {
    expect(directionOf("1. heute")).toBe("ltr");
    expect(directionOf("12 שלום hello")).toBe("rtl");
    expect(directionOf("مرحبا")).toBe("rtl");
    expect(directionOf("123")).toBe("ltr");
  });

  it("are counted", () => {
    expect(counted(1, "edit")).toBe("1 edit");
    expect(counted(0, "edit")).toBe("0 edits");
  });
});

describe("numbers", () => {
  it("are true probabilities", () => {
    expect(probability(0.6202)).toBe("0.62");
    expect(probability(0.00123)).toBe("0.0012");
    expect(probability(4e-7)).toBe("4e-7");
    expect(probability(1)).toBe("1");
    expect(probability(0.99999968)).toBe(">0.999");
    expect(probability(0)).toBe("0");
    expect(exactly(0.620213456)).toBe("0.620213");
    expect(exactly(0.99999968)).toBe("1");
  });

  it("are nats", () => {
    expect(nats(-0.4779)).toBe("−0.478");
    expect(nats(-Infinity)).toBe("−∞");
    expect(nats(-3.2e-6)).toBe("−3.2e−6");
  });
});
