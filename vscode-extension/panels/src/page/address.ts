// The token of the link. It stands in the fragment, which a browser never sends; it is taken out of the
// address at once, and kept for this tab alone so that the page can be loaded again.

const KEPT = "s2sdap.token";

/** The token that this tab was opened with, or before it was loaded again; empty where there is none. */
export function takeToken(page: Window): string {
  const written = page.location.hash.slice(1);
  if (/^[0-9a-f]{64}$/.test(written)) {
    page.sessionStorage.setItem(KEPT, written);
    page.history.replaceState(null, "", page.location.pathname);
  }
  return page.sessionStorage.getItem(KEPT) ?? "";
}

/** Where the adapter listens: beside the page. */
export function websocketAddress(page: Window): string {
  return `ws://${page.location.host}/`;
}

const WORD = "s2sdap.return";

/** The word by which this tab finds its session again when the page is loaded again. */
export function wordOf(page: Window): string {
  return page.sessionStorage.getItem(WORD) ?? newWord(page);
}

/** Another word, for another session. */
export function newWord(page: Window): string {
  const bytes = page.crypto.getRandomValues(new Uint8Array(16));
  const word = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  page.sessionStorage.setItem(WORD, word);
  page.sessionStorage.removeItem(BREAKPOINTS);
  return word;
}

const BREAKPOINTS = "s2sdap.breakpoints";

/** What the tab remembers of its breakpoints. */
export function keptBreakpoints(page: Window): unknown {
  return JSON.parse(page.sessionStorage.getItem(BREAKPOINTS) ?? "null");
}

export function keepBreakpoints(page: Window, kept: object): void {
  page.sessionStorage.setItem(BREAKPOINTS, JSON.stringify(kept));
}

/** A session of somebody's that can be watched. */
export interface Listed {
  session: number;
  model: string;
  name: string;
  phase: string;
}

/** The sessions that run at this server. */
export async function sessionsAt(page: Window, token: string): Promise<Listed[]> {
  const answer = await page.fetch("/sessions", { headers: { Authorization: `Bearer ${token}` } });
  return answer.ok ? ((await answer.json()) as Listed[]) : [];
}
