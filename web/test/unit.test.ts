import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Decoder, interpolate, lowest_raw } from "../src/decode.ts";
import { Detections, make_record, to_json_line } from "../src/detections.ts";
import { Detector } from "../src/detector.ts";
import { ModelError, UsageError } from "../src/errors.ts";
import { across_filtered, across_in_script, down_filtered, down_in_script } from "../src/filters.ts";
import { describe as words } from "../src/labels.ts";
import { parse_metadata, read_metadata, read_model_info, without_inner_shapes } from "../src/model_file.ts";
import { round, roundTo } from "../src/numbers.ts";
import { crop, on_white, reduce } from "../src/pictures.ts";
import { filter } from "../src/resize.ts";
import { check_setting } from "../src/tiles.ts";
import { INFO, MODEL, near, read } from "./golden.ts";

describe("numbers as in Python", () => {
  for (const [value, expected] of [[0.5, 0], [1.5, 2], [2.5, 2], [-0.5, 0], [2.4999, 2], [7, 7]]) {
    test(`round(${value})`, () => assert.equal(round(value) + 0, expected));
  }
  for (const [value, decimals, expected] of [[10.125, 2, 10.12], [10.375, 2, 10.38], [0.8999999761581421, 5, 0.9]]) {
    test(`round(${value}, ${decimals})`, () => assert.equal(roundTo(value, decimals), expected));
  }
});

describe("records", () => {
  const faces = new Detections(
    Float32Array.of(1, 2.125, 30.5, 40.25), Float32Array.of(0.97251), Int32Array.of(1), INFO.labels,
  );

  test("a line is byte by byte what Python's json.dumps writes", () => {
    const line = to_json_line(make_record("Café \"1\".jpg", 640, 480, faces, "crowd", "0123456789abcdef"));
    assert.equal(
      line,
      '{"source": "Caf\\u00e9 \\"1\\".jpg", "width": 640, "height": 480, "detections": [{"box": [1.0, 2.12, 30.5, ' +
        '40.25], "label": "without_mask", "confidence": 0.97251}], "counts": {"with_mask": 0, "without_mask": 1, ' +
        '"mask_worn_incorrect": 0}, "model": "crowd", "model_hash": "0123456789abcdef"}',
    );
  });

  for (const [confidence, expected] of [[1, "1.0"], [0.00005, "5e-05"], [0, "0.0"], [0.5, "0.5"]] as const) {
    test(`confidence ${confidence}`, () => {
      const one = new Detections(new Float32Array(4), Float32Array.of(confidence), Int32Array.of(0));
      assert.match(to_json_line(make_record("a", 1, 1, one, "m", "h")), new RegExp(`"confidence": ${expected}}`));
    });
  }

  test("faces are shown in words", () => assert.equal(words("with_mask", 0.973), "Mask 97.3 %"));

  test("arrays of other lengths are refused", () => {
    assert.throws(() => new Detections(new Float32Array(3), Float32Array.of(1), Int32Array.of(0)), RangeError);
  });
});

describe("model files", () => {
  test("what is no ONNX file is refused in words", () => {
    const noise = new TextEncoder().encode("<!doctype html><title>404</title> not found");
    assert.throws(() => read_model_info(noise, "a.onnx"), (error: Error) =>
      error instanceof ModelError && /^a\.onnx: /.test(error.message));
    assert.throws(() => read_model_info(MODEL.subarray(0, 3000), "a.onnx"), ModelError);
  });

  const metadata = read_metadata(MODEL);
  const changes: [string, (value: any) => void][] = [
    ["a later format", (value) => (value.format = 2)],
    ["no labels", (value) => (value.labels = [])],
    ["no threshold", (value) => delete value.threshold.with_mask],
    ["a threshold above 1", (value) => (value.threshold.with_mask = 2)],
    ["falling confidences", (value) => (value.calibration.with_mask.confidence = [0.5, 0.1])],
    ["no grid", (value) => delete value.grid],
    ["an unknown resizing", (value) => (value.input.resize = "crop")],
    ["a closer look without size", (value) => (value.closer_look = { share: 1 })],
    ["a farther look without size", (value) => (value.farther_look = { face_px: 90 })],
    ["a farther look of nothing", (value) => (value.farther_look = { size: 0, face_px: 90 })],
  ];
  for (const [name, change] of changes) {
    test(`${name} is refused`, () => {
      const value = JSON.parse(metadata.crowdmask);
      change(value);
      assert.throws(() => parse_metadata({ crowdmask: JSON.stringify(value) }, "a.onnx"), ModelError);
    });
  }

  test("unknown fields are ignored", () => {
    const value = { ...JSON.parse(metadata.crowdmask), later: 1 };
    assert.deepEqual(parse_metadata({ crowdmask: JSON.stringify(value) }, "a.onnx"), INFO);
  });

  test("shapes of inner values are taken out, nothing else", () => {
    const old = read("0.1.0/tiny-int8.onnx");
    const mended = without_inner_shapes(old);
    assert.ok(mended.length < old.length);
    assert.deepEqual(read_metadata(mended), read_metadata(old));
    assert.equal(without_inner_shapes(mended), mended);
  });
});

