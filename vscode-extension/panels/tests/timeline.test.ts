import { describe, expect, it } from "vitest";

import { branchRows, nameOf, settingsIn, sideOf } from "../src/logic/timeline";
import type { BranchBody } from "../src/protocol/messages";

function branch(id: number, parent: number | null, name = ""): BranchBody {
  return { id, parent, name, fork: 2, current: false, edits: [], steps: 5 };
}

describe("branches", () => {
  it("stand below those they left, a lane to the right", () => {
    const rows = branchRows([branch(0, null), branch(1, 0), branch(2, 0), branch(3, 1)]);
    expect(rows.map((row) => [row.branch.id, row.lane, row.from])).toEqual([
      [0, 0, undefined],
      [1, 1, 0],
      [3, 2, 1],
      [2, 1, 0],
    ]);
  });

  it("have lanes of others go past them", () => {
    const rows = branchRows([branch(0, null), branch(1, 0), branch(2, 0), branch(3, 1)]);
    expect(rows.map((row) => row.past)).toEqual([[], [0], [0], []]);
  });

  it("of a parent that is gone are roots", () => {
    expect(branchRows([branch(4, 2)]).map((row) => row.lane)).toEqual([0]);
  });

  it("are called by their names", () => {
    expect(nameOf(branch(3, null))).toBe("branch 3");
    expect(nameOf(branch(3, null, "forced"))).toBe("forced");
  });
});

describe("what is compared", () => {
  it("is what a person chose", () => {
    expect(sideOf({ kind: "branch", branch: 2, written: "" })).toEqual({ branch: 2 });
    expect(sideOf({ kind: "reference", branch: 0, written: " " })).toEqual({ reference: true });
    expect(sideOf({ kind: "reference", branch: 0, written: "1999-03-03" })).toEqual({
      reference: "1999-03-03",
    });
    expect(sideOf({ kind: "model", branch: 0, written: "dates " })).toEqual({ model: "dates" });
    expect(sideOf({ kind: "search", branch: 0, written: "beamSize=8 earlyStopping=true" })).toEqual({
      search: { beamSize: 8, earlyStopping: true },
    });
  });

  it("is settings in either spelling, or refused", () => {
    expect(settingsIn('{"beamSize": 2}')).toEqual({ beamSize: 2 });
    expect(settingsIn("")).toEqual({});
    expect(() => settingsIn("beamSize")).toThrow(SyntaxError);
    expect(() => settingsIn("beamSize=x")).toThrow(SyntaxError);
  });
});
