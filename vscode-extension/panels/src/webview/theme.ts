// VS Code says on the body which kind of theme it has, and gives its colours as variables.

import type { Theme } from "../page/theme";

/** The kind of colours that go with the classes of a webview's body. */
export function themeOf(classes: DOMTokenList | ReadonlySet<string>): Theme {
  const has = (name: string) => ("contains" in classes ? classes.contains(name) : classes.has(name));
  if (has("vscode-high-contrast-light")) return "light";
  if (has("vscode-high-contrast")) return "contrast";
  return has("vscode-dark") ? "dark" : "light";
}

/** Mark the root with the theme, now and whenever it changes. */
export function followTheme(page: Document): void {
  const mark = () => {
    page.documentElement.dataset.theme = themeOf(page.body.classList);
    page.documentElement.dataset.contrast = String(
      page.body.classList.contains("vscode-high-contrast") ||
        page.body.classList.contains("vscode-high-contrast-light"),
    );
  };
  mark();
  new MutationObserver(mark).observe(page.body, { attributeFilter: ["class"] });
}
