import { posix, win32 } from "node:path";

import { expect, test } from "vitest";

import { candidates, installCommand, type Surroundings } from "../src/python/candidates";

const THERE = ["/w/.venv/bin/python", "/usr/bin/python3", "/usr/local/bin/python3", "/usr/local/bin/python"];
const around: Surroundings = {
  configuration: "",
  setting: "",
  extension: "/envs/torch/bin/python",
  folders: ["/w"],
  platform: "linux",
  path: "/usr/local/bin::/usr/bin",
  exists: (path) => THERE.includes(path),
  join: posix.join,
};
const paths = (changed: Partial<Surroundings>) =>
  candidates({ ...around, ...changed }).map((each) => each.path);

test("the Python extension, then the workspace's environment, then the PATH in its order", () => {
  expect(paths({})).toEqual([
    "/envs/torch/bin/python",
    "/w/.venv/bin/python",
    "/usr/local/bin/python3",
    "/usr/local/bin/python",
    "/usr/bin/python3",
  ]);
});

test("what a person chose stands alone, the configuration before the setting", () => {
  expect(paths({ setting: "/mine" })).toEqual(["/mine"]);
  expect(paths({ setting: "/mine", configuration: "/this" })).toEqual(["/this"]);
});

test("one Python is tried once", () => {
  expect(paths({ extension: "/w/.venv/bin/python", path: "" })).toEqual(["/w/.venv/bin/python"]);
});

test("Windows keeps its Python elsewhere", () => {
  const inside = "C:\\w\\.venv\\Scripts\\python.exe";
  const found = candidates({
    ...around,
    extension: undefined,
    folders: ["C:\\w"],
    platform: "win32",
    path: "C:\\py;C:\\bin",
    exists: (path) => [inside, "C:\\bin\\python.exe"].includes(path),
    join: win32.join,
  });
  expect(found.map((each) => each.path)).toEqual([inside, "C:\\bin\\python.exe"]);
});

test("the command of the terminal installs a file, and quotes where it must", () => {
  const wheel = "/ext/s2sdap.whl";
  const what = "'/ext/s2sdap.whl[huggingface,neighbors]'";
  expect(installCommand("/usr/bin/python3", wheel, "linux")).toBe(`/usr/bin/python3 -m pip install ${what}`);
  expect(installCommand("/my envs/it's/python", wheel, "linux")).toBe(
    `'/my envs/it'\\''s/python' -m pip install ${what}`,
  );
  expect(installCommand("C:\\my envs\\python.exe", "C:\\ext\\s2sdap.whl", "win32")).toBe(
    '& "C:\\my envs\\python.exe" -m pip install "C:\\ext\\s2sdap.whl[huggingface,neighbors]"',
  );
});
