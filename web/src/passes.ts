/** The network's output for each view of a picture, and the faces that follow from it. */

import { place } from "./boxes.ts";
import { closer_view, join, least_scores, LEAST_SCORE } from "./closer.ts";
import { boxes_above, suppress, type Decoder, type NetworkAnswer, type RawFaces } from "./decode.ts";
import { Detections } from "./detections.ts";
import { shows_near_faces_only } from "./farther.ts";
import { merge } from "./merge.ts";
import type { ModelInfo } from "./model_file.ts";
import { views_of, type TilePlan, type View } from "./tiles.ts";

/** The network's output for each view of one picture. */
export interface PictureAnswers {
  readonly plan: TilePlan;
  /** One for each view; with a closer look the second one is that of the part. */
  readonly answers: readonly NetworkAnswer[];
  /** Pixels of the photo per pixel of the plan, across and down. */
  readonly scale: readonly [number, number];
  /** The part of the closer look. */
  readonly closer: View | null;
}

/** Return the faces of the first pass that decide on a second one, in pixels of the picture in memory. */
export function sure_faces(width: number, height: number, first: NetworkAnswer, info: ModelInfo): RawFaces {
  const found = suppress(boxes_above(LEAST_SCORE, first, info), info);
  const [fullWidth, fullHeight] = first.prepared.picture;
  return found.at(place(found.xyxy, [width / fullWidth, height / fullHeight]));
}

/**
 * Choose the part for the closer look; null if there is nothing to gain.
 *
 * @param width of the picture in memory, pixels.
 * @param height of the picture in memory, pixels.
 */
export function part_with_small_faces(
  width: number,
  height: number,
  first: NetworkAnswer,
  info: ModelInfo,
): View | null {
  return closer_view(sure_faces(width, height, first, info), width, height, info);
}

/**
 * Return whether the picture is to be seen again, smaller, instead of the first pass.
 *
 * @param width of the picture in memory, pixels.
 * @param height of the picture in memory, pixels.
 */
export function calls_for_a_farther_look(
  width: number,
  height: number,
  first: NetworkAnswer,
  info: ModelInfo,
): boolean {
  return shows_near_faces_only(sure_faces(width, height, first, info), Math.max(width, height), info);
}

/** Turn the network's output into faces, one box each, highest confidence first, in pixels of the photo. */
export function to_faces({ plan, answers, scale, closer }: PictureAnswers, decoder: Decoder): Detections {
  const { info } = decoder;
  if (closer) {
    const least = least_scores(decoder.least_raw);
    const [first, second] = [0, 1].map((pass) => suppress(boxes_above(least[pass], answers[pass], info), info));
    const joined = join(
      first.at(place(first.xyxy, [1 / scale[0], 1 / scale[1]])),
      second.at(place(second.xyxy, [1, 1], closer.x1, closer.y1)),
      closer,
      plan.width,
      plan.height,
      info,
    );
    return decoder.label(joined.at(place(joined.xyxy, scale)));
  }
  const found = answers.map((answer) => decoder.decode(answer));
  if (!plan.tiles.length) return found[0];
  const views = views_of(plan);
  const moved = found.map((faces, i) => at(faces, place(faces.xyxy, [1, 1], views[i].x1, views[i].y1)));
  const merged = merge(plan, moved, info);
  return at(merged, place(merged.xyxy, scale));
}

function at(faces: Detections, xyxy: Float32Array): Detections {
  return new Detections(xyxy, faces.confidence, faces.class_id, faces.names);
}
