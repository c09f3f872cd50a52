/** Resizing with Pillow's filter, bit by bit: the hottest loops beside the network. */

import { reduce, type Picture } from "./pictures.ts";

const REDUCING_GAP = 1.5;
const PRECISION_BITS = 22;
const HALF = 1 << (PRECISION_BITS - 1);

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

// Sums stay in 32 bits, as weights are not negative and together 2 ** 22; Math.imul and | 0 let the browser compute them
// as whole numbers, twice as fast.

function acrossFiltered(data: Uint8Array, width: number, height: number, { first, number, weights, most }: Filter) {
  const outputs = first.length;
  const made = new Uint8Array(3 * outputs * height);
  let to = 0;
  for (let row = 0; row < height; row++) {
    for (let output = 0; output < outputs; output++) {
      let from = 3 * (row * width + first[output]);
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      const begin = output * most;
      const end = begin + number[output];
      for (let k = begin; k < end; k++, from += 3) {
        const weight = weights[k];
        red = (red + Math.imul(data[from], weight)) | 0;
        green = (green + Math.imul(data[from + 1], weight)) | 0;
        blue = (blue + Math.imul(data[from + 2], weight)) | 0;
      }
      made[to] = red >> PRECISION_BITS;
      made[to + 1] = green >> PRECISION_BITS;
      made[to + 2] = blue >> PRECISION_BITS;
      to += 3;
    }
  }
  return made;
}

function downFiltered(data: Uint8Array, width: number, { first, number, weights, most }: Filter) {
  const stride = 3 * width;
  const made = new Uint8Array(stride * first.length);
  let to = 0;
  for (let output = 0; output < first.length; output++) {
    const begin = output * most;
    const end = begin + number[output];
    for (let x = first[output] * stride, last = x + stride; x < last; x++) {
      let sum = HALF;
      for (let k = begin, from = x; k < end; k++, from += stride) sum = (sum + Math.imul(data[from], weights[k])) | 0;
      made[to++] = sum >> PRECISION_BITS;
    }
  }
  return made;
}
