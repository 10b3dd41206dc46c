import { describe, expect, it } from "vitest";

import { Following, Pointer, shift } from "../src/panels/decode/following";

describe("what is brought into sight", () => {
  const room = { start: 100, end: 420 };

  it("stays where it is if it is seen already", () => {
    expect(shift({ start: 100, end: 192 }, room)).toBe(0);
    expect(shift({ start: 388, end: 420 }, room)).toBe(0);
  });

  it("comes into the middle, from either side and from under an edge", () => {
    for (const item of [
      { start: 90, end: 182 },
      { start: 350, end: 442 },
      { start: -900, end: -866 },
      { start: 5000, end: 5092 },
    ]) {
      const moved = (item.start + item.end) / 2 - shift(item, room);
      expect(moved).toBe(260);
    }
  });
});

describe("a pointer", () => {
  it("has moved only where it is elsewhere", () => {
    const pointer = new Pointer();
    const moved = (screenX: number, screenY: number) => pointer.moved({ screenX, screenY } as MouseEvent);
    expect([moved(1, 2), moved(1, 2), moved(1, 3), moved(1, 3)]).toEqual([true, false, true, false]);
    pointer.leave();
    expect(moved(1, 3)).toBe(true);
  });
});

it("brings a stop into sight once, and again where there is other room until a person scrolls", () => {
  const following = new Following();
  const brought: boolean[] = [];
  const bring = (atOnce: boolean) => void brought.push(atOnce);
  expect(following.stop(1, bring)).toBe(true);
  expect(following.stop(1, bring)).toBe(false);
  expect(following.stop(2, bring)).toBe(true);
  expect(brought).toEqual([true, false]);
  following.again();
  following.byHand();
  following.again();
  expect(brought).toEqual([true, false, true]);
});
