import { expect, test } from "vitest";

import { themeOf } from "../src/webview/theme";

test.each([
  [["vscode-light"], "light"],
  [["vscode-dark"], "dark"],
  [["vscode-high-contrast"], "contrast"],
  [["vscode-high-contrast", "vscode-high-contrast-light"], "light"],
  [[], "light"],
])("a body of the classes %j has the colours of %s", (classes, theme) => {
  expect(themeOf(new Set(classes))).toBe(theme);
});
