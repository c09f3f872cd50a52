/** Resizing with Pillow's filter, bit by bit. */

import { across_filtered, down_filtered, PRECISION_BITS, type Filter } from "./filters.ts";
import { reduce, type Picture } from "./pictures.ts";

const REDUCING_GAP = 1.5;

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
      data = across_filtered(data, source.width, data.length / (3 * source.width), filter(source.width, right, width));
    }
  };
  const down = (columns: number) => {
    if (height !== source.height || bottom !== height) {
      data = down_filtered(data, columns, filter(source.height, bottom, height));
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

/**
 * Compute Pillow's triangle filter with antialiasing, weights as fixed-point numbers.
 *
 * @param length of the side of the source, pixels.
 * @param end of the source area, which begins at 0; may have a fraction.
 * @param outputs number of output pixels.
 */
export function filter(length: number, end: number, outputs: number): Filter {
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
