import { expect, it } from "vitest";

import { outcome } from "../src/logic/verdict";
import type { ExperimentBody } from "../src/protocol/messages";

const TRIED: ExperimentBody = {
  stage: "search",
  name: "another search",
  text: "",
  numbers: {},
  repaired: false,
  blames: false,
  edits: [],
};

it("says of an experiment whether it mends, of a measurement what it speaks for", () => {
  expect(outcome({ ...TRIED, repaired: true })).toBe("✓ mends it");
  expect(outcome({ ...TRIED, blames: true })).toBe("does not mend it");
  const measured = { ...TRIED, name: "the model's own scores" };
  expect(outcome(measured)).toBe("does not speak for it");
  expect(outcome({ ...measured, blames: true })).toBe("speaks for it");
});