describe("decoding", () => {
  const table = { raw: [0.2, 0.4, 0.9], confidence: [0.1, 0.3, 0.8] };

  test("scores are led through the table", () => {
    near([0.1, 0.3, 0.4, 1].map((score) => interpolate(score, table)), [0.1, 0.2, 0.3, 0.8], 1e-12);
  });

  for (const [least, expected] of [[0.05, -Infinity], [0.9, Infinity], [0.3, 0.4]]) {
    test(`lowest score for ${least}`, () => {
      const found = lowest_raw(table, least);
      assert.ok(found === expected || (found < expected && expected - found < 1e-5));
    });
  }

  test("answers that do not fit the grid are refused", () => {
    const prepared = { input: [64, 64], scale: [1, 1], picture: [64, 64] } as const;
    const answer = { scores: new Float32Array(3), deltas: new Float32Array(4), prepared };
    assert.throws(() => new Decoder(INFO, INFO.threshold).decode(answer), ModelError);
  });
});

describe("pictures", () => {
  test("transparent pixels become white", () => {
    const made = on_white(Uint8Array.of(10, 20, 30, 255, 10, 20, 30, 0, 0, 100, 200, 128), 3, 1);
    assert.deepEqual([...made.data], [10, 20, 30, 255, 255, 255, 127, 177, 227]);
  });

  for (const pixels of [0, 1, 3, 4, 7, 4096, 4099, 8192, 10_001]) {
    for (const alpha of ["opaque", "transparent in one place", "transparent everywhere"]) {
      test(`${pixels} pixels, ${alpha}, keep their colours on white`, () => {
        const rgba = Uint8Array.from({ length: 4 * pixels }, (_, i) => (i % 4 === 3 ? 255 : (i * 7919) % 251));
        if (alpha === "transparent everywhere") for (let i = 3; i < rgba.length; i += 4) rgba[i] = i % 255;
        if (alpha === "transparent in one place" && pixels) rgba[4 * Math.floor(pixels / 2) + 3] = 100;
        const made = on_white(rgba, pixels, 1).data;
        const expected = Array.from({ length: 3 * pixels }, (_, i) => {
          const at = 4 * Math.floor(i / 3);
          const share = rgba[at + 3] / 255;
          return Math.round(rgba[at + (i % 3)] * share + 255 * (1 - share));
        });
        assert.deepEqual([...made], expected);
      });
    }
  }

  for (const [width, height, to] of [[61, 37, 23], [9, 2, 30], [1, 1, 1], [1500, 3000, 401]]) {
    test(`${width} x ${height} pixels are filtered to ${to} alike with SIMD and without`, () => {
      const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * 7919) % 251 | (i % 5 ? 0 : 255));
      const across = filter(width, width, to);
      const rows = across_filtered(data, width, height, across);
      assert.deepEqual(Buffer.from(rows), Buffer.from(across_in_script(data, width, height, across)));
      const down = filter(height, height - 0.5, to);
      assert.deepEqual(Buffer.from(down_filtered(rows, to, down)), Buffer.from(down_in_script(rows, to, down)));
    });
  }

  test("a part is cut out", () => {
    const data = Uint8Array.from({ length: 3 * 4 * 3 }, (_, i) => i);
    assert.deepEqual([...crop({ data, width: 4, height: 3 }, 1, 1, 3, 2).data], [15, 16, 17, 18, 19, 20]);
  });

  test("blocks at the border are means of the pixels that are there", () => {
    const data = Uint8Array.from([0, 10, 20].flatMap((value) => [value, value, value]));
    assert.deepEqual([...reduce({ data, width: 3, height: 1 }, 2, 2).data], [5, 5, 5, 20, 20, 20]);
  });
});

describe("options", () => {
  for (const [options, words] of [
    [{ confidence: 1.5 }, /confidence must be 0 to 1/],
    [{ confidence: NaN }, /confidence must be 0 to 1/],
    [{ input_size: 20 }, /input size must be 64 to 4096/],
    [{ input_size: 448.5 }, /input size/],
    [{ tiles: "0x2" }, /tiles must be off, auto/],
    [{ tiles: "33x1" }, /tiles must be/],
  ] as const) {
    test(`${JSON.stringify(options)} is refused before anything is loaded`, async () => {
      await assert.rejects(Detector.load(MODEL, options), (error: Error) =>
        error instanceof UsageError && words.test(error.message));
    });
  }

  test("grids are accepted with both signs", () => assert.equal(check_setting("3×2"), "3×2"));

  test("a picture under 8 pixels has no faces", async () => {
    const detector = await Detector.load(MODEL);
    const faces = await detector.detect({ data: new Uint8Array(3 * 7 * 40), width: 7, height: 40 });
    assert.equal(faces.length, 0);
  });

  test("a label has another threshold than the one asked for only without confidence", async () => {
    const detector = await Detector.load(MODEL);
    assert.deepEqual(detector.with_options({ confidence: 0.3 }).threshold, [0.3, 0.3, 0.3]);
    assert.deepEqual(detector.threshold, INFO.threshold);
  });
});
