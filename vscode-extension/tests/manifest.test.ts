import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const read = (path: string) => readFileSync(join(ROOT, path), "utf-8");

interface Configuration {
  type: string;
  request: "launch" | "attach";
  [name: string]: unknown;
}

const { contributes } = JSON.parse(read("package.json"));
const [debuggers] = contributes.debuggers;

/** A snippet as it stands in launch.json once every tab stop has been passed by. */
function inserted(body: object): Configuration {
  const text = JSON.stringify(body, (_, value) =>
    typeof value === "string" ? value.replace(/\$\{\d+:([^}]*)\}/g, "$1").replace("\\$", "$") : value,
  );
  return JSON.parse(text.replace(/"\^((?:\\"|[^"])*)"/g, (_, raw: string) => raw.replaceAll('\\"', '"')));
}

test("snippets and initial configurations say what the adapter takes, and what it needs", () => {
  const { configurationSnippets, initialConfigurations, configurationAttributes } = debuggers;
  const snippets: Configuration[] = configurationSnippets.map(({ body }: { body: object }) => inserted(body));
  expect(snippets.length).toBeGreaterThan(4);
  expect(initialConfigurations.length).toBeGreaterThan(0);
  for (const { type, request, name: _, ...rest } of [...initialConfigurations, ...snippets]) {
    expect(type).toBe(debuggers.type);
    const { properties, required = [] } = configurationAttributes[request];
    for (const [name, value] of Object.entries(rest)) {
      const known = properties[name];
      const kind = Array.isArray(value) ? "array" : typeof value === "number" ? "integer" : typeof value;
      expect([known?.type].flat(), `${name} of ${request}`).toContain(kind);
      const fields = kind === "object" && known.properties ? Object.keys(known.properties) : undefined;
      if (fields) expect(fields).toEqual(expect.arrayContaining(Object.keys(value as object)));
    }
    expect(Object.keys(rest)).toEqual(expect.arrayContaining(required));
  }
});

test("menus and the walkthrough name commands that there are", () => {
  const known = contributes.commands.map(({ command }: { command: string }) => command);
  const inMenus = Object.values<{ command: string }[]>(contributes.menus).flat();
  const steps = JSON.stringify(contributes.walkthroughs).matchAll(/command:(s2sdap\.\w+)/g);
  const named = [...inMenus.map(({ command }) => command), ...[...steps].map(([, command]) => command)];
  expect(known).toEqual(expect.arrayContaining(named));
  for (const { media } of contributes.walkthroughs[0].steps)
    if (media.markdown) expect(read(media.markdown)).not.toBe("");
});

test("lock files name packages by their hashes, and no address of a registry", () => {
  for (const folder of [".", "panels", "packaging", "tests/host"]) {
    const lock = read(`${folder}/package-lock.json`);
    expect(lock).toContain('"integrity": "sha512-');
    expect(lock).not.toMatch(/"resolved"|https?:\/\/[^"]*registry/);
  }
});
