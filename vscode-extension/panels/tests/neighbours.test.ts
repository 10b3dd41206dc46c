import { describe, expect, it } from "vitest";

import { faithfulness, frameOf, legible, markedText, trajectory } from "../src/logic/neighbours";
import type { NeighborBody, PictureBody, PointBody } from "../src/protocol/messages";

const NEIGHBOR: NeighborBody = {
  number: 0,
  row: 7,
  sentence: 3,
  position: 2,
  distance: 0.25,
  side: "target",
  token: { piece: "1", id: 6 },
  source: "June 23rd, 2015",
  target: "2015-06-23",
  before: "0",
  after: "5",
  start: 2,
  end: 3,
};

describe("a neighbour's text", () => {
  it("is marked at its token, before it and after it", () => {
    expect(markedText(NEIGHBOR, 0)).toEqual({ before: "20", marked: "1", after: "5-06-23" });
    expect(markedText(NEIGHBOR, -1)).toEqual({ before: "2", marked: "0", after: "15-06-23" });
    expect(markedText(NEIGHBOR, 1)).toEqual({ before: "201", marked: "5", after: "-06-23" });
  });

  it("of pieces with a mark of their own is marked without it", () => {
    const words = {
      ...NEIGHBOR,
      side: "source",
      source: "das alte Haus",
      before: "▁alte",
      start: 9,
      end: 13,
      after: "</s>",
    };
    expect(markedText(words, -1)).toEqual({ before: "das ", marked: "alte", after: " Haus" });
    expect(markedText(words, 1)).toEqual({ before: "das alte Haus", marked: "", after: "" });
  });

  it("is plain where its token stands nowhere in it", () => {
    expect(markedText({ ...NEIGHBOR, start: undefined, end: undefined }, 0).marked).toBe("");
    expect(markedText({ ...NEIGHBOR, before: undefined }, -1).marked).toBe("");
  });
});

function point(side: string, x: number, y: number, position = 0): PointBody {
  return { side, x, y, position, piece: "a" };
}

describe("a picture", () => {
  it("keeps proportions and turns y upside down", () => {
    const points = [point("left", 0, 0), point("left", 10, 20)];
    const frame = frameOf(points, 200, 100, 10);
    const [low, high] = points.map(frame.at);
    expect(low).toEqual({ x: 80, y: 90 });
    expect(high).toEqual({ x: 120, y: 10 });
  });

  it("of one point has it in the middle", () => {
    expect(frameOf([point("left", 3, 3)], 100, 50, 5).at(point("left", 3, 3))).toEqual({ x: 50, y: 25 });
  });

  it("has a trajectory in order", () => {
    const picture = { points: [point("left", 0, 0, 2), point("neighbor", 0, 0, 0), point("left", 1, 1, 1)] };
    expect(trajectory(picture as PictureBody, "left").map((each) => each.position)).toEqual([1, 2]);
  });

  it("says how far it can be believed", () => {
    const picture: Partial<PictureBody> = {
      site: "decoder.state",
      method: "pca",
      points: [],
      k: 5,
      refitted: false,
      leftOut: 0,
      steps: 0,
      done: true,
      trustworthiness: 0.98765,
      explained: [0.33, 0.22],
      moved: 0.002,
      movedMost: 0.02,
    };
    expect(faithfulness(picture as PictureBody)).toBe(
      "trustworthiness 0.988 over the 5 nearest · 33 % and 22 % of the variance · " +
        "old points moved by 0.2 % of the spread, 2.0 % at most",
    );
  });
});

describe("labels", () => {
  const LABELS = [
    { x: 0, y: 0, width: 50 },
    { x: 40, y: 5, width: 50 },
    { x: 80, y: 9, width: 50 },
    { x: 40, y: 30, width: 50 },
  ];

  it("are written where they lie over no other", () => {
    expect(legible(LABELS, 11)).toEqual([true, false, true, true]);
  });

  it("give way to the one that matters most", () => {
    expect(legible(LABELS, 11, 1)).toEqual([false, true, false, true]);
  });
});
