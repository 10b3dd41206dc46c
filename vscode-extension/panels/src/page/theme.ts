// Light, dark or high contrast: what the system says, or what a person chose.

export type Theme = "light" | "dark" | "contrast";
export type Choice = Theme | "system";

const KEPT = "s2sdap.theme";

export function chosen(page: Window): Choice {
  const kept = keptIn(page)?.getItem(KEPT);
  return kept === "light" || kept === "dark" || kept === "contrast" ? kept : "system";
}

/** Follow a choice now, and the system from now on where the choice is left to it. */
export function follow(page: Window, choice: Choice): void {
  if (choice === "system") keptIn(page)?.removeItem(KEPT);
  else keptIn(page)?.setItem(KEPT, choice);
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

/** Where choices are kept; a file that is looked at in a sandbox has no such place. */
function keptIn(page: Window): Storage | undefined {
  try {
    return page.localStorage;
  } catch {
    return undefined;
  }
}
