/** Pixels of an upright picture in memory, and how pictures of the browser become such. */

import { PictureError } from "./errors.ts";
import { copy_opaque, MOST_PIXELS } from "./filters.ts";

/** An upright picture: RGB, row by row. */
export interface Picture {
  /** 3 bytes a pixel. */
  readonly data: Uint8Array;
  /** Of `data`, pixels. */
  readonly width: number;
  readonly height: number;
  /** Of the photo that it was made of, where that is larger; boxes are in its pixels. */
  readonly full_width?: number;
  readonly full_height?: number;
}

/** What `Detector.detect` takes. Of a file or picture the EXIF orientation is applied. */
export type PictureLike = Picture | ImageData | Blob | ImageBitmapSource;

/**
 * Pixels above which a photo is decoded smaller: 24 megapixels would take 96 MB, and more while they are copied, and
 * a phone's tab ends there.
 */
export const FULL_SCALE_PIXELS = 12_000_000;

/** Turn pixels of red, green, blue and alpha into red, green and blue on white, as the Python program does. */
export function on_white(rgba: Uint8ClampedArray | Uint8Array, width: number, height: number): Picture {
  const pixels = width * height;
  const data = new Uint8Array(3 * pixels);
  for (let first = 0, end; first < pixels; first = end) {
    // Nearly all photos are opaque throughout; only fours of pixels are copied at once.
    const left = pixels - first;
    end = first + (left < 4 ? left : Math.min(left - (left % 4), MOST_PIXELS));
    const done = left >= 4 && copy_opaque(rgba.subarray(4 * first, 4 * end), data.subarray(3 * first, 3 * end));
    if (!done) blend_all(rgba, data, first, end);
  }
  return { data, width, height };
}

/** Lay some pixels over white. */
function blend_all(rgba: Uint8ClampedArray | Uint8Array, data: Uint8Array, first: number, end: number): void {
  for (let from = 4 * first, to = 3 * first; from < 4 * end; from += 4, to += 3) {
    for (let k = 0; k < 3; k++) data[to + k] = blend(rgba[from + k], rgba[from + 3]);
  }
}

/** Pillow's rounding of a colour laid over white. */
function blend(colour: number, alpha: number): number {
  const sum = colour * alpha + 255 * (255 - alpha) + 128;
  return ((sum >> 8) + sum) >> 8;
}

/**
 * Accept what a browser has as a picture.
 *
 * @param value pixels, a file, or anything that a browser can draw.
 * @param full_scale_pixels a larger picture is decoded smaller.
 */
export async function as_picture(value: PictureLike, full_scale_pixels = FULL_SCALE_PIXELS): Promise<Picture> {
  if (isPicture(value)) return value;
  if (typeof ImageData !== "undefined" && value instanceof ImageData) {
    return on_white(value.data, value.width, value.height);
  }
  let bitmap: ImageBitmap;
  const owned = !(typeof ImageBitmap !== "undefined" && value instanceof ImageBitmap);
  try {
    // Colours stay as they are stored, as in the Python program; alpha is not multiplied into them.
    bitmap = owned
      ? await createImageBitmap(value as ImageBitmapSource, { premultiplyAlpha: "none", colorSpaceConversion: "none" })
      : (value as ImageBitmap);
  } catch (error) {
    throw new PictureError("not a picture that this browser can read", { cause: error });
  }
  try {
    return read_bitmap(bitmap, full_scale_pixels);
  } finally {
    if (owned) bitmap.close();
  }
}

