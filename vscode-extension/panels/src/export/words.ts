// The words of a drawing: each run of signs at the place where the browser wrote it.

import { type Box, type Frame, round, svgElement, within } from "./frame";

interface Run {
  text: string;
  left: number;
  right: number;
  top: number;
  bottom: number;
  signs: number;
  /** Whether it goes to the left. */
  backwards: boolean;
}

const SIGNS = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const ELLIPSIS = "…";

/** A text as runs of signs side by side on one line. */
export function wordsOf(node: Text, style: CSSStyleDeclaration, frame: Frame): SVGElement[] {
  if (node.data.trim() === "" && !style.whiteSpace.startsWith("pre")) return [];
  const room = roomOf(node, style);
  const runs: Run[] = [];
  const range = document.createRange();
  for (const { segment, index } of SIGNS.segment(node.data)) {
    range.setStart(node, index);
    range.setEnd(node, index + segment.length);
    const box = [...range.getClientRects()].at(-1);
    if (box === undefined || box.width === 0) continue;
    if (room !== undefined && (box.left < room.left - 0.5 || box.right > room.right + 0.5)) {
      if (runs.length > 0) runs.at(-1)!.text += ELLIPSIS;
      break;
    }
    join(runs, /\s/.test(segment) && !style.whiteSpace.startsWith("pre") ? " " : segment, box, style);
  }
  return runs.filter((run) => run.text.trim() !== "").map((run) => runOf(run, style, frame));
}

/** Where signs may stand, if an ellipsis is in the place of the others. */
function roomOf(node: Text, style: CSSStyleDeclaration): { left: number; right: number } | undefined {
  const parent = node.parentElement!;
  if (style.textOverflow !== "ellipsis" || parent.scrollWidth <= parent.clientWidth) return undefined;
  const box = parent.getBoundingClientRect();
  const sign = widthOf(ELLIPSIS, style);
  const backwards = style.direction === "rtl";
  const [before, after] = [
    parseFloat(style.paddingLeft) + (backwards ? sign : 0),
    parseFloat(style.paddingRight) + (backwards ? 0 : sign),
  ];
  return { left: box.left + before, right: box.right - after };
}

function join(runs: Run[], text: string, box: DOMRect, style: CSSStyleDeclaration): void {
  const run = runs.at(-1);
  const beside = (one: number, other: number) => Math.abs(one - other) < 0.75;
  if (run !== undefined && beside(run.top, box.top)) {
    const onwards = beside(run.right, box.left) && (run.signs === 1 || !run.backwards);
    const back = beside(run.left, box.right) && (run.signs === 1 || run.backwards);
    if (onwards || back) {
      Object.assign(run, {
        text: run.text + text,
        left: Math.min(run.left, box.left),
        right: Math.max(run.right, box.right),
        backwards: back,
        signs: run.signs + 1,
      });
      return;
    }
  }
  const { left, right, top, bottom } = box;
  const backwards = style.direction === "rtl";
  runs.push({ text, left, right, top, bottom, signs: 1, backwards });
}

function runOf(run: Run, style: CSSStyleDeclaration, frame: Frame): SVGElement {
  const box = within(new DOMRect(run.left, run.top, run.right - run.left, run.bottom - run.top), frame);
  const written = lineOf(run.text, run.backwards ? box.x + box.width : box.x, box, style);
  if (run.backwards) written.setAttribute("direction", "rtl");
  // Where the font is missing another one keeps to the same room.
  if (!run.text.endsWith(ELLIPSIS)) written.setAttribute("textLength", String(box.width));
  written.setAttribute("lengthAdjust", "spacingAndGlyphs");
  return written;
}

/** A line of text from `x` on, in the middle of a box. */
export function lineOf(text: string, x: number, box: Box, style: CSSStyleDeclaration): SVGElement {
  const { ascent, descent } = fontOf(style);
  const y = round(box.y + (box.height - ascent - descent) / 2 + ascent);
  const written = svgElement("text", {
    x: round(x),
    y,
    fill: style.color,
    "font-family": style.fontFamily,
    "font-size": style.fontSize,
  });
  if (style.fontWeight !== "400") written.setAttribute("font-weight", style.fontWeight);
  if (style.fontStyle !== "normal") written.setAttribute("font-style", style.fontStyle);
  if (style.textDecorationLine !== "none") written.setAttribute("text-decoration", style.textDecorationLine);
  written.setAttribute("xml:space", "preserve");
  written.textContent = style.textTransform === "uppercase" ? text.toUpperCase() : text;
  return written;
}

let pen: CanvasRenderingContext2D | undefined;
const fonts = new Map<string, { ascent: number; descent: number }>();

function penOf(style: CSSStyleDeclaration): CanvasRenderingContext2D {
  pen ??= document.createElement("canvas").getContext("2d")!;
  pen.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  return pen;
}

function fontOf(style: CSSStyleDeclaration): { ascent: number; descent: number } {
  const key = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  let found = fonts.get(key);
  if (found === undefined) {
    const told = penOf(style).measureText("x");
    found = { ascent: told.fontBoundingBoxAscent, descent: told.fontBoundingBoxDescent };
    fonts.set(key, found);
  }
  return found;
}

function widthOf(text: string, style: CSSStyleDeclaration): number {
  return penOf(style).measureText(text).width;
}
