/**
 * Turn the network's output into faces.
 *
 * Nearly all default boxes are background, so scores are compared first, and only the few that pass are decoded,
 * suppressed and calibrated.
 */

import { concat, suppress as suppressBoxes, take, take_rows, type Boxes } from "./boxes.ts";
import { default_boxes } from "./default_boxes.ts";
import { Detections } from "./detections.ts";
import { ModelError } from "./errors.ts";
import type { Calibration, ModelInfo } from "./model_file.ts";
import { indicesWhere, orderByFalling } from "./numbers.ts";
import type { Prepared } from "./preprocess.ts";

/** Most boxes, the most confident ones, that are decoded and suppressed. */
export const MAX_CANDIDATES = 3000;
/** Minimum side of a face's box, in pixels of the photo. */
export const MIN_BOX_PX = 1;
/** A larger exponent would make a box larger than any picture, or overflow. */
const MAX_EXPONENT = 8;

/** The network's output for one input. */
export interface NetworkAnswer {
  /** A times L numbers, 0 to 1: how likely there is a face with each label. */
  readonly scores: Float32Array;
  /** A times 4 offsets from the default boxes. */
  readonly deltas: Float32Array;
  /** The input: its size, its scale and that of the photo. */
  readonly prepared: Omit<Prepared, "tensor">;
}

/** Boxes with the network's scores, before calibration and thresholds. */
export class RawFaces {
  /**
   * @param xyxy N times 4, pixels of the upright photo.
   * @param scores N times L, 0 to 1.
   * @param labels L.
   */
  constructor(
    readonly xyxy: Boxes,
    readonly scores: Float32Array,
    readonly labels: number,
  ) {}

  get length(): number {
    return this.xyxy.length / 4;
  }

  /** The highest score of each box. */
  get best(): Float32Array {
    const best = new Float32Array(this.length);
    for (let i = 0; i < best.length; i++) best[i] = this.scores[i * this.labels + this.class_of(i)];
    return best;
  }

  /** Return the label with the highest score of box i, the first of equal ones. */
  class_of(i: number): number {
    let best = 0;
    for (let k = 1; k < this.labels; k++) {
      if (this.scores[i * this.labels + k] > this.scores[i * this.labels + best]) best = k;
    }
    return best;
  }

  /** Return a part of the boxes. */
  take(indices: readonly number[]): RawFaces {
    return new RawFaces(take(this.xyxy, indices), take_rows(this.scores, this.labels, indices), this.labels);
  }

  /** Return these boxes and then others. */
  and(others: RawFaces): RawFaces {
    return new RawFaces(concat(this.xyxy, others.xyxy), concat(this.scores, others.scores), this.labels);
  }

  /** Return the same scores with other boxes. */
  at(xyxy: Boxes): RawFaces {
    return new RawFaces(xyxy, this.scores, this.labels);
  }
}

/** Turns the output of one model into detections. */
export class Decoder {
  /**
   * @param info the model's metadata.
   * @param threshold minimum confidence of each label, in the order of the model's labels.
   */
  constructor(
    readonly info: ModelInfo,
    readonly threshold: readonly number[],
  ) {}

  /** Return the faces of one input, highest confidence first, in pixels of the photo. */
  decode(answer: NetworkAnswer): Detections {
    return this.label(suppress(boxes_above(this.least_raw, answer, this.info), this.info));
  }

  /** Assign labels and confidences to boxes, one a face; keep those that pass the thresholds. */
  label(raw: RawFaces): Detections {
    const classes = Int32Array.from({ length: raw.length }, (_, i) => raw.class_of(i));
    let confidence = raw.best;
    const tables = this.info.calibration;
    if (tables) confidence = confidence.map((score, i) => interpolate(score, tables[classes[i]]));
    const everyone = new Detections(raw.xyxy, confidence, classes, this.info.labels);
    return everyone.take(orderByFalling(confidence)).reaching(this.threshold);
  }

  /** Return the score below which no label can reach its threshold. */
  get least_raw(): number {
    const tables = this.info.calibration;
    if (!tables) return Math.min(...this.threshold) - 1e-6;
    return Math.min(...tables.map((table, i) => lowest_raw(table, this.threshold[i])));
  }
}

