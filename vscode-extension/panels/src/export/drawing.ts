// A view as a picture of lines and words: what stands on the screen, drawn again as SVG that needs nothing
// but itself. Words stay words, with the names of their fonts, at the places where the browser put them.

import { flushSync } from "svelte";

import { boxOf } from "./boxes";
import { type Frame, measured, svgElement, within } from "./frame";
import { pictureOf } from "./pictures";
import { wordsOf } from "./words";

export interface Drawing {
  svg: string;
  width: number;
  height: number;
}

const MARGIN = 8;

/** Draw an element that is on the page, and below it a line that says what it is. */
export function draw(root: HTMLElement, title: string, caption: string): Drawing {
  return laidOut(root, () => {
    const frame = measured(root);
    const sheet = svgElement("g", {});
    drawElement(root, sheet, frame);
    const style = getComputedStyle(root);
    const [width, high] = [Math.ceil(frame.width) + 2 * MARGIN, Math.ceil(frame.height) + 2 * MARGIN];
    const height = high + (caption ? 18 : 0);
    const picture = svgElement("svg", {
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      "font-family": style.fontFamily,
      "font-size": style.fontSize,
      fill: style.color,
    });
    const said = svgElement("title", {});
    said.textContent = title;
    const background = getComputedStyle(document.documentElement).backgroundColor;
    const foot = svgElement("text", { x: MARGIN, y: height - 8, "font-size": "11px", opacity: 0.75 });
    foot.textContent = caption;
    sheet.setAttribute("transform", `translate(${MARGIN} ${MARGIN})`);
    picture.append(said, svgElement("rect", { width, height, fill: background }), sheet);
    if (caption) picture.append(foot);
    return { svg: new XMLSerializer().serializeToString(picture), width, height };
  });
}

/** With all of the view laid out and nothing scrolled away. It is as before when this returns. */
function laidOut<T>(root: HTMLElement, look: () => T): T {
  const scrolled = [root, ...root.querySelectorAll<HTMLElement>("[data-scrolls]")].map(
    (each) => [each, each.scrollLeft, each.scrollTop] as const,
  );
  root.style.setProperty("--wide", `${root.clientWidth}px`);
  root.classList.add("drawn");
  // Who draws what is scrolled hears that it no longer is.
  for (const [each] of scrolled) each.dispatchEvent(new Event("scroll"));
  flushSync();
  const turned = [...root.querySelectorAll<HTMLElement>("[data-turned]")];
  const turns = turned.map((each) => turnOf(each));
  turned.forEach((each, at) => {
    each.dataset.turned = turns[at]!;
    each.style.transform = "none";
  });
  try {
    return look();
  } finally {
    for (const each of turned) {
      each.dataset.turned = "";
      each.style.transform = "";
    }
    root.classList.remove("drawn");
    root.style.removeProperty("--wide");
    for (const [each, left, top] of scrolled) {
      [each.scrollLeft, each.scrollTop] = [left, top];
      each.dispatchEvent(new Event("scroll"));
    }
  }
}

/** How an element is turned, as CSS computes it: about which of its points, and by which matrix. */
function turnOf(element: HTMLElement): string {
  const style = getComputedStyle(element);
  return `${style.transformOrigin}|${style.transform}`;
}

function drawElement(element: Element, into: SVGElement, frame: Frame): void {
  const style = getComputedStyle(element);
  if (!element.checkVisibility() || style.clipPath === "inset(50%)") return;
  const seen = style.visibility === "visible";
  if (element instanceof SVGSVGElement || element instanceof HTMLCanvasElement) {
    if (seen) into.append(...pictureOf(element, style, frame));
    return;
  }
  const target = groupOf(element as HTMLElement, style, frame);
  if (seen) target.append(...boxOf(element as HTMLElement, style, frame));
  for (const child of element.childNodes) {
    if (child instanceof Element) drawElement(child, target, frame);
    else if (child instanceof Text && seen) target.append(...wordsOf(child, style, frame));
  }
  if (target.childElementCount > 0) into.append(target);
}

/** What of an element holds for all that is in it: how it is turned, how faint it is, where it is cut off. */
function groupOf(element: HTMLElement, style: CSSStyleDeclaration, frame: Frame): SVGElement {
  const group = svgElement("g", {});
  if (Number(style.opacity) < 1) group.setAttribute("opacity", style.opacity);
  if (element.dataset.turned) {
    const [origin, matrix] = element.dataset.turned.split("|");
    const [x = 0, y = 0] = origin!.split(" ").map(parseFloat);
    const box = within(element.getBoundingClientRect(), frame);
    const about = [box.x + x, box.y + y];
    group.setAttribute(
      "transform",
      `translate(${about.join(" ")}) ${matrix} translate(${about.map((each) => -each).join(" ")})`,
    );
  }
  const wider =
    element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 1;
  if (style.overflowX !== "visible" && wider && element.clientWidth > 0) {
    const box = within(element.getBoundingClientRect(), frame);
    const id = `cut${frame.cuts++}`;
    const cut = svgElement("clipPath", { id });
    cut.append(svgElement("rect", { ...box }));
    group.append(cut);
    group.setAttribute("clip-path", `url(#${id})`);
  }
  return group;
}
