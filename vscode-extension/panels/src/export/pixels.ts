// A drawing as pixels.

import type { Drawing } from "./drawing";

/** The most pixels of a side that browsers paint. */
const LARGEST = 16_000;

/** A drawing as a PNG with `scale` pixels for one; fewer where that would be more than can be painted. */
export async function pixelsOf(drawing: Drawing, scale: number): Promise<Blob> {
  const largest = Math.max(drawing.width, drawing.height) * scale;
  const used = scale * Math.min(1, LARGEST / largest);
  const address = URL.createObjectURL(new Blob([drawing.svg], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [Math.round(drawing.width * used), Math.round(drawing.height * used)];
    canvas.getContext("2d")!.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve, reject) =>
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture is too large")))),
    );
  } finally {
    URL.revokeObjectURL(address);
  }
}
