import { describe, expect, it } from "vitest";

import { atStep, initializationOptions, wanted } from "../src/language/options";

describe("the language server's start", () => {
  it("says what the settings say, and nothing of what they leave open", () => {
    expect(initializationOptions({ files: ["*.src"], model: "dates" })).toEqual({
      configuration: { files: ["*.src"], model: "dates" },
      clientCommands: ["s2sdap.source.debug", "s2sdap.source.break"],
    });
    expect(initializationOptions({ files: [], model: "" })).toMatchObject({ configuration: {} });
  });

  it("happens by itself only where files are named", () => {
    const none = { files: [], model: "dates" };
    expect(wanted(none, false)).toBe(false);
    expect(wanted(none, true)).toBe(true);
    expect(wanted({ ...none, files: ["*.src"] }, false)).toBe(true);
  });

  it("stops a sentence at a step by a condition that the adapter reads", () => {
    expect(atStep(6)).toBe("step == 6");
  });
});
