// What a stop, or a person, makes important is brought into sight: by as little as is needed, in the middle where
// it was out of sight, and at once for who wants no motion. Where it is in sight already nothing moves.

/** From where to where something lies along one axis of the screen, in pixels. */
export interface Span {
  start: number;
  end: number;
}

/** How far to scroll so that this lies in the middle of its room; 0 where all of it is in sight. */
export function shift(item: Span, room: Span): number {
  if (item.start >= room.start - 0.5 && item.end <= room.end + 0.5) return 0;
  return (item.start + item.end - room.start - room.end) / 2;
}

/** Where something lies on the screen; along one axis only, where the other is nobody's concern. */
export interface Area {
  across: Span;
  down?: Span;
}

/**
 * Scroll until this is in sight. `covered` is how much of the scroller lies under headings that stay, at its left
 * and its top. `atOnce` is without motion, whatever the person wants.
 */
export function bringIntoSight(
  scroller: HTMLElement,
  area: () => Area,
  { atOnce = false, covered = [0, 0] }: { atOnce?: boolean; covered?: [number, number] } = {},
): void {
  // A motion that is under way would carry off what is measured here.
  scroller.scrollTo({ left: scroller.scrollLeft, top: scroller.scrollTop, behavior: "instant" });
  const { across, down } = area();
  const outer = scroller.getBoundingClientRect();
  const [x, y] = [outer.left + scroller.clientLeft, outer.top + scroller.clientTop];
  const left = shift(across, { start: x + covered[0], end: x + scroller.clientWidth });
  const top = down === undefined ? 0 : shift(down, { start: y + covered[1], end: y + scroller.clientHeight });
  if (left === 0 && top === 0) return;
  const still = atOnce || matchMedia("(prefers-reduced-motion: reduce)").matches;
  scroller.scrollBy({ left, top, behavior: still ? "instant" : "smooth" });
}

/** What is kept in sight: what the last stop or the person brought there, until they scroll by hand. */
export class Following {
  #look: number | undefined;
  #again: (() => void) | undefined;

  /** Whether this look at the session is a new stop; then what it is about is brought, the first time at once. */
  stop(look: number, bring: (atOnce: boolean) => void): boolean {
    if (look === this.#look) return false;
    bring(this.#look === undefined);
    this.#look = look;
    this.keep(() => bring(true));
    return true;
  }

  /** Keep this in sight from now on. */
  keep(bring: () => void): void {
    this.#again = bring;
  }

  /** There is other room: bring it once more. */
  readonly again = (): void => this.#again?.();

  /** What a person scrolled to stays. */
  readonly byHand = (): void => {
    this.#again = undefined;
  };
}

/** Tells a pointer that a person moved from one under which things were scrolled. */
export class Pointer {
  #x = NaN;
  #y = NaN;

  /** Whether this event comes from elsewhere than the last one did. */
  moved({ screenX, screenY }: MouseEvent): boolean {
    const moved = screenX !== this.#x || screenY !== this.#y;
    [this.#x, this.#y] = [screenX, screenY];
    return moved;
  }

  /** It is somewhere else now. */
  leave(): void {
    [this.#x, this.#y] = [NaN, NaN];
  }
}
