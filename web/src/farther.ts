/**
 * The farther look: the whole picture once more, smaller, where it shows near faces or none.
 *
 * Faces that fill a picture are larger than those that the network was trained on. Seen smaller they are found more
 * often, and labelled better.
 */

import { LEAST_ZOOM } from "./closer.ts";
import type { RawFaces } from "./decode.ts";
import type { ModelInfo } from "./model_file.ts";

// Minimum sum of the scores of other faces for which the first pass stands.
const LEAST_SUM = 0.3;

/** Return whether this model has a farther look that is clearly smaller than its input. */
export function worth_while({ farther_look: look, input }: ModelInfo): boolean {
  return look !== null && input.resize === "fit" && look.size * LEAST_ZOOM <= input.size;
}

/**
 * Return whether a first pass shows near faces or none, so that the picture is seen again, smaller.
 *
 * @param found faces of the first pass of at least `LEAST_SCORE`, one box each.
 * @param side the longer one of the picture, in the pixels of the boxes.
 */
export function shows_near_faces_only(found: RawFaces, side: number, info: ModelInfo): boolean {
  const look = info.farther_look;
  if (!look) return false;
  let sum = 0;
  for (let i = 0; i < found.length; i++) {
    const [x1, y1, x2, y2] = found.xyxy.subarray(4 * i, 4 * i + 4);
    if ((Math.sqrt((x2 - x1) * (y2 - y1)) * info.input.size) / side < look.face_px) sum += found.best[i];
  }
  return sum < LEAST_SUM;
}
