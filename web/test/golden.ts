/** Reads the golden vectors of tests/golden/, which the Python package is held to as well. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { RawFaces, type NetworkAnswer } from "../src/decode.ts";
import { Detections } from "../src/detections.ts";
import { read_model_info } from "../src/model_file.ts";
import { on_white, type Picture } from "../src/pictures.ts";

// Bundled into web/dist/test/.
const GOLDEN = new URL("../../../tests/golden/", import.meta.url);

/** An array as the vectors hold it. */
export interface Packed {
  shape: number[];
  dtype: string;
  base64: string;
}

export interface Face {
  box: number[];
  label: string;
  confidence: number;
}

export function read(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(name, GOLDEN)));
}

export function cases(name: string): any[] {
  const content = JSON.parse(new TextDecoder().decode(read(`${name}.json`)));
  assert.equal(content.format, 1);
  assert.ok(content.cases.length > 0);
  return content.cases;
}

export function bytes(value: Packed): Uint8Array {
  assert.equal(value.dtype, "uint8");
  return new Uint8Array(Buffer.from(value.base64, "base64"));
}

export function floats(value: Packed): Float32Array {
  assert.equal(value.dtype, "float32");
  const copy = new Uint8Array(Buffer.from(value.base64, "base64"));
  return new Float32Array(copy.buffer);
}

export function picture(value: Packed): Picture {
  return { data: bytes(value), height: value.shape[0], width: value.shape[1] };
}

export const MODEL = read("tiny.onnx");
export const INFO = read_model_info(MODEL, "tiny.onnx");

export function rawFaces(value: { xyxy: Packed; scores: Packed }): RawFaces {
  return new RawFaces(floats(value.xyxy), floats(value.scores), value.scores.shape[1]);
}

export function answer(value: any): NetworkAnswer {
  const { input, scale, picture: sides } = value;
  return { scores: floats(value.scores), deltas: floats(value.deltas), prepared: { input, scale, picture: sides } };
}

export function detections(faces: Face[]): Detections {
  return new Detections(
    Float32Array.from(faces.flatMap((face) => face.box)),
    Float32Array.from(faces, (face) => face.confidence),
    Int32Array.from(faces, (face) => INFO.labels.indexOf(face.label)),
    INFO.labels,
  );
}

export function near(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  assert.equal(found.length, expected.length);
  for (let i = 0; i < found.length; i++) {
    assert.ok(Math.abs(found[i] - expected[i]) <= tolerance, `${i}: ${found[i]} is not ${expected[i]}`);
  }
}

export function check(found: Detections, expected: Face[], pixels = 1e-3, confidence = 1e-5): void {
  assert.deepEqual(found.labels, expected.map((face) => face.label));
  near(found.xyxy, expected.flatMap((face) => face.box), pixels);
  near(found.confidence, expected.map((face) => face.confidence), confidence);
}

export function checkRaw(found: RawFaces, expected: { xyxy: Packed; scores: Packed }): void {
  near(found.xyxy, floats(expected.xyxy), 1e-3);
  near(found.scores, floats(expected.scores), 1e-5);
}

/** Read a PNG of 8-bit RGB without interlacing, which is what the vectors hold. */
export async function png(name: string): Promise<Picture> {
  const { inflateSync } = await import("node:zlib");
  const file = Buffer.from(read(name));
  let [width, height, colours] = [0, 0, 0];
  const parts = [];
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at);
    const kind = file.toString("latin1", at + 4, at + 8);
    const body = file.subarray(at + 8, at + 8 + length);
    if (kind === "IHDR") {
      [width, height] = [body.readUInt32BE(0), body.readUInt32BE(4)];
      assert.deepEqual([body[8], body[12]], [8, 0]);
      colours = { 2: 3, 6: 4 }[body[9]]!;
      assert.ok(colours);
    } else if (kind === "IDAT") parts.push(body);
    at += length + 12;
  }
  const lines = inflateSync(Buffer.concat(parts));
  const pixels = new Uint8Array(width * height * colours);
  const stride = width * colours;
  for (let row = 0; row < height; row++) {
    const method = lines[row * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const left = x >= colours ? pixels[row * stride + x - colours] : 0;
      const up = row ? pixels[(row - 1) * stride + x] : 0;
      const corner = row && x >= colours ? pixels[(row - 1) * stride + x - colours] : 0;
      pixels[row * stride + x] = lines[row * (stride + 1) + 1 + x] + predicted(method, left, up, corner);
    }
  }
  if (colours === 4) return on_white(pixels, width, height);
  return { data: pixels, width, height };
}

function predicted(method: number, left: number, up: number, corner: number): number {
  if (method < 4) return [0, left, up, Math.floor((left + up) / 2)][method];
  const guess = left + up - corner;
  const [a, b, c] = [left, up, corner].map((value) => Math.abs(guess - value));
  return a <= b && a <= c ? left : b <= c ? up : corner;
}
