import { describe, expect, it } from "vitest";

import { columnsOf, type Form, launchOf } from "../src/page/launching";
import { applied, Typed } from "../src/page/typing";

const FORM: Form = {
  model: " dates ",
  from: "typed",
  text: "March 3, 1999\nJ 4, 2005",
  path: "",
  reference: "",
  beamSize: 1,
  nBest: 1,
  lengthPenalty: 0,
  maxLength: 200,
  index: "",
  unsure: false,
  threshold: 0.5,
  more: "",
};

describe("a launch out of the form", () => {
  it("names only what was changed", () => {
    expect(launchOf(FORM)).toEqual({ wanted: { model: "dates", source: FORM.text, search: {} }, rules: [] });
  });

  it("has the settings and rules that were chosen", () => {
    const { wanted, rules } = launchOf({
      ...FORM,
      beamSize: 4,
      unsure: true,
      threshold: 0.3,
      index: "states",
    });
    expect(wanted).toMatchObject({ search: { beamSize: 4 }, index: "states" });
    expect(rules).toEqual(["lowConfidence(p < 0.3)"]);
  });

  it("is of a file, or of a recording", () => {
    expect(launchOf({ ...FORM, from: "file", path: " a.txt ", reference: "b.txt" }).wanted).toMatchObject({
      program: "a.txt",
      reference: "b.txt",
    });
    expect(launchOf({ ...FORM, from: "recording", path: "a.s2s" })).toEqual({
      wanted: { session: "a.s2s" },
      rules: [],
    });
  });

  it("takes more as JSON, settings of the search added to those above", () => {
    const { wanted } = launchOf({ ...FORM, beamSize: 2, more: '{"device": "cpu", "search": {"nBest": 2}}' });
    expect(wanted).toMatchObject({ device: "cpu", search: { beamSize: 2, nBest: 2 } });
    expect(() => launchOf({ ...FORM, more: "{" })).toThrow(SyntaxError);
    expect(() => launchOf({ ...FORM, more: "[1]" })).toThrow(SyntaxError);
  });
});

describe("typing", () => {
  it("walks over what was typed before and back to the draft", () => {
    const typed = new Typed();
    typed.add("one");
    typed.add("two");
    typed.add("two");
    expect(typed.older("dra")).toBe("two");
    expect(typed.older("two")).toBe("one");
    expect(typed.older("one")).toBe("one");
    expect([typed.newer(), typed.newer(), typed.newer()]).toEqual(["two", "dra", "dra"]);
  });

  it("takes a completion where the word stands", () => {
    const choice = { label: "entropy", start: 5, length: 3 };
    expect(applied("1 + ent > 2", choice, 7)).toEqual({ text: "1 + entropy > 2", caret: 11 });
    expect(applied("le", { label: "len()", text: "len(" }, 2)).toEqual({ text: "lelen(", caret: 6 });
  });
});

describe("a table", () => {
  it("has sources and references in its columns, in step", () => {
    const { text, reference } = columnsOf("a b\tA B\tnoted\r\n\r\nشمس\tsun\n");
    expect(text).toBe("a b\n\nشمس\n");
    expect(reference).toBe("A B\n\nsun\n");
    expect(columnsOf("a\nb\n")).toEqual({ text: "a\nb\n" });
  });
});
