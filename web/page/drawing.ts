/** Draws faces on a canvas, and makes them unreadable. */

import { describe, type Detections } from "../src/index.ts";

type Pen = CanvasRenderingContext2D;

/** The palette of Okabe and Ito, as in the Python package: colour-blind people can tell them apart. */
const COLOURS: Record<string, string> = {
  with_mask: "#0072b2",
  without_mask: "#d55e00",
  mask_worn_incorrect: "#f0e442",
};
const OTHERS = ["#0072b2", "#d55e00", "#f0e442", "#cc79a7", "#56b4e9", "#e69f00", "#009e73"];
const BLOCKS = 4;
const MARGIN = 0.2;
const LEAST_BLOCK_PX = 3;
/** A possible face is blurred from here on: lower than where faces are shown. */
export const BLUR_CONFIDENCE = 0.1;

/** Return the colour of a label, also of other models. */
export function colour_of(label: string, names: readonly string[]): string {
  return COLOURS[label] ?? OTHERS[Math.max(0, names.indexOf(label)) % OTHERS.length];
}

/**
 * Draw a box and a label for each face; the smallest last, so that a near face does not cover a distant one.
 *
 * @param scale canvas pixels for one pixel of the photo.
 */
export function draw_faces(pen: Pen, faces: Detections, scale: number): void {
  const { xyxy, confidence, labels, names } = faces;
  const line = Math.max(2, Math.round(Math.min(pen.canvas.width, pen.canvas.height) / 300));
  const size = Math.max(12, Math.round(Math.min(pen.canvas.width, pen.canvas.height) / 45));
  const area = (i: number) => (xyxy[4 * i + 2] - xyxy[4 * i]) * (xyxy[4 * i + 3] - xyxy[4 * i + 1]);
  const order = labels.map((_, i) => i).sort((a, b) => area(b) - area(a));
  pen.font = `600 ${size}px system-ui, sans-serif`;
  pen.textBaseline = "middle";
  for (const i of order) {
    const [x1, y1, x2, y2] = Array.from(xyxy.subarray(4 * i, 4 * i + 4), (v) => v * scale);
    const colour = colour_of(labels[i], names);
    pen.lineWidth = line + 2;
    pen.strokeStyle = "#000";
    pen.strokeRect(x1 - line / 2, y1 - line / 2, x2 - x1 + line, y2 - y1 + line);
    pen.lineWidth = line;
    pen.strokeStyle = colour;
    pen.strokeRect(x1 - line / 2, y1 - line / 2, x2 - x1 + line, y2 - y1 + line);
    write(pen, describe(labels[i], confidence[i]), [x1, y1, x2, y2], size, colour);
  }
}

/** Write a label above its box, or where there is room; beside tiny faces only the number. */
function write(pen: Pen, words: string, box: number[], size: number, colour: string): void {
  const [x1, y1, x2, y2] = box;
  const text = x2 - x1 < 2.5 * size ? words.replace(/^.* (\S+ %)$/, "$1") : words;
  const width = pen.measureText(text).width + size / 2;
  const height = size * 1.3;
  const x = Math.max(0, Math.min(x1, pen.canvas.width - width));
  const above = y1 - height - 2;
  const y = above >= 0 ? above : Math.min(y2 + 2, pen.canvas.height - height);
  pen.fillStyle = colour;
  pen.fillRect(x, y, width, height);
  pen.fillStyle = colour === COLOURS.mask_worn_incorrect ? "#000" : "#fff";
  pen.fillText(text, x + size / 4, y + height / 2);
}

/** Make faces a few large blocks of one colour: too few to recognise anybody. */
export function blur_faces(pen: Pen, faces: Detections, scale: number): void {
  const { width, height } = pen.canvas;
  for (let i = 0; i < faces.length; i++) {
    const [left, top, right, bottom] = Array.from(faces.xyxy.subarray(4 * i, 4 * i + 4), (v) => v * scale);
    const [across, down] = [right - left, bottom - top];
    const x1 = Math.max(0, Math.floor(left - MARGIN * across));
    const y1 = Math.max(0, Math.floor(top - MARGIN * down));
    const x2 = Math.min(width, Math.ceil(right + MARGIN * across));
    const y2 = Math.min(height, Math.ceil(bottom + MARGIN * down));
    if (x1 >= x2 || y1 >= y2) continue;
    // The longer side decides: a face cut by the border is too short in the other direction.
    const block = Math.max(LEAST_BLOCK_PX, Math.ceil(Math.max(across, down) / BLOCKS));
    const region = pen.getImageData(x1, y1, x2 - x1, y2 - y1);
    average_blocks(region, block);
    pen.putImageData(region, x1, y1);
  }
}

/** Replace each block of pixels by its mean. */
export function average_blocks(region: ImageData, block: number): void {
  const { data, width, height } = region;
  for (let top = 0; top < height; top += block) {
    for (let left = 0; left < width; left += block) {
      const [right, bottom] = [Math.min(left + block, width), Math.min(top + block, height)];
      const sums = [0, 0, 0];
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) for (let k = 0; k < 3; k++) sums[k] += data[4 * (y * width + x) + k];
      }
      const number = (right - left) * (bottom - top);
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) for (let k = 0; k < 3; k++) data[4 * (y * width + x) + k] = sums[k] / number;
      }
    }
  }
}
