/**
 * The closer look: a second, enlarged view of the part of a picture where faces are small.
 *
 * First the network sees the whole picture at a size that suits near faces and is fast. If it finds small faces, it
 * sees a part with as many of them as the budget allows again, enlarged; the two results are averaged.
 */

import { iou, suppress } from "./boxes.ts";
import { RawFaces } from "./decode.ts";
import type { ModelInfo } from "./model_file.ts";
import { indicesWhere, orderByFalling, round } from "./numbers.ts";
import { cut_at_border, scale_of, type View } from "./tiles.ts";

/** Minimum score of a small face that triggers a closer look. */
export const LEAST_SCORE = 0.15;
/** Minimum score of a box that is kept, in both passes. */
export const KEPT_SCORE = 0.02;
/** Minimum enlargement; below it the second pass shows nothing new. */
export const LEAST_ZOOM = 1.2;

const SMALL_PX = 16;
const LEAST_SUM = 0.3;
// Margin around a small face, in its own widths and heights: near one there are usually more.
const AROUND = 2;
// Weight of the closer look in the average. A face that one pass does not find has the score 0 there.
const WEIGHT = 0.8;
const LEAST_PARTNER = 0.1;

/** Return whether this model has a closer look that can show anything new. */
export function worth_while({ closer_look: look, input }: ModelInfo): boolean {
  return look !== null && input.resize === "fit" && look.size >= LEAST_ZOOM * input.size;
}

/**
 * Choose the part of a picture for the closer look; null if there is nothing to gain.
 *
 * @param found faces of the first pass, one box each, in pixels of the picture.
 */
export function closer_view(found: RawFaces, width: number, height: number, info: ModelInfo): View | null {
  const look = info.closer_look;
  const spec = info.input;
  if (!look || !worth_while(info)) return null;
  const side = Math.max(width, height);
  const best = found.best;
  const sides = (i: number) => [found.xyxy[4 * i + 2] - found.xyxy[4 * i], found.xyxy[4 * i + 3] - found.xyxy[4 * i + 1]];
  const small = indicesWhere(found.length, (i) => {
    const [w, h] = sides(i);
    return (Math.sqrt(w * h) * spec.size) / side < SMALL_PX && best[i] >= LEAST_SCORE;
  });
  if (!small.length || small.reduce((sum, i) => sum + best[i], 0) < LEAST_SUM) return null;
  const reach = small.map((i) => {
    const [w, h] = sides(i);
    const box = found.xyxy.subarray(4 * i, 4 * i + 4);
    return [
      Math.max(0, box[0] - AROUND * w),
      Math.max(0, box[1] - AROUND * h),
      Math.min(width, box[2] + AROUND * w),
      Math.min(height, box[3] + AROUND * h),
    ].map(Math.fround);
  });
  const zoom = look.size / side;
  const hull = densest(reach, small.map((i) => best[i]), (look.share * spec.size ** 2) / zoom ** 2);
  const [x1, y1] = [Math.floor(hull[0]), Math.floor(hull[1])];
  const [x2, y2] = [Math.ceil(hull[2]), Math.ceil(hull[3])];
  const longest = Math.max(x2 - x1, y2 - y1);
  const size = Math.max(1, round((longest * zoom) / spec.multiple)) * spec.multiple;
  const view = { x1, y1, x2, y2, size };
  return scale_of(view) > (LEAST_ZOOM * spec.size) / side ? view : null;
}

/**
 * Average the results of both passes inside the part; outside it the first pass stands.
 *
 * @param first faces of the whole picture, one box each.
 * @param second faces of the part, one box each, also in pixels of the picture.
 */