/**
 * Decode the boxes whose best score is high enough; there are still several for each face.
 *
 * @param least minimum score, not calibrated.
 * @returns up to `MAX_CANDIDATES` boxes, highest score first, clipped to the photo.
 */
export function boxes_above(least: number, answer: NetworkAnswer, info: ModelInfo): RawFaces {
  const { scores, deltas, prepared } = answer;
  const labels = info.labels.length;
  const anchors = default_boxes(info.grid, ...prepared.input);
  const number = anchors.length / 4;
  if (scores.length !== labels * number || deltas.length !== 4 * number) {
    throw new ModelError(
      `the model ${info.name} does not fit its metadata: ${number} default boxes at ${prepared.input.join(" x ")}, ` +
        `but ${scores.length} scores and ${deltas.length} deltas: export it again`,
    );
  }
  let index = boxes_reaching(least, scores, labels);
  const everyone = new RawFaces(anchors, scores, labels);
  const best = everyone.take(index).best;
  index = orderByFalling(best).slice(0, MAX_CANDIDATES).map((i) => index[i]);
  const xyxy = new Float32Array(4 * index.length);
  index.forEach((from, to) => decode_box(deltas, anchors, from, info.variances, xyxy, to));
  for (let i = 0; i < xyxy.length; i++) {
    xyxy[i] = Math.min(Math.max(xyxy[i] / prepared.scale[i % 2], 0), prepared.picture[i % 2]);
  }
  const solid = indicesWhere(
    index.length,
    (i) => xyxy[4 * i + 2] - xyxy[4 * i] >= MIN_BOX_PX && xyxy[4 * i + 3] - xyxy[4 * i + 1] >= MIN_BOX_PX,
  );
  return new RawFaces(xyxy, everyone.take(index).scores, labels).take(solid);
}

/** Return the numbers of the boxes with a score that is high enough: a few of thousands. */
function boxes_reaching(least: number, scores: Float32Array, labels: number): number[] {
  const found: number[] = [];
  for (let at = 0; at < scores.length; ) {
    const box = at / labels;
    let reaches = false;
    for (const end = at + labels; at < end; at++) reaches ||= scores[at] >= least;
    if (reaches) found.push(box);
  }
  return found;
}

/**
 * Keep one box for each face.
 *
 * The raw scores decide the order: calibration is done separately for each label, and its small errors would
 * reorder boxes of one face with different labels.
 */
export function suppress(raw: RawFaces, info: ModelInfo): RawFaces {
  return raw.take(suppressBoxes(raw.xyxy, raw.best, info.nms_iou, info.max_detections));
}

/** Turn offsets from default box `from` into box `to` in input pixels (Liu et al., SSD, 2016, section 2.2). */
function decode_box(
  deltas: Float32Array,
  anchors: Float32Array,
  from: number,
  variances: readonly [number, number],
  xyxy: Boxes,
  to: number,
): void {
  // Across, then down.
  for (let d = 4 * from, k = 4 * to; d < 4 * from + 2; d++, k++) {
    const centre = anchors[d] + deltas[d] * variances[0] * anchors[d + 2];
    const half = (anchors[d + 2] * Math.exp(Math.min(deltas[d + 2] * variances[1], MAX_EXPONENT))) / 2;
    xyxy[k] = centre - half;
    xyxy[k + 2] = centre + half;
  }
}

/** Lead a score through a label's table. */
export function interpolate(score: number, { raw, confidence }: Calibration): number {
  const last = raw.length - 1;
  if (score <= raw[0]) return confidence[0];
  if (score >= raw[last]) return confidence[last];
  const i = raw.findIndex((point) => point > score);
  const share = (score - raw[i - 1]) / (raw[i] - raw[i - 1]);
  return confidence[i - 1] + share * (confidence[i] - confidence[i - 1]);
}

/** Return (slightly below) the lowest score whose calibrated confidence is at least this. */
export function lowest_raw({ raw, confidence }: Calibration, least: number): number {
  const wanted = least - 1e-6;
  if (confidence[0] >= wanted) return -Infinity;
  if (confidence[confidence.length - 1] < wanted) return Infinity;
  const i = confidence.findIndex((share) => share >= wanted);
  const share = (wanted - confidence[i - 1]) / (confidence[i] - confidence[i - 1]);
  return raw[i - 1] + (raw[i] - raw[i - 1]) * share - 1e-6;
}
