import { expect, test } from "vitest";

import type { SourceTokenBody } from "../panels/src/protocol/messages";
import { pointedAt } from "../src/stop/pointing";

const token = (start?: number, end?: number): SourceTokenBody => ({
  piece: "",
  id: 0,
  seen: "",
  known: true,
  start,
  end,
});

test("the token under the pointer, by its place among all; marks that stand nowhere count too", () => {
  const tokens = [token(), token(0, 5), token(6, 12), token()];
  expect(pointedAt(tokens, 0)).toEqual({ expression: "attention[1]", start: 0, end: 5 });
  expect(pointedAt(tokens, 11)).toEqual({ expression: "attention[2]", start: 6, end: 12 });
  expect(pointedAt(tokens, 5)).toBeUndefined();
  expect(pointedAt(tokens, 12)).toBeUndefined();
  expect(pointedAt([], 0)).toBeUndefined();
});
