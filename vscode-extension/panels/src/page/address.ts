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
