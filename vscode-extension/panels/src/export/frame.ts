// What a drawing is measured against, and the elements that it is made of.

export const SVG = "http://www.w3.org/2000/svg";

/** What a drawing is measured against, and how far it has come. */
export interface Frame {
  /** The left upper corner, on the screen. */
  left: number;
  top: number;
  /** What has been drawn so far reaches to here. */
  width: number;
  height: number;
  /** Numbers for the names of what is defined in it. */
  cuts: number;
}

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export function measured(root: HTMLElement): Frame {
  const { left, top, width, height } = root.getBoundingClientRect();
  return { left, top, width, height, cuts: 0 };
}

/** A box of the screen in the drawing, which grows with it. */
export function within(box: DOMRect, frame: Frame): Box {
  const [x, y] = [round(box.left - frame.left), round(box.top - frame.top)];
  const [width, height] = [round(box.width), round(box.height)];
  frame.width = Math.max(frame.width, x + width);
  frame.height = Math.max(frame.height, y + height);
  return { x, y, width, height };
}

export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

export function svgElement(name: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}
