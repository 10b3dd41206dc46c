// Light, dark or high contrast: what the system says, or what a person chose.

export type Theme = "light" | "dark" | "contrast";
export type Choice = Theme | "system";

const KEPT = "s2sdap.theme";

export function chosen(page: Window): Choice {
  const kept = page.localStorage.getItem(KEPT);
  return kept === "light" || kept === "dark" || kept === "contrast" ? kept : "system";
}

/** Follow a choice now, and the system from now on where the choice is left to it. */
export function follow(page: Window, choice: Choice): void {
  if (choice === "system") page.localStorage.removeItem(KEPT);
  else page.localStorage.setItem(KEPT, choice);
  page.document.documentElement.dataset.theme = choice === "system" ? ofSystem(page) : choice;
}

/** Call back whenever the system changes its mind. */
export function whenSystemChanges(page: Window, call: () => void): void {
  for (const query of ["(prefers-color-scheme: dark)", "(prefers-contrast: more)", "(forced-colors: active)"])
    page.matchMedia(query).addEventListener("change", call);
}

function ofSystem(page: Window): Theme {
  const is = (query: string) => page.matchMedia(query).matches;
  if (is("(prefers-contrast: more)") || is("(forced-colors: active)")) return "contrast";
  return is("(prefers-color-scheme: dark)") ? "dark" : "light";
}