/** Copy the pixels of a bitmap, in strips, so that little beside the result is in memory. */
export function read_bitmap(bitmap: ImageBitmap, full_scale_pixels = FULL_SCALE_PIXELS): Picture {
  const { width: fullWidth, height: fullHeight } = bitmap;
  const shrink = Math.ceil(Math.sqrt((fullWidth * fullHeight) / full_scale_pixels));
  const width = Math.ceil(fullWidth / shrink);
  const height = Math.ceil(fullHeight / shrink);
  const rows = Math.max(1, Math.min(height, Math.floor(2_000_000 / (fullWidth * shrink))));
  const pen = pen_for(fullWidth, rows * shrink);
  const size = shrink === 1 ? { width, height } : { width, height, full_width: fullWidth, full_height: fullHeight };
  const data = new Uint8Array(rows < height ? 3 * width * height : 0);
  for (let row = 0; row < height; row += rows) {
    const top = row * shrink;
    const strip = Math.min(rows * shrink, fullHeight - top);
    pen.clearRect(0, 0, fullWidth, rows * shrink);
    pen.drawImage(bitmap, 0, top, fullWidth, strip, 0, 0, fullWidth, strip);
    const part = on_white(pen.getImageData(0, 0, fullWidth, strip).data, fullWidth, strip);
    const small = shrink === 1 ? part : reduce(part, shrink, shrink);
    if (rows >= height) return { ...size, data: small.data };
    data.set(small.data, 3 * width * row);
  }
  return { ...size, data };
}

let last: OffscreenCanvasRenderingContext2D | null = null;

/** Return a canvas of a size: the last one if it fits, since photos and frames often have the same size. */
function pen_for(width: number, height: number): OffscreenCanvasRenderingContext2D {
  if (last?.canvas.width !== width || last.canvas.height !== height) {
    last = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  }
  if (!last) throw new PictureError("this browser gives no memory to read a picture: close other tabs");
  return last;
}

/**
 * Make each block of pixels one pixel, their mean, as Pillow's `reduce` does.
 *
 * @param fx width of a block; at the right border those that are there count.
 * @param fy height of a block.
 */
export function reduce(picture: Picture, fx: number, fy: number): Picture {
  const width = Math.ceil(picture.width / fx);
  const height = Math.ceil(picture.height / fy);
  const data = new Uint8Array(3 * width * height);
  const sums = new Uint32Array(3 * width);
  for (let y = 0; y < height; y++) {
    sums.fill(0);
    const last = Math.min((y + 1) * fy, picture.height);
    for (let row = y * fy; row < last; row++) add_blocks(picture.data, 3 * picture.width * row, picture.width, fx, sums);
    for (let x = 0; x < width; x++) {
      const number = (Math.min((x + 1) * fx, picture.width) - x * fx) * (last - y * fy);
      // Pillow divides by a fixed-point number of 24 bits, which rounds some exact halves down.
      const multiplier = Math.floor(2 ** 24 / number);
      for (let k = 0; k < 3; k++) {
        const sum = sums[3 * x + k] + Math.floor(number / 2);
        data[3 * (width * y + x) + k] = Math.floor((sum * multiplier) / 2 ** 24);
      }
    }
  }
  return { data, width, height };
}

/** Add the pixels of each block of one row to its sums. */
function add_blocks(data: Uint8Array, from: number, width: number, fx: number, sums: Uint32Array): void {
  const end = from + 3 * width;
  for (let at = from, to = 0; at < end; to += 3) {
    let [red, green, blue] = [0, 0, 0];
    for (const last = Math.min(at + 3 * fx, end); at < last; at += 3) {
      red += data[at];
      green += data[at + 1];
      blue += data[at + 2];
    }
    sums[to] += red;
    sums[to + 1] += green;
    sums[to + 2] += blue;
  }
}

/** Cut a part out of a picture, pixels from x1, y1 to below x2, y2. */
export function crop(picture: Picture, x1: number, y1: number, x2: number, y2: number): Picture {
  const width = x2 - x1;
  const height = y2 - y1;
  const data = new Uint8Array(3 * width * height);
  for (let row = 0; row < height; row++) {
    const from = 3 * ((y1 + row) * picture.width + x1);
    data.set(picture.data.subarray(from, from + 3 * width), 3 * width * row);
  }
  return { data, width, height };
}

function isPicture(value: PictureLike): value is Picture {
  return "data" in value && value.data instanceof Uint8Array && value.data.length === 3 * value.width * value.height;
}
