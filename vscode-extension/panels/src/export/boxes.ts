// The boxes of a drawing: where they lie, and their backgrounds, borders, rings and the values in fields.

import { type Box, type Frame, round, svgElement, within } from "./frame";
import { dashesOf, gradientOf, invisible, shadowsOf } from "./styles";
import { lineOf } from "./words";

/** All of an element but what is in it. */
export function boxOf(element: HTMLElement, style: CSSStyleDeclaration, frame: Frame): SVGElement[] {
  const rect = element.getBoundingClientRect();
  if (rect.width === 0 || rect.height === 0) return [];
  const box = within(rect, frame);
  const radius = Math.min(parseFloat(style.borderTopLeftRadius) || 0, box.height / 2, box.width / 2);
  const shadows = shadowsOf(style.boxShadow);
  const drawn: SVGElement[] = [];
  for (const { colour, spread } of shadows.rings)
    drawn.push(outline(box, spread / 2, radius, spread, colour, undefined));
  if (!invisible(style.backgroundColor))
    drawn.push(svgElement("rect", { ...box, rx: radius, fill: style.backgroundColor }));
  drawn.push(...gradient(style.backgroundImage, box, frame));
  for (const { colour, x, y } of shadows.strips)
    drawn.push(
      svgElement("rect", { ...box, width: x || box.width, height: x ? box.height : y, fill: colour }),
    );
  drawn.push(...bordersOf(style, box, radius));
  if (style.outlineStyle !== "none" && style.outlineStyle !== "auto" && parseFloat(style.outlineWidth) > 0) {
    const wide = parseFloat(style.outlineWidth);
    drawn.push(outline(box, parseFloat(style.outlineOffset) + wide / 2, radius, wide, style.outlineColor));
  }
  if (element instanceof HTMLInputElement || element instanceof HTMLSelectElement)
    drawn.push(...fieldOf(element, style, box));
  return drawn;
}

function outline(box: Box, by: number, radius: number, wide: number, colour: string, dashes?: string) {
  return svgElement("rect", {
    x: round(box.x - by),
    y: round(box.y - by),
    width: round(Math.max(0, box.width + 2 * by)),
    height: round(Math.max(0, box.height + 2 * by)),
    rx: Math.max(0, radius + by),
    fill: "none",
    stroke: colour,
    "stroke-width": wide,
    ...(dashes ? { "stroke-dasharray": dashes } : {}),
  });
}

const SIDES = ["Top", "Right", "Bottom", "Left"] as const;

function bordersOf(style: CSSStyleDeclaration, box: Box, radius: number): SVGElement[] {
  const sides = SIDES.map((side) => ({
    width: style[`border${side}Style`] === "none" ? 0 : parseFloat(style[`border${side}Width`]),
    kind: style[`border${side}Style`],
    colour: style[`border${side}Color`],
  })).map((side) => (invisible(side.colour) ? { ...side, width: 0 } : side));
  const [first] = sides as [(typeof sides)[0]];
  if (sides.every((side) => side.width === first.width && side.colour === first.colour)) {
    const dashes = dashesOf(first.kind, first.width);
    return first.width === 0
      ? []
      : [outline(box, -first.width / 2, radius, first.width, first.colour, dashes)];
  }
  return sides.flatMap(({ width, kind, colour }, at) => {
    if (width === 0) return [];
    const [left, top, right, bottom] = [
      box.x + width / 2,
      box.y + width / 2,
      box.x + box.width - width / 2,
      box.y + box.height - width / 2,
    ];
    const lines = [
      { x1: box.x, y1: top, x2: box.x + box.width, y2: top },
      { x1: right, y1: box.y, x2: right, y2: box.y + box.height },
      { x1: box.x, y1: bottom, x2: box.x + box.width, y2: bottom },
      { x1: left, y1: box.y, x2: left, y2: box.y + box.height },
    ];
    const dashes = dashesOf(kind, width);
    return [
      svgElement("line", {
        ...lines[at]!,
        stroke: colour,
        "stroke-width": width,
        ...(dashes ? { "stroke-dasharray": dashes } : {}),
      }),
    ];
  });
}

function gradient(image: string, box: Box, frame: Frame): SVGElement[] {
  const found = gradientOf(image, box.width, box.height);
  if (found === undefined) return [];
  const id = `shades${frame.cuts++}`;
  const [x1, y1, x2, y2] = found.line;
  const made = svgElement("linearGradient", { id, x1, y1, x2, y2 });
  const length = x1 === x2 ? box.height : box.width;
  for (const { colour, at } of found.stops)
    made.append(svgElement("stop", { offset: round(at / length), "stop-color": colour }));
  return [made, svgElement("rect", { ...box, fill: `url(#${id})` })];
}

/** What is written in a field, or marked in a box. */
function fieldOf(
  field: HTMLInputElement | HTMLSelectElement,
  style: CSSStyleDeclaration,
  box: Box,
): SVGElement[] {
  if (field instanceof HTMLInputElement && ["checkbox", "radio"].includes(field.type)) {
    const round = field.type === "radio" ? box.width / 2 : 2;
    const drawn = [outline(box, -1, round, 1.5, style.color)];
    if (field.checked)
      drawn.push(
        svgElement("path", {
          d: `M${box.x + 3} ${box.y + box.height / 2}l3 3 4-6`,
          fill: "none",
          stroke: style.color,
          "stroke-width": 1.8,
        }),
      );
    return drawn;
  }
  const written =
    field instanceof HTMLSelectElement ? (field.selectedOptions[0]?.textContent ?? "") : field.value;
  return [lineOf(written.trim(), box.x + parseFloat(style.paddingLeft) + 1, box, style)];
}
