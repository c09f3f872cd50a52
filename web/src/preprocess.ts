/** Turn a picture into the network's input, with Pillow's filter: a canvas would change what is found. */

import type { InputSpec } from "./model_file.ts";
import { round } from "./numbers.ts";
import type { Picture } from "./pictures.ts";
import { resize } from "./resize.ts";

/** One picture as input of the network. */
export interface Prepared {
  /** RGB, `height` rows of `width` pixels, padding included. */
  readonly tensor: Uint8Array;
  /** [width, height] of the tensor, pixels. */
  readonly input: readonly [number, number];
  /** Input pixels for one pixel of the photo, across and down. */
  readonly scale: readonly [number, number];
  /** [width, height] of the photo, pixels. */
  readonly picture: readonly [number, number];
}

/** Return the size that a picture is resized to, and the size of the input with padding. */
export function input_sides(
  width: number,
  height: number,
  spec: InputSpec,
): [resized: [number, number], input: [number, number]] {
  if (spec.resize === "stretch") return [[spec.size, spec.size], [spec.size, spec.size]];
  const scale = spec.size / Math.max(width, height);
  const w = Math.max(1, round(width * scale));
  const h = Math.max(1, round(height * scale));
  const padded = (side: number) => Math.ceil(side / spec.multiple) * spec.multiple;
  return [[w, h], [padded(w), padded(h)]];
}

/** Resize (and pad) a picture as in training. */
export function prepare(picture: Picture, spec: InputSpec): Prepared {
  const [[w, h], [across, down]] = input_sides(picture.width, picture.height, spec);
  const resized = resize(picture, w, h);
  let tensor = resized;
  if (across !== w || down !== h) {
    tensor = new Uint8Array(3 * across * down).fill(spec.pad);
    for (let row = 0; row < h; row++) tensor.set(resized.subarray(3 * w * row, 3 * w * (row + 1)), 3 * across * row);
  }
  const full: [number, number] = [picture.full_width ?? picture.width, picture.full_height ?? picture.height];
  return { tensor, input: [across, down], scale: [w / full[0], h / full[1]], picture: full };
}
