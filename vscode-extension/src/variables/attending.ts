// A change of attention as the console takes it. Pure.

const MAP = /^L\d+\.H\d+$/;

/** `written` are words of the source with their shares; the row or weight that was clicked says which map. */
export function attend(written: string, name: string, container: string | undefined): string {
  const map = [name, container ?? ""].find((each) => MAP.test(each));
  return ["attend", map, written].filter(Boolean).join(" ");
}
