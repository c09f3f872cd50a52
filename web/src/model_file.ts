/** Reads the metadata of a model file: docs/model-file.md is the contract. */

import type { GridSpec } from "./default_boxes.ts";
import { ModelError } from "./errors.ts";
import { fields, replaced } from "./protobuf.ts";

const METADATA_KEY = "crowdmask";
const FORMAT = 1;

/** How a picture is turned into the network's input. */
export interface InputSpec {
  /** "fit" keeps the shape of the picture and pads; "stretch" does neither. */
  readonly resize: string;
  /** The long side ("fit") or both sides ("stretch"), pixels. */
  readonly size: number;
  /** "fit" pads right and bottom to a multiple of this. */
  readonly multiple: number;
  /** Grey value of the padding, 0 to 255. */
  readonly pad: number;
}

/** How often a raw score of one label was right; straight lines between the points. */
export interface Calibration {
  readonly raw: readonly number[];
  readonly confidence: readonly number[];
}

/** How a part of a picture with small faces is looked at a second time. */
export interface CloserLook {
  /** Scale of the second pass, as the long side that the whole picture would have, pixels. */
  readonly size: number;
  /** About the most pixels of the second input, relative to a square with the side of the first. */
  readonly share: number;
}

/** How a picture that shows near faces or none is looked at a second time, smaller. */
export interface FartherLook {
  /** Its long side in the second pass, pixels. */
  readonly size: number;
  /** Minimum size of a near face: the square root of its area in the first pass's input, pixels. */
  readonly face_px: number;
}

/** The metadata of a model file; lists follow the order of `labels`. */
export interface ModelInfo {
  readonly name: string;
  readonly architecture: string;
  readonly labels: readonly string[];
  readonly input: InputSpec;
  readonly grid: GridSpec;
  readonly variances: readonly [number, number];
  readonly nms_iou: number;
  readonly max_detections: number;
  readonly threshold: readonly number[];
  readonly calibration: readonly Calibration[] | null;
  readonly precision: string;
  readonly closer_look: CloserLook | null;
  readonly farther_look: FartherLook | null;
}

/**
 * Read the metadata of a model file.
 *
 * @param file the whole ONNX file.
 * @param origin its name, for messages.
 */
export function read_model_info(file: Uint8Array, origin = "the model file"): ModelInfo {
  return parse_metadata(read_metadata(file, origin), origin);
}

/** Read all metadata of an ONNX file: entries of its field 14, each a key and a value. */
export function read_metadata(file: Uint8Array, origin = "the model file"): Record<string, string> {
  const found: Record<string, string> = {};
  try {
    for (const [field, entry] of fields(file)) {
      if (field !== 14 || !entry) continue;
      const pair: Record<number, string> = {};
      for (const [part, bytes] of fields(entry)) if (bytes) pair[part] = new TextDecoder().decode(bytes);
      found[pair[1] ?? ""] = pair[2] ?? "";
    }
  } catch (error) {
    throw new ModelError(`${origin}: not an ONNX file, or damaged: get it again`, { cause: error });
  }
  return found;
}

/**
 * Return an ONNX file without the shapes that it notes of inner values (field 13 of its graph, which is field 7).
 *
 * Files of version 0.1.0 hold some that contradict their operators, for which ONNX Runtime Web refuses them.
 */
export function without_inner_shapes(file: Uint8Array, origin = "the model file"): Uint8Array {
  try {
    return replaced(file, 7, (graph) => replaced(graph, 13, () => null));
  } catch (error) {
    throw new ModelError(`${origin}: not an ONNX file, or damaged: get it again`, { cause: error });
  }
}

/**
 * Check and read a model file's metadata.
 *
 * @param metadata all keys of the file.
 * @param origin the file, for messages.
 */
export function parse_metadata(metadata: Record<string, string>, origin: string): ModelInfo {
  if (!(METADATA_KEY in metadata)) {
    throw new ModelError(`${origin}: an ONNX file, but not one of crowdmask's: make one with  crowdmask export`);
  }
  let value: any;
  try {
    value = JSON.parse(metadata[METADATA_KEY]);
  } catch {
    throw new ModelError(`${origin}: its metadata are damaged: export the model again`);
  }
  if (value?.format !== FORMAT) {
    throw new ModelError(
      `${origin}: format ${JSON.stringify(value?.format)} of a model file is not the ${FORMAT} that this version ` +
        "reads: update crowdmask or export the model again",
    );
  }
  try {
    return parse(value);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ModelError(`${origin}: its metadata are damaged (${reason}): export the model again`);
  }
}

