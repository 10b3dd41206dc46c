import { expect, test } from "vitest";

import { forAdapter, forDocument, withModel } from "../src/launch/completing";

const launch = { type: "s2sdap", request: "launch", name: "Decode" };

test("a file is the program, text that was never saved is the source, a session file is opened", () => {
  expect(forDocument({ path: "/a/dates.txt", text: "J 4" }, false)).toMatchObject({
    program: "/a/dates.txt",
  });
  expect(forDocument({ text: "J 4" }, false)).toMatchObject({ source: "J 4" });
  const opened = forDocument({ path: "/a/doubtful.s2s", text: "" }, true);
  expect(opened).toMatchObject({ session: "/a/doubtful.s2s", noDebug: true });
  expect(opened).not.toHaveProperty("program");
});

test("the model of the settings goes before the last one, and neither replaces one that is named", () => {
  expect(withModel(launch, "hf:a", "b").model).toBe("hf:a");
  expect(withModel(launch, " ", "b").model).toBe("b");
  expect(withModel(launch, "", undefined)).not.toHaveProperty("model");
  expect(withModel({ ...launch, model: "c" }, "hf:a", "b").model).toBe("c");
  expect(withModel({ ...launch, session: "x.s2s" }, "hf:a", "b")).not.toHaveProperty("model");
  expect(withModel({ ...launch, request: "attach" }, "hf:a", "b")).not.toHaveProperty("model");
});

test("the adapter gets the token, and not where it was read", () => {
  expect(forAdapter({ ...launch, tokenFile: "/t" }, "ab")).toEqual({ ...launch, token: "ab" });
  expect(forAdapter(launch, undefined)).toEqual(launch);
});
