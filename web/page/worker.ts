/** Computes in a thread of its own, so that the page answers meanwhile. */

import type { Runtime } from "../src/index.ts";
import { as_picture, Detector, PictureError } from "../src/index.ts";
import type { Found, Loaded, Reply, Request } from "./messages.ts";

let detector: Detector | null = null;

/** A side of the warm-up's input, pixels: a photo that comes meanwhile waits for one turn only, so it is a short one. */
const WARM_UP_PX = 160;
const WARM_UP_TURNS = 30;
const WARM_UP_MS = 1500;

/** Answer requests with a build of the runtime. */
export function serve(runtime: Runtime, wasm: string): void {
  let turn: Promise<void> = Promise.resolve();
  let waiting = 0;
  self.onmessage = ({ data }: MessageEvent<Request>) => {
    waiting++;
    turn = turn.then(async () => {
      waiting--;
      await answer(data, runtime, wasm);
      if (data.kind === "load") await warm_up(() => waiting > 0);
    });
  };
}

/**
 * Let the browser translate the network's code well, which it does for what runs often: else the first photos would
 * take several times as long as later ones.
 *
 * @param is_wanted whether somebody waits for an answer: then it ends.
 */
async function warm_up(is_wanted: () => boolean): Promise<void> {
  if (detector?.info.input.resize !== "fit" || detector.device !== "wasm") return;
  const begin = performance.now();
  const [width, height] = [2 * WARM_UP_PX, 1.5 * WARM_UP_PX];
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 24);
  const small = detector.with_options({ input_size: WARM_UP_PX });
  for (let turn = 0; turn < WARM_UP_TURNS && performance.now() - begin < WARM_UP_MS; turn++) {
    // What has come since is heard of between turns only.
    await new Promise((done) => setTimeout(done));
    if (is_wanted()) return;
    await small.detect_with_candidates({ data, width, height }, 0);
  }
}

async function answer(request: Request, runtime: Runtime, wasm: string): Promise<void> {
  let reply: Reply;
  try {
    const value = request.kind === "load" ? await load(request, runtime, wasm) : await detect(request);
    reply = { id: request.id, value };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    reply = { id: request.id, error: message, isPicture: error instanceof PictureError };
  }
  const given = "value" in reply && "picture" in reply.value && reply.value.picture ? [reply.value.picture] : [];
  self.postMessage(reply, { transfer: given });
}

async function load(request: Request & { kind: "load" }, runtime: Runtime, wasm: string): Promise<Loaded> {
  const { base, model, device, threads } = request;
  const { env } = runtime;
  env.wasm.numThreads = threads;
  env.wasm.wasmPaths = { mjs: new URL(`${wasm}.mjs`, base).href, wasm: new URL(`${wasm}.wasm`, base).href };
  env.logLevel = "error";
  const answered = await fetch(new URL(model.file, base));
  if (!answered.ok) throw new Error(`${model.file}: the server answers ${answered.status}`);
  const file = new Uint8Array(await answered.arrayBuffer());
  await detector?.release();
  detector = await Detector.load(file, { runtime, device, name: model.name, model_hash: model.hash });
  const { labels, threshold, info } = detector;
  return { model: detector.model_name, labels, threshold, input_size: info.input.size };
}

async function detect({ picture, options, floor }: Request & { kind: "detect" }): Promise<Found> {
  if (!detector) throw new Error("no model is loaded");
  const begin = performance.now();
  const pixels = await as_picture(picture);
  const { candidates } = await detector.with_options(options).detect_with_candidates(pixels, floor);
  const { xyxy, confidence, class_id, names } = candidates;
  return {
    width: pixels.full_width ?? pixels.width,
    height: pixels.full_height ?? pixels.height,
    candidates: { xyxy, confidence, class_id, names },
    milliseconds: performance.now() - begin,
    picture: picture instanceof ImageBitmap ? picture : null,
  };
}
