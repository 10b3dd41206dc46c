// The pictures of a view in its drawing: drawings keep their lines, with their styles written out; what is
// painted is taken over as it is.

import { type Frame, svgElement, within } from "./frame";

/** Properties of drawn elements, and what they are where nobody says anything. */
const PROPERTIES: Record<string, string> = {
  fill: "rgb(0, 0, 0)",
  "fill-opacity": "1",
  stroke: "none",
  "stroke-width": "1px",
  "stroke-opacity": "1",
  "stroke-dasharray": "none",
  "stroke-linecap": "butt",
  "stroke-linejoin": "miter",
  "paint-order": "normal",
  opacity: "1",
  "text-anchor": "start",
  "font-family": "",
  "font-size": "",
  "font-weight": "400",
};
const OF_WORDS: readonly string[] = ["text-anchor", "font-family", "font-size", "font-weight"];

export function pictureOf(
  element: SVGSVGElement | HTMLCanvasElement,
  style: CSSStyleDeclaration,
  frame: Frame,
): SVGElement[] {
  const box = within(element.getBoundingClientRect(), frame);
  if (element instanceof HTMLCanvasElement) {
    if (element.width === 0 || element.height === 0) return [];
    const image = svgElement("image", { ...box, href: element.toDataURL(), preserveAspectRatio: "none" });
    image.setAttribute("image-rendering", "pixelated");
    return [image];
  }
  const made = written(element) as SVGSVGElement | undefined;
  if (made === undefined) return [];
  for (const [name, value] of Object.entries(box)) made.setAttribute(name, String(value));
  made.setAttribute("overflow", style.overflowX === "visible" ? "visible" : "hidden");
  return [made];
}

/** A copy with its styles as attributes. */
function written(element: Element): Element | undefined {
  const style = getComputedStyle(element);
  if (style.display === "none" || style.visibility === "hidden") return undefined;
  const copy = document.createElementNS(element.namespaceURI, element.localName);
  for (const { name, value } of element.attributes)
    if (!/^(class|style|id|role|tabindex|data-|aria-)/.test(name)) copy.setAttribute(name, value);
  const words = element.localName === "text" || element.localName === "tspan";
  if (element.localName !== "svg" && element.localName !== "g")
    for (const [name, usual] of Object.entries(PROPERTIES)) {
      if (OF_WORDS.includes(name) && !words) continue;
      const value = style.getPropertyValue(name);
      if (value !== usual) copy.setAttribute(name, value);
    }
  else if (style.opacity !== "1") copy.setAttribute("opacity", style.opacity);
  if (words) copy.setAttribute("xml:space", "preserve");
  for (const child of element.childNodes) {
    if (child instanceof Text) copy.append(child.data);
    else if (child instanceof Element) {
      const made = written(child);
      if (made !== undefined) copy.append(made);
    }
  }
  return copy;
}
