/** Arithmetic on boxes: arrays of N times x1, y1, x2, y2 in pixels. */

import { orderByFalling } from "./numbers.ts";

/** N boxes, 4 numbers each. */
export type Boxes = Float32Array;

/** Return the area of box i, in square pixels; 0 for an inverted one. */
export function area(boxes: Boxes, i: number): number {
  return Math.max(0, boxes[4 * i + 2] - boxes[4 * i]) * Math.max(0, boxes[4 * i + 3] - boxes[4 * i + 1]);
}

/** Return the area that box i of one array and box j of another share, in square pixels. */
export function intersection(a: Boxes, i: number, b: Boxes, j: number): number {
  const across = Math.min(a[4 * i + 2], b[4 * j + 2]) - Math.max(a[4 * i], b[4 * j]);
  const down = Math.min(a[4 * i + 3], b[4 * j + 3]) - Math.max(a[4 * i + 1], b[4 * j + 1]);
  return Math.max(0, across) * Math.max(0, down);
}

/** Return intersection over union of two boxes, 0 to 1. */
export function iou(a: Boxes, i: number, b: Boxes, j: number): number {
  const shared = intersection(a, i, b, j);
  // Most pairs are far apart.
  return shared && shared / Math.max(area(a, i) + area(b, j) - shared, 1e-9);
}

/** Return the part of box i of `a` that lies inside box j of `b`, 0 to 1. */
export function ioa(a: Boxes, i: number, b: Boxes, j: number): number {
  return intersection(a, i, b, j) / Math.max(area(a, i), 1e-9);
}

/** Return some of the boxes. */
export function take(boxes: Boxes, indices: readonly number[]): Boxes {
  return take_rows(boxes, 4, indices);
}

/** Return some rows of a table. */
export function take_rows(table: Float32Array, columns: number, indices: readonly number[]): Float32Array {
  const taken = new Float32Array(columns * indices.length);
  let to = 0;
  // Views of the rows would take ten times as long.
  for (const from of indices) for (let k = 0; k < columns; k++) taken[to++] = table[columns * from + k];
  return taken;
}

/** Return the boxes of two arrays, one after the other. */
export function concat(a: Float32Array, b: Float32Array): Float32Array {
  const both = new Float32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** Return the boxes scaled, then moved. */
export function place(boxes: Boxes, scale: readonly [number, number], x = 0, y = 0): Boxes {
  return boxes.map((value, k) => value * scale[k % 2] + (k % 2 ? y : x));
}

/**
 * Keep the most confident of the boxes that cover the same face (greedy non-maximum suppression).
 *
 * It works across classes: a face has one label, so it gets one box.
 *
 * @param iouThreshold two boxes with a higher IoU are the same face, 0 to 1.
 * @param limit maximum number of boxes to keep.
 * @returns numbers of the kept boxes, highest confidence first.
 */
export function suppress(
  boxes: Boxes,
  confidence: ArrayLike<number>,
  iouThreshold: number,
  limit: number,
): number[] {
  const kept: number[] = [];
  const edges = new Float32Array(4 * Math.min(limit, confidence.length));
  for (const i of orderByFalling(confidence)) {
    if (kept.length === limit) break;
    if (is_covered(boxes, i, edges, kept.length, iouThreshold)) continue;
    edges.set(boxes.subarray(4 * i, 4 * i + 4), 4 * kept.length);
    kept.push(i);
  }
  return kept;
}

/** Return whether one of the first boxes of `kept` covers the same face as box i. */
function is_covered(boxes: Boxes, i: number, kept: Boxes, number: number, iouThreshold: number): boolean {
  const [left, top, right, bottom] = boxes.subarray(4 * i, 4 * i + 4);
  const own = area(boxes, i);
  for (let k = 0, j = 0; j < number; k += 4, j++) {
    const across = Math.min(right, kept[k + 2]) - Math.max(left, kept[k]);
    if (across <= 0) continue;
    const down = Math.min(bottom, kept[k + 3]) - Math.max(top, kept[k + 1]);
    if (down <= 0) continue;
    const shared = across * down;
    if (shared > iouThreshold * (own + area(kept, j) - shared)) return true;
  }
  return false;
}