function parse(value: any): ModelInfo {
  const labels: string[] = value.labels.map(String);
  require(labels.length > 0 && new Set(labels).size === labels.length, "labels must be different ones");
  const input: InputSpec = {
    resize: String(value.input.resize),
    size: number(value.input.size, "input.size"),
    multiple: number(value.input.multiple, "input.multiple"),
    pad: number(value.input.pad, "input.pad"),
  };
  require(["fit", "stretch"].includes(input.resize), `resize is ${input.resize}, not fit or stretch`);
  require(input.size > 0 && input.multiple > 0, "input size and multiple must be above 0");
  require(input.pad >= 0 && input.pad <= 255, "pad must be 0 to 255");
  const grid: GridSpec = { strides: value.grid.strides.map(Number), shapes: value.grid.shapes };
  const levels = grid.strides.length;
  require(levels > 0 && levels === grid.shapes.length && Math.min(...grid.strides) > 0, "the grid is incomplete");
  const threshold = labels.map((label) => number(value.threshold[label], `threshold of ${label}`));
  require(threshold.every((least) => least >= 0 && least <= 1), "thresholds must be 0 to 1");
  const [centre, extent] = value.variances.map(Number);
  require(centre > 0 && extent > 0, "variances must be above 0");
  const nmsIou = number(value.nms_iou, "nms_iou");
  require(nmsIou > 0 && nmsIou <= 1, "nms_iou must be 0 to 1");
  const most = number(value.max_detections, "max_detections");
  require(most > 0, "max_detections must be above 0");
  return {
    name: String(value.name),
    architecture: String(value.architecture),
    labels,
    input,
    grid,
    variances: [centre, extent],
    nms_iou: nmsIou,
    max_detections: most,
    threshold,
    calibration: value.calibration ? labels.map((label) => parseTable(value.calibration[label], label)) : null,
    precision: String(value.precision ?? "fp32"),
    closer_look: parseCloserLook(value.closer_look, input),
    farther_look: parseFartherLook(value.farther_look, input),
  };
}

function parseCloserLook(value: any, input: InputSpec): CloserLook | null {
  if (value === null || value === undefined) return null;
  const look = { size: number(value.size, "closer_look.size"), share: number(value.share, "closer_look.share") };
  require(input.resize === "fit", "a closer look needs an input that keeps the picture's shape");
  require(look.size > 0 && look.share > 0 && look.share <= 4, "closer_look is out of range");
  return look;
}

function parseFartherLook(value: any, input: InputSpec): FartherLook | null {
  if (value === null || value === undefined) return null;
  const look = { size: number(value.size, "farther_look.size"), face_px: number(value.face_px, "farther_look.face_px") };
  require(input.resize === "fit", "a farther look needs an input that keeps the picture's shape");
  require(look.size > 0 && look.face_px > 0, "farther_look is out of range");
  return look;
}

function parseTable(table: any, label: string): Calibration {
  const raw: number[] = table.raw.map(Number);
  const confidence: number[] = table.confidence.map(Number);
  const rising = raw.every((score, i) => i === 0 || raw[i - 1] < score);
  const neverFalling = confidence.every((share, i) => i === 0 || confidence[i - 1] <= share);
  require(
    raw.length > 0 && raw.length === confidence.length && rising && neverFalling,
    `the calibration of ${label} must map rising scores to confidences that never fall`,
  );
  require(confidence[0] >= 0 && confidence[confidence.length - 1] <= 1, `the calibration of ${label} must be 0 to 1`);
  return { raw, confidence };
}

function number(value: unknown, name: string): number {
  require(typeof value === "number" && Number.isFinite(value), `${name} is missing or no number`);
  return value as number;
}

function require(holds: boolean, message: string): asserts holds {
  if (!holds) throw new RangeError(message);
}
