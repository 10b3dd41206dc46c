import { describe, expect, it } from "vitest";

import { apart, gradientOf, invisible, shadowsOf } from "../src/export/styles";
import { sessionFile } from "../src/export/session_file";
import { fromRecording, holds, keyOf, type Recording } from "../src/connection/recorded";
import { layerOf, layersOf } from "../src/logic/vectors";

describe("computed styles", () => {
  it("knows colours that nobody sees", () => {
    expect(
      ["transparent", "rgba(1, 2, 3, 0)", "rgb(138, 75, 0)", "rgba(0, 0, 0, 0.5)"].map(invisible),
    ).toEqual([true, true, false, false]);
  });

  it("takes lists apart outside of brackets", () => {
    expect(apart("a, rgb(1, 2, 3) 4px, calc(1% + 2px)")).toEqual(["a", "rgb(1, 2, 3) 4px", "calc(1% + 2px)"]);
  });

  it("reads the line in the middle of a track", () => {
    const written =
      "linear-gradient(to top, rgba(0, 0, 0, 0) 50%, rgb(1, 2, 3) 50%, rgb(1, 2, 3) calc(50% + 1px), rgba(0, 0, 0, 0) 0px)";
    expect(gradientOf(written, 30, 54)).toEqual({
      line: [0, 1, 0, 0],
      stops: [
        { colour: "rgba(0, 0, 0, 0)", at: 27 },
        { colour: "rgb(1, 2, 3)", at: 27 },
        { colour: "rgb(1, 2, 3)", at: 28 },
        { colour: "rgba(0, 0, 0, 0)", at: 28 },
      ],
    });
    expect(gradientOf("none", 1, 1)).toBeUndefined();
  });

  it("draws rings and strips, and no blurs", () => {
    expect(shadowsOf("rgb(1, 2, 3) 0px 0px 0px 2.5px, rgb(4, 5, 6) 0px 3px 0px 0px inset")).toEqual({
      rings: [{ colour: "rgb(1, 2, 3)", spread: 2.5 }],
      strips: [{ colour: "rgb(4, 5, 6)", x: 0, y: 3 }],
    });
    expect(shadowsOf("rgba(0, 0, 0, 0.5) 0px 2px 10px 0px").rings).toEqual([]);
  });
});

const recording: Recording = {
  when: "2026-01-02T03:04:05Z",
  version: "1",
  views: {},
  transcript: [],
  missing: [],
  answers: [
    {
      command: "s2s/decode",
      taken: { threadId: 1, fold: "mean" },
      body: { steps: [{ column: { top: [1, 2, 3] } }], a: 1 },
    },
    {
      command: "s2s/decode",
      taken: { threadId: 1, layer: 0, head: 2, fold: "mean" },
      body: { a: 2 },
      like: keyOf("s2s/decode", { threadId: 1 }),
    },
    {
      command: "s2s/sentences",
      taken: {},
      body: { sentences: [{ text: "</script><b>" }, { text: "two" }], total: 2 },
    },
  ],
};

describe("a recording", () => {
  const { request } = fromRecording(recording);

  it("answers what was asked, in whichever order it is written", async () => {
    const asked = { top: 2, threadId: 1, count: 1, layer: undefined };
    expect(await request("s2s/decode", asked)).toEqual({ steps: [{ column: { top: [1, 2] } }], a: 1 });
  });

  it("has one map for one layer and head, with the rest of the decode", async () => {
    const body = await request("s2s/decode", { threadId: 1, layer: 0, head: 2, fold: "max" });
    expect(body).toEqual({ steps: [{ column: { top: [1, 2, 3] } }], a: 2 });
  });

  it("gives pages of its lists", async () => {
    expect(await request("s2s/sentences", { start: 1, count: 5 })).toEqual({
      sentences: [{ text: "two" }],
      total: 2,
    });
  });

  it("refuses what nobody asked then, and every change", async () => {
    await expect(request("s2s/tree")).rejects.toThrow("was not on show");
    await expect(request("next", { threadId: 1 })).rejects.toThrow("not be changed");
    expect([holds(recording, "s2s/tree"), holds(recording, "s2s/decode")]).toEqual([false, true]);
  });

  it("becomes a file that no text in it can break", async () => {
    const panels = { script: 'const a = "</script><!--<script>";', style: "b{}" };
    const file = await sessionFile(recording, "<i>", panels);
    expect(file.match(/<\/script/g)).toHaveLength(2);
    expect(file).toContain("<title>&lt;i&gt;</title>");
    expect(file).toContain('const a = "\\x3c/script>\\x3c!--\\x3cscript>";');
    expect(file).toContain("&lt;/script&gt;&lt;b&gt;");
    expect(file).toMatch(/script-src 'sha256-[\w+/]{43}='; style-src 'sha256-[\w+/]{43}='/);
  });
});

it("takes one layer of vectors out", () => {
  const numbers = new Float32Array([1, 2, 3, 4, 5, 6, 7, 8]);
  const data = btoa(String.fromCharCode(...new Uint8Array(numbers.buffer)));
  const body = { dtype: "float32" as const, shape: [2, 2, 2], data };
  const one = layerOf(body, 1);
  expect(one.shape).toEqual([2, 1, 2]);
  expect([...layersOf(one)[0]!.data]).toEqual([3, 4, 7, 8]);
});
