import { expect, test } from "vitest";

import type { StepBody } from "../panels/src/protocol/messages";
import { inline, status } from "../src/stop/telling";

const step: StepBody = {
  sentence: 0,
  line: 1,
  branch: 2,
  step: 6,
  stage: "search",
  hypothesis: 1,
  score: Math.log(0.62),
  source: [],
  target: [],
  output: "2005-07",
  token: { piece: "7", id: 9, p: 0.6202, logp: Math.log(0.6202) },
};

test("what has come out, how likely it is as a whole, and the last token by itself", () => {
  expect(inline(step)).toBe("→ 2005-07  p = 0.620  (last ‘7’ p = 0.620)");
  expect(inline({ ...step, token: undefined, score: Math.log(2e-5) })).toBe("→ 2005-07  p = 2.0e−5");
  expect(inline({ ...step, score: -1e-9 })).toContain("2005-07  p > 0.999");
});

test("before the first step there is nothing to tell", () => {
  expect(inline({ ...step, step: -1, output: "" })).toBe("");
});

test("model, line, branch, step and stage", () => {
  expect(status("dates", step)).toBe("dates · line 2 · branch 2 · step 6 · search");
  expect(status("", { ...step, step: -1, stage: "encoder" })).toBe("line 2 · branch 2 · encoder");
});
