/** Turn a picture into the network's input, with Pillow's filter: a canvas would change what is found. */

import type { InputSpec } from "./model_file.ts";
import { round } from "./numbers.ts";
import { reduce, type Picture } from "./pictures.ts";

const REDUCING_GAP = 1.5;
const PRECISION_BITS = 22;

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

/** Resize as Pillow's `resize(..., BILINEAR, reducing_gap=1.5)` does, bit by bit. */
export function resize(picture: Picture, width: number, height: number): Uint8Array {
  const fx = Math.max(1, Math.floor(picture.width / width / REDUCING_GAP));
  const fy = Math.max(1, Math.floor(picture.height / height / REDUCING_GAP));
  const source = fx > 1 || fy > 1 ? reduce(picture, fx, fy) : picture;
  const right = Math.fround(picture.width / fx);
  const bottom = Math.fround(picture.height / fy);
  let { data } = source;
  const across = () => {
    if (width !== source.width || right !== width) {
      data = acrossFiltered(data, source.width, data.length / (3 * source.width), filter(source.width, right, width));
    }
  };
  const down = (columns: number) => {
    if (height !== source.height || bottom !== height) {
      data = downFiltered(data, columns, filter(source.height, bottom, height));
    }
  };
  // Pillow 13 goes the cheaper way first, older ones across; that changes a pixel by 1 at most.
  if (height < source.height && source.height - height > 2 * (source.width - width)) {
    down(source.width);
    across();
  } else {
    across();
    down(width);
  }
  return data === picture.data ? data.slice() : data;
}

/** The source pixels of each output pixel along one side: the first one, how many, and their weights. */
interface Filter {
  readonly first: Int32Array;
  readonly number: Int32Array;
  readonly weights: Int32Array;
  /** Weights kept for each output pixel. */
  readonly most: number;
}

/**
 * Compute Pillow's triangle filter with antialiasing, weights as fixed-point numbers.
 *
 * @param length of the side of the source, pixels.
 * @param end of the source area, which begins at 0; may have a fraction.
 * @param outputs number of output pixels.
 */
function filter(length: number, end: number, outputs: number): Filter {
  const scale = end / outputs;
  const support = Math.max(scale, 1);
  const most = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(outputs);
  const number = new Int32Array(outputs);
  const weights = new Int32Array(outputs * most);
  for (let output = 0; output < outputs; output++) {
    const centre = (output + 0.5) * scale;
    const from = Math.max(0, Math.trunc(centre - support + 0.5));
    const to = Math.min(length, Math.trunc(centre + support + 0.5));
    const raw = [];
    let sum = 0;
    for (let pixel = from; pixel < to; pixel++) {
      const weight = Math.max(0, 1 - Math.abs((pixel - centre + 0.5) * (1 / support)));
      raw.push(weight);
      sum += weight;
    }
    first[output] = from;
    number[output] = raw.length;
    raw.forEach((weight, k) => {
      weights[output * most + k] = Math.trunc(0.5 + (sum ? weight / sum : weight) * 2 ** PRECISION_BITS);
    });
  }
  return { first, number, weights, most };
}

function acrossFiltered(data: Uint8Array, width: number, height: number, { first, number, weights, most }: Filter) {
  const outputs = first.length;
  const made = new Uint8Array(3 * outputs * height);
  let to = 0;
  for (let row = 0; row < height; row++) {
    for (let output = 0; output < outputs; output++) {
      let from = 3 * (row * width + first[output]);
      let red = 1 << (PRECISION_BITS - 1);
      let green = red;
      let blue = red;
      const begin = output * most;
      for (let k = begin; k < begin + number[output]; k++, from += 3) {
        const weight = weights[k];
        red += data[from] * weight;
        green += data[from + 1] * weight;
        blue += data[from + 2] * weight;
      }
      made[to++] = clipped(red);
      made[to++] = clipped(green);
      made[to++] = clipped(blue);
    }
  }
  return made;
}

function downFiltered(data: Uint8Array, width: number, { first, number, weights, most }: Filter) {
  const stride = 3 * width;
  const made = new Uint8Array(stride * first.length);
  const sums = new Int32Array(stride);
  for (let output = 0; output < first.length; output++) {
    sums.fill(1 << (PRECISION_BITS - 1));
    for (let k = 0; k < number[output]; k++) {
      const weight = weights[output * most + k];
      const from = (first[output] + k) * stride;
      for (let x = 0; x < stride; x++) sums[x] += data[from + x] * weight;
    }
    for (let x = 0; x < stride; x++) made[output * stride + x] = clipped(sums[x]);
  }
  return made;
}

function clipped(sum: number): number {
  return Math.min(255, Math.max(0, sum >> PRECISION_BITS));
}
