// Arrow keys walk over the tokens: left and right along a row, up and down from row to row and through
// the candidates of a step. Only one token of a row is in the order of Tab.

type Way = "ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown";
const WAYS: readonly string[] = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];

/** Move the focus as an arrow key says. Elements say where they are by `data-row` and `data-at`. */
export function arrow(event: KeyboardEvent & { currentTarget: HTMLElement }): void {
  const from = (event.target as HTMLElement).closest<HTMLElement>("[data-row]");
  if (from === null || !WAYS.includes(event.key) || event.altKey || event.ctrlKey || event.metaKey) return;
  if (from.dataset.row === "weight" && (event.key === "ArrowUp" || event.key === "ArrowDown")) return;
  const to = next(event.currentTarget, from, event.key as Way);
  event.preventDefault();
  to?.focus();
}

function next(root: HTMLElement, from: HTMLElement, way: Way): HTMLElement | null {
  const row = from.dataset.row!;
  const at = Number(from.dataset.at);
  const find = (row: string, at: number) =>
    root.querySelector<HTMLElement>(`[data-row="${row}"][data-at="${at}"]`);
  const nearest = (row: string) =>
    find(row, at) ?? [...root.querySelectorAll<HTMLElement>(`[data-row="${row}"]`)].at(-1) ?? null;
  if (way === "ArrowLeft" || way === "ArrowRight") {
    const backwards = from.closest<HTMLElement>(".row")?.dir === "rtl";
    const step = (way === "ArrowRight") !== backwards ? 1 : -1;
    return find(row, at + step);
  }
  if (way === "ArrowDown") {
    if (row === "source") return nearest("target");
    if (row === "target") return find("rank0", at);
    if (row.startsWith("rank")) return find(`rank${Number(row.slice(4)) + 1}`, at);
  } else {
    if (row === "target") return nearest("source");
    if (row === "rank0") return find("target", at);
    if (row.startsWith("rank")) return find(`rank${Number(row.slice(4)) - 1}`, at);
  }
  return null;
}
