import { expect, test } from "vitest";

import { documentOf } from "../src/panel/html";

test("the webview runs its own script alone, and reaches nothing", () => {
  const html = documentOf({
    source: "https://own",
    script: "https://own/a.js",
    style: "https://own/a.css",
    nonce: "ab",
  });
  const policy = /content="(default-src[^"]+)"/.exec(html)![1]!;
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/unsafe|\*/);
  expect(policy.match(/https?:[^ ;]+/g)!.every((each) => each === "https://own")).toBe(true);
  expect(html.match(/<script[^>]*>/g)).toEqual(['<script type="module" nonce="ab" src="https://own/a.js">']);
  expect(html).not.toMatch(/<style| style=| on\w+=/);
});
