import { describe, expect, it } from "vitest";

import { exactly, nats, probability } from "../src/logic/numbers";
import { apart, cells, clipped, counted, directionOf, quoted, shown } from "../src/logic/text";

describe("tokens on the screen", () => {
  it("show what cannot be seen", () => {
    expect(shown(" ")).toBe("␣");
    expect(shown("\n")).toBe("↵");
    expect(shown("")).toBe("∅");
    expect(shown(" the")).toBe("␣the");
    expect(shown("▁the")).toBe("▁the");
    expect(shown("<b>")).toBe("<b>");
  });

  it("show signs that show nothing of themselves", () => {
    expect(shown("\u0301")).toBe("◌\u0301");
    expect(shown("\u05b8")).toBe("◌\u05b8");
    expect(shown("\u200d")).toBe("ZWJ");
    expect(shown("\u200f")).toBe("RLM");
    expect(shown("\u2066")).toBe("U+2066");
    expect(shown("\ufe0f")).toBe("U+FE0F");
    expect(shown("\u0007")).toBe("U+0007");
    expect(shown("می\u200cخواهم")).toBe("می\u200cخواهم");
    expect(shown("👩\u200d💻")).toBe("👩\u200d💻");
  });

  it("are cut by cells, and never within a sign", () => {
    expect([cells("abc"), cells("東京"), cells("e\u0301"), cells("👩\u200d💻"), cells("ｱ")]).toEqual([
      3, 4, 1, 2, 1,
    ]);
    expect(clipped("東京都庁前", 7)).toBe("東京都…");
    expect(clipped("nai\u0308ve", 5)).toBe("nai\u0308ve");
    expect(clipped("nai\u0308vete\u0301", 4)).toBe("nai\u0308…");
    expect(clipped("👩\u200d💻👩\u200d💻👩\u200d💻", 5)).toBe("👩\u200d💻👩\u200d💻…");
  });

  it("do not turn a line round", () => {
    expect(quoted("שלום")).toBe("'\u2068שלום\u2069'");
    expect(apart("abc")).toBe("abc");
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
