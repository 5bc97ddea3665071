/** Paints a blurhash: what is shown of a picture until it has come. */

import { decode } from "blurhash";

const SIDE = 32;

export function paint(canvas: HTMLCanvasElement, hash: string): void {
  canvas.width = SIDE;
  canvas.height = SIDE;
  try {
    const pixels = new ImageData(new Uint8ClampedArray(decode(hash, SIDE, SIDE)), SIDE, SIDE);
    canvas.getContext("2d")?.putImageData(pixels, 0, 0);
  } catch {
    // A hash that cannot be read leaves the canvas empty.
  }
}
