import assert from "node:assert/strict";
import { before, describe, test } from "node:test";

import { join } from "../src/closer.ts";
import { boxes_above, Decoder, suppress } from "../src/decode.ts";
import { Detector, hash_of, runtimeOfPlace } from "../src/detector.ts";
import { merge } from "../src/merge.ts";
import { calls_for_a_farther_look, part_with_small_faces, to_faces } from "../src/passes.ts";
import { prepare } from "../src/preprocess.ts";
import { plan_tiles, views_of } from "../src/tiles.ts";
import {
  answer, bytes, cases, check, checkRaw, detections, floats, INFO, MODEL, near, picture, png, rawFaces, read,
} from "./golden.ts";

function withFloor(floor: number): Decoder {
  return new Decoder(INFO, INFO.threshold.map((least) => Math.min(least, floor)));
}

describe("golden vectors", () => {
  cases("preprocess").forEach((each, number) => {
    test(`picture ${number} becomes the very tensor`, () => {
      const made = prepare(picture(each.picture), each.input);
      assert.deepEqual([1, made.input[1], made.input[0], 3], each.tensor.shape);
      // Not within 1, as the contract allows: the filter is the same bit by bit.
      assert.deepEqual(Buffer.from(made.tensor), Buffer.from(bytes(each.tensor)));
      near(made.scale, each.scale, 1e-9);
    });
  });

  cases("decode").forEach((each, number) => {
    test(`raw answers ${number} become faces`, () => {
      const raw = answer(each);
      const decoder = new Decoder(INFO, INFO.threshold);
      checkRaw(suppress(boxes_above(decoder.least_raw, raw, INFO), INFO), each.suppressed);
      assert.ok(each.shown.length > 3);
      check(decoder.decode(raw), each.shown);
      check(withFloor(each.candidates.floor).decode(raw), each.candidates.faces);
    });
  });

  cases("closer-look").filter((each) => "first" in each).forEach((each, number) => {
    test(`first pass ${number} calls for a closer look`, () => {
      const first = answer(each.first);
      const [width, height] = each.first.picture;
      const part = part_with_small_faces(width, height, first, INFO);
      assert.deepEqual(part, each.part);
      if (!part) return;
      const plan = plan_tiles("off", width, height, INFO);
      const both = { plan, answers: [first, answer(each.second)], scale: [1, 1] as const, closer: part };
      check(to_faces(both, new Decoder(INFO, INFO.threshold)), each.shown);
      check(to_faces(both, withFloor(each.candidates.floor)), each.candidates.faces);
    });
  });

  cases("farther-look").forEach((each, number) => {
    test(`first pass ${number} ${each.farther ? "calls" : "does not call"} for a farther look`, () => {
      const info = { ...INFO, farther_look: each.farther_look };
      const [width, height] = each.first.picture;
      assert.equal(calls_for_a_farther_look(width, height, answer(each.first), info), each.farther);
    });
  });

  test("both passes are averaged", () => {
    const found = cases("closer-look").filter((each) => "join" in each);
    assert.equal(found.length, 1);
    const { first, second, part, picture: [width, height], joined } = found[0].join;
    checkRaw(join(rawFaces(first), rawFaces(second), part, width, height, INFO), joined);
  });

  cases("tiles").filter((each) => "views" in each).forEach((each) => {
    test(`tiles ${each.setting} of ${each.picture.join(" x ")}`, () => {
      const plan = plan_tiles(each.setting, each.picture[0], each.picture[1], INFO);
      assert.deepEqual(views_of(plan), each.views);
      near([plan.overlap_px], [each.overlap_px], 1e-3);
    });
  });

  test("faces of tiles are merged", () => {
    const found = cases("tiles").filter((each) => "merge" in each);
    assert.equal(found.length, 1);
    const each = found[0].merge;
    const plan = plan_tiles(each.setting, each.picture[0], each.picture[1], INFO);
    check(merge(plan, each.found.map(detections), INFO), each.merged);
  });
});

describe("the network in WebAssembly", () => {
  let detector: Detector;

  before(async () => {
    detector = await Detector.load(MODEL);
  });

  test("tensors become raw answers, also three at once", async () => {
    const { Network } = await import("../src/network.ts");
    const network = await Network.load(await runtimeOfPlace(), MODEL, "tiny.onnx");
    for (const each of cases("network")) {
      const [batch, height, width] = each.picture.shape;
      const { scores, deltas } = await network.run(bytes(each.picture), width, height, batch);
      near(scores, floats(each.scores), 1e-4);
      near(deltas, floats(each.deltas), 1e-3);
    }
    await network.release();
  });

  cases("whole").forEach((each) => {
    test(`a picture becomes faces with ${JSON.stringify(each.options)}`, async () => {
      const found = await detector
        .with_options(each.options)
        .detect_with_candidates(await png(each.picture), each.candidates.floor);
      check(found.shown, each.shown, 1e-3, 1e-5);
      check(found.candidates, each.candidates.faces, 1e-3, 1e-5);
    });
  });

  test("files of version 0.1.0 are read, int8 as well", async () => {
    const expected = JSON.parse(new TextDecoder().decode(read("0.1.0/faces.json")));
    for (const name of ["tiny", "tiny-int8"]) {
      const old = await Detector.load(read(`0.1.0/${name}.onnx`));
      const found = await old.detect_with_candidates(await png("0.1.0/picture.png"), 0.05);
      check(found.shown, expected[name].shown, 0.02, 1e-4);
      check(found.candidates, expected[name].candidates, 0.02, 1e-4);
    }
  });

  test("the hash is that of the Python package", async () => {
    assert.match(await hash_of(MODEL), /^[0-9a-f]{16}$/);
    assert.equal(detector.model_hash, await hash_of(MODEL));
  });
});
