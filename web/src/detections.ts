/** What a detector says about one picture. */

import { take } from "./boxes.ts";
import { LABELS } from "./labels.ts";
import { roundTo } from "./numbers.ts";

/** One face in JSON, as `crowdmask detect` writes it. */
export interface FaceRecord {
  /** x1, y1, x2, y2 in pixels of the upright photo. */
  box: [number, number, number, number];
  label: string;
  confidence: number;
}

/** One picture in JSON, as `crowdmask detect --json` writes it. */
export interface PictureRecord {
  source: string;
  width: number;
  height: number;
  detections: FaceRecord[];
  counts: Record<string, number>;
  model: string;
  model_hash: string;
}

/** The faces of one picture, highest confidence first. */
export class Detections {
  /**
   * @param xyxy N times x1, y1, x2, y2, pixels of the upright picture, clipped to it.
   * @param confidence N numbers, 0 to 1: how likely there is a face and it is as labelled.
   * @param class_id N indices into `names`.
   * @param names the labels of the model.
   */
  constructor(
    readonly xyxy: Float32Array,
    readonly confidence: Float32Array,
    readonly class_id: Int32Array,
    readonly names: readonly string[] = LABELS,
  ) {
    if (xyxy.length !== 4 * confidence.length || class_id.length !== confidence.length) {
      throw new RangeError("xyxy must have 4 numbers for each of confidence and class_id");
    }
  }

  /** Return the value for a picture without faces. */
  static empty(names: readonly string[] = LABELS): Detections {
    return new Detections(new Float32Array(0), new Float32Array(0), new Int32Array(0), names);
  }

  /** The number of faces. */
  get length(): number {
    return this.confidence.length;
  }

  /** The label of each face. */
  get labels(): string[] {
    return Array.from(this.class_id, (id) => this.names[id]);
  }

  /** Return some of the faces. */
  take(indices: readonly number[]): Detections {
    return new Detections(
      take(this.xyxy, indices),
      Float32Array.from(indices, (i) => this.confidence[i]),
      Int32Array.from(indices, (i) => this.class_id[i]),
      this.names,
    );
  }

  /** Return the faces that reach the minimum confidence of their label. */
  reaching(threshold: readonly number[]): Detections {
    const indices = Array.from(this.confidence.keys());
    return this.take(indices.filter((i) => this.confidence[i] >= Math.fround(threshold[this.class_id[i]])));
  }

  /** Return how many faces wear each label; all labels are always there. */
  counts(): Record<string, number> {
    const number = Object.fromEntries(this.names.map((name) => [name, 0]));
    for (const label of this.labels) number[label]++;
    return number;
  }

  /** Return plain values for JSON: box, label and confidence of each face. */
  to_records(): FaceRecord[] {
    return Array.from(this.confidence, (confidence, i) => ({
      box: Array.from(this.xyxy.subarray(4 * i, 4 * i + 4), (v) => roundTo(v, 2)) as FaceRecord["box"],
      label: this.names[this.class_id[i]],
      confidence: roundTo(confidence, 5),
    }));
  }
}

/** Return the JSON record of one picture; other programs rely on its fields. */
export function make_record(
  source: string,
  width: number,
  height: number,
  detections: Detections,
  model: string,
  model_hash: string,
): PictureRecord {
  return {
    source,
    width,
    height,
    detections: detections.to_records(),
    counts: detections.counts(),
    model,
    model_hash,
  };
}

/** Return a record as one line of JSON, byte by byte as Python writes it. */
export function to_json_line(record: PictureRecord): string {
  const faces = record.detections.map(
    ({ box, label, confidence }) =>
      `{"box": [${box.map(float).join(", ")}], "label": ${text(label)}, "confidence": ${float(confidence)}}`,
  );
  const counts = Object.entries(record.counts).map(([label, number]) => `${text(label)}: ${number}`);
  return (
    `{"source": ${text(record.source)}, "width": ${record.width}, "height": ${record.height}, ` +
    `"detections": [${faces.join(", ")}], "counts": {${counts.join(", ")}}, ` +
    `"model": ${text(record.model)}, "model_hash": ${text(record.model_hash)}}`
  );
}

function float(value: number): string {
  if (Number.isInteger(value)) return `${value}.0`;
  const [digits, exponent] = String(value).split("e-");
  return exponent === undefined ? pythonSmall(value) : `${digits}e-${exponent.padStart(2, "0")}`;
}

/** Python writes numbers under 0.0001 with an exponent, JavaScript only those under 0.000001. */
function pythonSmall(value: number): string {
  if (Math.abs(value) >= 1e-4) return String(value);
  return value.toExponential().replace(/e-(\d)$/, "e-0$1");
}

function text(value: string): string {
  // ASCII only, so that file names in any encoding survive.
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (sign) => (sign === "\u007f" ? sign : `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`),
  );
}
