// Heat maps: numbers as shades between two colours of the theme, painted on a canvas.

import type { Matrix } from "../logic/arrays";

type Colour = [number, number, number];

/** `#rgb`, `#rrggbb` or `rgb(...)` as three numbers. */
export function colourOf(written: string): Colour {
  const plain = written.trim().replace(/^#([0-9a-f])([0-9a-f])([0-9a-f])$/i, "#$1$1$2$2$3$3");
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(plain);
  if (hex) return [parseInt(hex[1]!, 16), parseInt(hex[2]!, 16), parseInt(hex[3]!, 16)];
  const parts = /rgba?\(\s*([\d.]+)[\s,]+([\d.]+)[\s,]+([\d.]+)/.exec(written);
  return parts ? [Number(parts[1]), Number(parts[2]), Number(parts[3])] : [128, 128, 128];
}

/** A shade: `share` 0 is the first colour, 1 the second. The root makes small shares visible. */
export function shade(share: number, from: Colour, to: Colour): Colour {
  const root = Math.sqrt(Math.min(1, Math.max(0, share)));
  return [0, 1, 2].map((at) => Math.round(from[at]! + (to[at]! - from[at]!) * root)) as Colour;
}

/** Paint a matrix with cells of `size` pixels; `most` is the number that gets the full colour. */
export function paintHeat(canvas: HTMLCanvasElement, matrix: Matrix, size: number, most: number): void {
  canvas.width = matrix.columns * size;
  canvas.height = matrix.rows * size;
  const style = getComputedStyle(canvas);
  const from = colourOf(style.getPropertyValue("--heat-0"));
  const to = colourOf(style.getPropertyValue("--heat-1"));
  const context = canvas.getContext("2d")!;
  for (let row = 0; row < matrix.rows; row++)
    for (let column = 0; column < matrix.columns; column++) {
      const [red, green, blue] = shade(matrix.data[row * matrix.columns + column]! / most, from, to);
      context.fillStyle = `rgb(${red} ${green} ${blue})`;
      context.fillRect(column * size, row * size, size, size);
    }
}

/** Paint numbers of either sign: blue below 0, orange above, the background at 0; `most` has the full colour. */
export function paintSigned(
  canvas: HTMLCanvasElement,
  matrix: Matrix,
  wide: number,
  high: number,
  most: number,
): void {
  canvas.width = matrix.columns * wide;
  canvas.height = matrix.rows * high;
  const style = getComputedStyle(canvas);
  const [zero, below, above] = ["--heat-0", "--below", "--above"].map((name) =>
    colourOf(style.getPropertyValue(name)),
  );
  const context = canvas.getContext("2d")!;
  const image = context.createImageData(canvas.width, canvas.height);
  for (let row = 0; row < matrix.rows; row++)
    for (let column = 0; column < matrix.columns; column++) {
      const value = matrix.data[row * matrix.columns + column]! / most;
      const colour = shade(Math.abs(value), zero!, value < 0 ? below! : above!);
      for (let y = 0; y < high; y++)
        for (let x = 0; x < wide; x++) {
          const at = 4 * ((row * high + y) * canvas.width + column * wide + x);
          [image.data[at], image.data[at + 1], image.data[at + 2], image.data[at + 3]] = [...colour, 255];
        }
    }
  context.putImageData(image, 0, 0);
}