export function join(
  first: RawFaces,
  second: RawFaces,
  view: View,
  width: number,
  height: number,
  info: ModelInfo,
): RawFaces {
  const cut = cut_at_border(view, second.xyxy, width, height);
  const closer = second.take(indicesWhere(second.length, (i) => !cut[i]));
  // The closer look sees faces at its border incompletely: there the first pass stands.
  const cutFirst = cut_at_border(view, first.xyxy, width, height);
  const inside = cutFirst.map((isCut, i) => {
    const [x1, y1, x2, y2] = first.xyxy.subarray(4 * i, 4 * i + 4);
    return !isCut && x1 >= view.x1 && y1 >= view.y1 && x2 <= view.x2 && y2 <= view.y2;
  });
  const best = first.best;
  const pairs = pair(first, closer, inside.map((isInside, i) => isInside && best[i] >= LEAST_PARTNER), info.nms_iou);
  const { labels } = first;
  const xyxy = first.xyxy.slice();
  const scores = first.scores.map((score, k) => (inside[Math.floor(k / labels)] ? score * (1 - WEIGHT) : score));
  for (const [own, theirs] of pairs) {
    for (let k = 4 * own, other = 4 * theirs; k < 4 * own + 4; k++, other++) {
      xyxy[k] += WEIGHT * (closer.xyxy[other] - xyxy[k]);
    }
    for (let k = labels * own, other = labels * theirs; k < labels * (own + 1); k++, other++) {
      scores[k] = first.scores[k] + WEIGHT * (closer.scores[other] - first.scores[k]);
    }
  }
  const paired = new Set(pairs.map(([, theirs]) => theirs));
  const fresh = closer.take(indicesWhere(closer.length, (i) => !paired.has(i)));
  const everyone = new RawFaces(xyxy, scores, labels).and(
    new RawFaces(fresh.xyxy, fresh.scores.map((score) => WEIGHT * score), labels),
  );
  return everyone.take(suppress(everyone.xyxy, everyone.best, info.nms_iou, info.max_detections));
}

/**
 * Return the scores of the first and second pass below which no box can change a shown face.
 *
 * @param shown minimum score of the shown faces, after `join`.
 */
export function least_scores(shown: number): [number, number] {
  const second = (shown - (1 - WEIGHT)) / WEIGHT - 1e-3;
  return [shown > LEAST_PARTNER ? LEAST_PARTNER : KEPT_SCORE, Math.max(KEPT_SCORE, second)];
}

/** Match the boxes of both passes; the highest scores of the second pass choose first. */
function pair(first: RawFaces, second: RawFaces, may: boolean[], least: number): [own: number, theirs: number][] {
  const free = may.slice();
  const pairs: [number, number][] = [];
  for (const theirs of orderByFalling(second.best)) {
    let nearest = -1;
    let most = 0;
    for (let own = 0; own < first.length; own++) {
      const overlap = free[own] ? iou(first.xyxy, own, second.xyxy, theirs) : 0;
      if (overlap > most) [nearest, most] = [own, overlap];
    }
    if (nearest >= 0 && most >= least) {
      pairs.push([nearest, theirs]);
      free[nearest] = false;
    }
  }
  return pairs;
}

/**
 * Shrink the bounding box of some boxes until its area is small enough; those with a low score and a large area are
 * dropped first.
 *
 * @param reach x1, y1, x2, y2 of each; at least one.
 * @param worth value of each.
 * @param most maximum area; more only if a single box is left.
 */
function densest(reach: number[][], worth: number[], most: number): number[] {
  const outwards = [1, 1, -1, -1];
  // For each side, the boxes ordered from the outside; `at` is the outermost one that is left.
  const orders = outwards.map((sign, side) => orderByFalling(reach.map((box) => -sign * box[side])));
  const alive = reach.map(() => true);
  const at = [0, 0, 0, 0];
  for (let left = reach.length; ; left--) {
    orders.forEach((order, side) => {
      while (!alive[order[at[side]]]) at[side]++;
    });
    const hull = orders.map((order, side) => reach[order[at[side]]][side]);
    const area = (hull[2] - hull[0]) * (hull[3] - hull[1]);
    if (area <= most || left === 1) return hull;
    let highest = -1;
    let dropped = -1;
    orders.forEach((order, side) => {
      const outermost = order[at[side]];
      const following = order.slice(at[side] + 1).find((i) => alive[i])!;
      const smaller = hull.slice();
      smaller[side] = reach[following][side];
      const freed = area - (smaller[2] - smaller[0]) * (smaller[3] - smaller[1]);
      const gain = freed / (worth[outermost] + 0.05);
      if (gain > highest) [highest, dropped] = [gain, outermost];
    });
    alive[dropped] = false;
  }
}
