/**
 * Merge the faces found in all views of a picture: one box for each face.
 *
 * If a tile's border cuts a face, the tile shows only a part of it, and the box ends there. If another view shows the
 * whole face, this box is dropped; otherwise the parts are joined.
 */

import { area, intersection, ioa, suppress, type Boxes } from "./boxes.ts";
import { Detections } from "./detections.ts";
import type { ModelInfo } from "./model_file.ts";
import { indicesWhere, orderByFalling } from "./numbers.ts";
import { cut_at_border, views_of, type TilePlan, type View } from "./tiles.ts";

// Faces smaller than this are taken from the tiles, which show them better than the whole picture.
const WHOLE_FROM = 0.8;
const COVERED = 0.5;
const INSIDE = 0.7;
// A box that covers a cut one but has a far lower score is not the better one.
const MUCH_LESS_SURE = 0.3;
// Two cut boxes are parts of one face if they overlap and nearly fill their common bounding box.
const PARTS_OVERLAP = 0.05;
const HULL_EXCESS = 1.25;

/** All faces of all views, and what is known of each. */
interface Everyone {
  readonly xyxy: Boxes;
  readonly confidence: Float32Array;
  readonly class_id: Int32Array;
  /** Number of its view: 0 is the whole picture, then the tiles. */
  readonly view: number[];
  /** Whether it ends at a border of its view that lies inside the picture. */
  readonly cut: boolean[];
  readonly wanted: boolean[];
}

/**
 * Merge the faces of all views, highest confidence first.
 *
 * @param found the faces of each view, in the plan's order, in pixels of the whole picture.
 */
export function merge(plan: TilePlan, found: readonly Detections[], info: ModelInfo): Detections {
  if (!plan.tiles.length) return found[0];
  const every = gather(plan, found);
  superseded(plan, every).forEach((worse, i) => worse && (every.wanted[i] = false));
  fragments(plan, every).forEach((fragment, i) => fragment && (every.wanted[i] = false));
  joinParts(every);
  const { xyxy, confidence, class_id, wanted } = every;
  const left = new Detections(xyxy, confidence, class_id, found[0].names).take(
    indicesWhere(wanted.length, (i) => wanted[i]),
  );
  return left.take(suppress(left.xyxy, left.confidence, info.nms_iou, info.max_detections * plan.tiles.length));
}

function gather(plan: TilePlan, found: readonly Detections[]): Everyone {
  const views = views_of(plan);
  const xyxy = Float32Array.from(found.flatMap((each) => Array.from(each.xyxy)));
  const view = found.flatMap((each, number) => Array<number>(each.length).fill(number));
  const least = WHOLE_FROM * plan.overlap_px;
  return {
    xyxy,
    confidence: Float32Array.from(found.flatMap((each) => Array.from(each.confidence))),
    class_id: Int32Array.from(found.flatMap((each) => Array.from(each.class_id))),
    view,
    cut: found.flatMap((each, number) => cut_at_border(views[number], each.xyxy, plan.width, plan.height)),
    wanted: view.map(
      (number, i) =>
        number > 0 || Math.max(xyxy[4 * i + 2] - xyxy[4 * i], xyxy[4 * i + 3] - xyxy[4 * i + 1]) >= least,
    ),
  };
}

/** Return which boxes to drop where one view cuts a face and another one shows it whole. */
function superseded(plan: TilePlan, { xyxy, confidence, view, cut, wanted }: Everyone): boolean[] {
  const worse = view.map(() => false);
  plan.tiles.forEach((tile, index) => {
    const number = index + 1;
    const parts = indicesWhere(view.length, (i) => cut[i] && wanted[i] && view[i] === number);
    const others = indicesWhere(
      view.length,
      (i) => !cut[i] && wanted[i] && view[i] !== number && reaches(xyxy, i, tile),
    );
    for (const part of parts) {
      for (const other of others) {
        if (ioa(xyxy, part, xyxy, other) < COVERED) continue;
        const unsure = confidence[other] < MUCH_LESS_SURE * confidence[part];
        worse[unsure ? other : part] = true;
      }
    }
  });
  return worse;
}

/** Return which boxes lie inside a more confident one that does not fit into their own tile. */
function fragments(plan: TilePlan, { xyxy, confidence, view, cut, wanted }: Everyone): boolean[] {
  const fragment = view.map(() => false);
  plan.tiles.forEach((tile, index) => {
    const entire = indicesWhere(view.length, (i) => wanted[i] && !cut[i]);
    const mine = entire.filter((i) => view[i] === index + 1);
    // If the tile shows the larger one too, it found both faces, and both are kept.
    const beyond = entire.filter(
      (i) => view[i] !== index + 1 && !within(xyxy, i, tile) && reaches(xyxy, i, tile),
    );
    for (const i of mine) {
      fragment[i] = beyond.some((j) => ioa(xyxy, i, xyxy, j) >= INSIDE && confidence[j] >= confidence[i]);
    }
  });
  return fragment;
}

function reaches(xyxy: Boxes, i: number, tile: View): boolean {
  const [x1, y1, x2, y2] = xyxy.subarray(4 * i, 4 * i + 4);
  return x1 < tile.x2 && y1 < tile.y2 && x2 > tile.x1 && y2 > tile.y1;
}

function within(xyxy: Boxes, i: number, tile: View): boolean {
  const [x1, y1, x2, y2] = xyxy.subarray(4 * i, 4 * i + 4);
  return x1 >= tile.x1 && y1 >= tile.y1 && x2 <= tile.x2 && y2 <= tile.y2;
}

/** Join the parts of a face that no view shows completely; the most confident part gives confidence and label. */
function joinParts({ xyxy, confidence, view, cut, wanted }: Everyone): void {
  const order = orderByFalling(confidence).filter((i) => cut[i] && wanted[i]);
  for (let joined = true; joined; ) {
    joined = false;
    order.forEach((first, position) => {
      if (!wanted[first]) return;
      const fitting = order
        .slice(position + 1)
        .filter((i) => wanted[i] && view[i] !== view[first] && one_face(xyxy, first, i));
      for (const i of fitting) {
        for (let side = 0; side < 4; side++) {
          const extreme = side < 2 ? Math.min : Math.max;
          xyxy[4 * first + side] = extreme(xyxy[4 * first + side], xyxy[4 * i + side]);
        }
        wanted[i] = false;
        joined = true;
      }
    });
  }
}

/** Return whether two boxes continue each other. */
function one_face(xyxy: Boxes, i: number, j: number): boolean {
  const shared = intersection(xyxy, i, xyxy, j);
  const [areaI, areaJ] = [area(xyxy, i), area(xyxy, j)];
  const width = Math.max(xyxy[4 * i + 2], xyxy[4 * j + 2]) - Math.min(xyxy[4 * i], xyxy[4 * j]);
  const height = Math.max(xyxy[4 * i + 3], xyxy[4 * j + 3]) - Math.min(xyxy[4 * i + 1], xyxy[4 * j + 1]);
  return shared > PARTS_OVERLAP * Math.min(areaI, areaJ) && width * height < HULL_EXCESS * (areaI + areaJ - shared);
}
