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
  return shared / Math.max(area(a, i) + area(b, j) - shared, 1e-9);
}

/** Return the part of box i of `a` that lies inside box j of `b`, 0 to 1. */
export function ioa(a: Boxes, i: number, b: Boxes, j: number): number {
  return intersection(a, i, b, j) / Math.max(area(a, i), 1e-9);
}

/** Return some of the boxes. */
export function take(boxes: Boxes, indices: readonly number[]): Boxes {
  const taken = new Float32Array(4 * indices.length);
  indices.forEach((from, to) => taken.set(boxes.subarray(4 * from, 4 * from + 4), 4 * to));
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
  const order = orderByFalling(confidence);
  const areas = order.map((i) => area(boxes, i));
  const dropped = new Uint8Array(order.length);
  const kept: number[] = [];
  for (let i = 0; i < order.length && kept.length < limit; i++) {
    if (dropped[i]) continue;
    kept.push(order[i]);
    for (let j = i + 1; j < order.length; j++) {
      if (dropped[j]) continue;
      const shared = intersection(boxes, order[i], boxes, order[j]);
      if (shared > iouThreshold * (areas[i] + areas[j] - shared)) dropped[j] = 1;
    }
  }
  return kept;
}
