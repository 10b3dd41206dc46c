import { expect, test } from "vitest";

import { changed, FIRST_TOKEN, type Kept, keptOf, lineOf, stageOf } from "../src/session/breakpoint_lists";

const line: Kept = { line: 1, character: 0 };

test("lines and columns count from 1 in a panel, and column 0 of the editor is the whole line", () => {
  expect(lineOf(line)).toEqual({ line: 2 });
  expect(lineOf({ ...line, character: 6 })).toEqual({ line: 2, column: 7 });
  expect(keptOf({ line: 2, column: 7 })).toEqual({ line: 1, character: 6 });
});

test("the first token is a condition in the editor, which cannot name the first column", () => {
  expect(keptOf({ line: 2, column: 1 })).toEqual({ ...line, condition: FIRST_TOKEN });
  expect(lineOf({ ...line, condition: FIRST_TOKEN })).toEqual({ line: 2, column: 1 });
});

test("every breakpoint comes back as it was", () => {
  const kept: Kept[] = [
    line,
    { line: 0, character: 3, condition: "p < 0.5", hitCondition: ">2" },
    { line: 4, character: 0, condition: "p < 0.5", logMessage: "{token}" },
    { line: 4, character: 0, condition: FIRST_TOKEN },
  ];
  expect(kept.map((each) => keptOf(lineOf(each)))).toEqual(kept);
});

test("only what differs is added and removed, once each", () => {
  const there = [line, { line: 3, character: 2 }];
  expect(changed(there, there)).toEqual({ add: [], remove: [] });
  expect(changed(there, [line])).toEqual({ add: [], remove: [1] });
  expect(changed(there, [...there, { line: 5, character: 0 }])).toEqual({
    add: [{ line: 5, character: 0 }],
    remove: [],
  });
  expect(changed([line], [{ ...line, condition: "p < 0.5" }])).toEqual({
    add: [{ ...line, condition: "p < 0.5" }],
    remove: [0],
  });
});

test("where the adapter placed a breakpoint makes it no other", () => {
  const wanted = [stageOf("search", undefined, { verified: true, id: 4 })];
  expect(changed([stageOf("search", undefined)], wanted)).toEqual({ add: [], remove: [] });
});
