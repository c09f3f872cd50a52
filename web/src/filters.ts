/** The loops over pixels, the hottest ones beside the network: with SIMD in WebAssembly, and in JavaScript. */

import bytes from "./resize.wat";

export const PRECISION_BITS = 22;
const HALF = 1 << (PRECISION_BITS - 1);
/** Memory of WebAssembly never shrinks; what needs more is filtered in strips, or in JavaScript. */
const MOST_BYTES = 16_000_000;
const PAGE = 65_536;
/** What the module may read and write after the last pixel. */
const SPARE = 16;

/** The source pixels of each output pixel along one side: the first one, how many, and their weights. */
export interface Filter {
  readonly first: Int32Array;
  readonly number: Int32Array;
  readonly weights: Int32Array;
  /** Weights kept for each output pixel. */
  readonly most: number;
}

interface Loops {
  readonly memory: WebAssembly.Memory;
  opaque(from: number, to: number, end: number): number;
  across(from: number, to: number, stride: number, rows: number, outputs: number, ...filter: number[]): void;
  down(from: number, to: number, stride: number, outputs: number, ...filter: number[]): void;
}

let loops: Loops | null | undefined;

/** Return the module; null where the browser has no SIMD. */
function simd(): Loops | null {
  if (loops === undefined) {
    const made = WebAssembly.validate(bytes) ? new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports : null;
    loops = made as unknown as Loops | null;
  }
  return loops;
}

/** Pixels that `copy_opaque` takes at most: they stay in the processor's nearest memory. */
export const MOST_PIXELS = 4096;

/**
 * Copy red, green and blue of some pixels, if all are opaque.
 *
 * @param rgba up to `MOST_PIXELS` pixels, a multiple of 4.
 * @param to where 3 bytes a pixel go.
 * @returns whether it was done; never where the browser has no SIMD.
 */
export function copy_opaque(rgba: Uint8ClampedArray | Uint8Array, to: Uint8Array): boolean {
  const module = simd();
  if (!module) return false;
  make_room(module, 4 * MOST_PIXELS + 3 * MOST_PIXELS + SPARE);
  const memory = new Uint8Array(module.memory.buffer);
  memory.set(rgba);
  if (!module.opaque(0, 4 * MOST_PIXELS, rgba.length)) return false;
  to.set(memory.subarray(4 * MOST_PIXELS, 4 * MOST_PIXELS + to.length));
  return true;
}

/** Filter rows of RGB pixels across. */
export function across_filtered(data: Uint8Array, width: number, height: number, filter: Filter): Uint8Array {
  const module = simd();
  const stride = 3 * width;
  const outputs = filter.first.length;
  const rows = Math.min(height, Math.floor(MOST_BYTES / (stride + 3 * outputs)));
  if (!module || !rows) return across_in_script(data, width, height, filter);
  const made = new Uint8Array(3 * outputs * height);
  const [tables, from] = lay_out(module, filter, rows * (stride + 3 * outputs));
  const to = from + rows * stride + SPARE;
  for (let row = 0; row < height; row += rows) {
    const number = Math.min(rows, height - row);
    const memory = new Uint8Array(module.memory.buffer);
    memory.set(data.subarray(stride * row, stride * (row + number)), from);
    module.across(from, to, stride, number, outputs, ...tables, filter.most);
    made.set(memory.subarray(to, to + 3 * outputs * number), 3 * outputs * row);
  }
  return made;
}

/** Filter rows of RGB pixels down. */
export function down_filtered(data: Uint8Array, width: number, filter: Filter): Uint8Array {
  const module = simd();
  const stride = 3 * width;
  const outputs = filter.first.length;
  if (!module || data.length + stride * outputs > MOST_BYTES) return down_in_script(data, width, filter);
  const [tables, from] = lay_out(module, filter, data.length + stride * outputs);
  const to = from + data.length + SPARE;
  const memory = new Uint8Array(module.memory.buffer);
  memory.set(data, from);
  module.down(from, to, stride, outputs, ...tables, filter.most);
  return memory.slice(to, to + stride * outputs);
}

/**
 * Put a filter into the module's memory, and make room for so many bytes behind it.
 *
 * @returns addresses of the filter's tables, and of the room.
 */
function lay_out(module: Loops, { first, number, weights }: Filter, bytes: number): [tables: number[], room: number] {
  const room = 4 * (first.length + number.length + weights.length);
  make_room(module, room + bytes + 2 * SPARE);
  const memory = new Int32Array(module.memory.buffer);
  memory.set(first);
  memory.set(number, first.length);
  memory.set(weights, first.length + number.length);
  return [[0, 4 * first.length, 4 * (first.length + number.length)], room];
}

function make_room(module: Loops, bytes: number): void {
  const missing = bytes - module.memory.buffer.byteLength;
  if (missing > 0) module.memory.grow(Math.ceil(missing / PAGE));
}

// Sums stay in 32 bits, as weights are not negative and together 2 ** 22; Math.imul and | 0 let the browser compute them
// as whole numbers, twice as fast.

export function across_in_script(data: Uint8Array, width: number, height: number, { first, number, weights, most }: Filter) {
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

export function down_in_script(data: Uint8Array, width: number, { first, number, weights, most }: Filter) {
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
