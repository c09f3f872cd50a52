/** What the page and its worker say to each other. */

import type { Device, Options } from "../src/index.ts";

/** A model file that this site has, as `site.json` lists it. */
export interface SiteModel {
  name: string;
  file: string;
  bytes: number;
  hash: string;
  /** Long side of the input that the page begins with, pixels; null: the model's own. */
  input_size: number | null;
}

/** What this site has. */
export interface Site {
  version: string;
  webgpu: boolean;
  models: SiteModel[];
}

/** Arrays of `Detections`, which do not survive the way between threads as an object. */
export interface PlainFaces {
  xyxy: Float32Array;
  confidence: Float32Array;
  class_id: Int32Array;
  names: readonly string[];
}

export type Request =
  | { kind: "load"; id: number; base: string; model: SiteModel; device: Device; threads: number }
  | { kind: "detect"; id: number; picture: Blob | ImageBitmap; options: Options; floor: number };

export interface Loaded {
  model: string;
  labels: readonly string[];
  threshold: readonly number[];
  input_size: number;
}

export interface Found {
  width: number;
  height: number;
  candidates: PlainFaces;
  milliseconds: number;
  /** The bitmap that was sent, given back. */
  picture: ImageBitmap | null;
}

export type Reply = { id: number; value: Loaded | Found } | { id: number; error: string; isPicture: boolean };
