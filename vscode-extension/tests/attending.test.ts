import { expect, test } from "vitest";

import { attend } from "../src/variables/attending";

test("a row or a weight of one head changes that head alone", () => {
  expect(attend("[5]=1", "weights", "Attention")).toBe("attend [5]=1");
  expect(attend("heute=0.7", "L3.H2", "weights")).toBe("attend L3.H2 heute=0.7");
  expect(attend("[8]=1", "8: 5", "L0.H1")).toBe("attend L0.H1 [8]=1");
  expect(attend("[8]=1", "8: 5", undefined)).toBe("attend [8]=1");
});
