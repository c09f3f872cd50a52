/** The detector: the same faces as the Python package's `Detector` finds with the same model file. */

import * as closer_look from "./closer.ts";
import { Decoder, type NetworkAnswer } from "./decode.ts";
import { Detections } from "./detections.ts";
import { UsageError } from "./errors.ts";
import * as farther_look from "./farther.ts";
import { read_model_info, type CloserLook, type ModelInfo } from "./model_file.ts";
import { Network, type Device, type Runtime } from "./network.ts";
import { calls_for_a_farther_look, part_with_small_faces, to_faces, type PictureAnswers } from "./passes.ts";
import { as_picture, crop, FULL_SCALE_PIXELS, type Picture, type PictureLike } from "./pictures.ts";
import { prepare } from "./preprocess.ts";
import { check_setting, plan_tiles, views_of, type View } from "./tiles.ts";

/** Minimum side of a picture; the smallest faces that are found have 8 pixels. */
export const MIN_PICTURE_PX = 8;
export const MIN_INPUT_PX = 64;
export const MAX_INPUT_PX = 4096;
/** Minimum confidence of candidates: a precision-recall curve needs detections down to about this. */
export const FLOOR = 0.01;

/** What the Python package's `Detector` takes, under the same names. */
export interface Options {
  /** Minimum confidence for every label, 0 to 1; null: the model's own thresholds. */
  confidence?: number | null;
  /** Long side of the network's input, pixels; null: the model's own. */
  input_size?: number | null;
  /** "off", "auto" or like "2x2". */
  tiles?: string;
  /**
   * Whether a part with small faces is run again, enlarged; or your own `CloserLook`. False also does without the
   * second look, smaller, at pictures with near faces or none.
   */
  closer_look?: boolean | CloserLook;
}

/** What loading takes besides. */
export interface LoadOptions extends Options {
  /** ONNX Runtime Web in a build of your choice; left out, the one for WebAssembly. */
  runtime?: Runtime;
  /** "webgpu" needs a build of the runtime with it. */
  device?: Device;
  /** The file's name, for messages. */
  name?: string;
  /** First 16 hexadecimal digits of the file's SHA-256, where known: pages without HTTPS cannot compute it. */
  model_hash?: string;
}

/** The faces of one picture at two thresholds, from one run of the network. */
export interface FoundFaces {
  /** What `Detector.detect` returns. */
  readonly shown: Detections;
  /** All faces down to the floor, including those shown. */
  readonly candidates: Detections;
}

/** Finds the faces of a picture and whether each wears a mask. */
export class Detector {
  readonly info: ModelInfo;
  readonly threshold: readonly number[];

  private constructor(
    private readonly network: Network,
    private readonly fileInfo: ModelInfo,
    private readonly options: Required<Options>,
    /** First 16 hexadecimal digits of the model file's SHA-256; empty where it cannot be computed. */
    readonly model_hash: string,
  ) {
    const { confidence, input_size: size, closer_look: look } = options;
    check(options);
    let info = fileInfo;
    if (size !== null) {
      if (info.input.resize !== "fit" && size !== info.input.size) {
        throw new UsageError(`the model ${info.name} takes an input of ${info.input.size} pixels only, not ${size}`);
      }
      info = { ...info, input: { ...info.input, size } };
    }
    if (typeof look === "object") info = { ...info, closer_look: look };
    this.info = info;
    this.threshold = confidence === null ? info.threshold : info.labels.map(() => confidence);
  }

  /**
   * Load a model.
   *
   * @param file the model file's bytes.
   */
  static async load(file: Uint8Array, options: LoadOptions = {}): Promise<Detector> {
    const { device = "wasm", name = "the model file", model_hash, runtime: own, ...given } = options;
    check(complete(given));
    const info = read_model_info(file, name);
    const runtime = own ?? (await runtimeOfPlace());
    const hash = model_hash ?? (await hash_of(file));
    return new Detector(await Network.load(runtime, file, name, device), info, complete(given), hash);
  }

  /** Return a detector with other options that shares this one's loaded network. */
  with_options(options: Options): Detector {
    return new Detector(this.network, this.fileInfo, complete({ ...this.options, ...defined(options) }), this.model_hash);
  }

  get model_name(): string {
    return this.info.name;
  }

  get labels(): readonly string[] {
    return this.info.labels;
  }

  get tiles(): string {
    return this.options.tiles;
  }

  /** Where the network is computed. */
  get device(): Device {
    return this.network.device;
  }

  /** Whether parts with small faces are run again, enlarged; not for pictures in tiles. */
  get looks_closer(): boolean {
    return Boolean(this.options.closer_look) && closer_look.worth_while(this.info);
  }

  /** Whether pictures with near faces or none are run again, smaller; not for pictures in tiles. */
  get looks_farther(): boolean {
    return Boolean(this.options.closer_look) && farther_look.worth_while(this.info);
  }

  /** Find the faces of one picture, highest confidence first, in pixels of the upright picture, clipped to it. */
  async detect(picture: PictureLike): Promise<Detections> {
    const photo = await as_picture(picture, FULL_SCALE_PIXELS);
    if (tooSmall(photo)) return Detections.empty(this.labels);
    return to_faces(await this.run_network(photo), new Decoder(this.info, this.threshold));
  }

  /**
   * Find the faces of one picture with two thresholds in one run of the network: candidates are for blurring every
   * possible face, and for a slider.
   *
   * @param floor minimum confidence of the candidates, 0 to 1; a label's own threshold if that is lower.
   */
  async detect_with_candidates(picture: PictureLike, floor = FLOOR): Promise<FoundFaces> {
    if (!(floor >= 0 && floor <= 1)) throw new UsageError(`floor must be 0 to 1, not ${floor}`);
    const photo = await as_picture(picture, FULL_SCALE_PIXELS);
    if (tooSmall(photo)) {
      const none = Detections.empty(this.labels);
      return { shown: none, candidates: none };
    }
    const answers = await this.run_network(photo);
    const fainter = new Decoder(this.info, this.threshold.map((least) => Math.min(least, floor)));
    const candidates = to_faces(answers, fainter);
    if (answers.plan.tiles.length) {
      // Where tiles meet, a low-score box may decide which of two boxes of one face is kept.
      return { shown: to_faces(answers, new Decoder(this.info, this.threshold)), candidates };
    }
    // Boxes with lower scores come last in non-maximum suppression, so they do not change the others.
    return { shown: candidates.reaching(this.threshold), candidates };
  }

  /** Run the network on each view of a picture: one or two, or the whole and its tiles. */
  async run_network(picture: Picture): Promise<PictureAnswers> {
    const { width, height } = picture;
    const plan = plan_tiles(this.tiles, width, height, this.info);
    const scale: [number, number] = [(picture.full_width ?? width) / width, (picture.full_height ?? height) / height];
    if (plan.tiles.length) {
      const answers = [];
      for (const view of views_of(plan)) answers.push(await this.look(picture, view));
      return { plan, answers, scale, closer: null };
    }
    let first = await this.look(picture, null);
    const closer = this.looks_closer ? part_with_small_faces(width, height, first, this.info) : null;
    if (!closer && this.looks_farther && calls_for_a_farther_look(width, height, first, this.info)) {
      first = await this.look(picture, null, this.info.farther_look!.size);
    }
    const answers = closer ? [first, await this.look(picture, closer)] : [first];
    return { plan, answers, scale, closer };
  }

  /** Give the network's memory back; detectors that share it end, too. */
  async release(): Promise<void> {
    await this.network.release();
  }

  private async look(picture: Picture, view: View | null, size = this.info.input.size): Promise<NetworkAnswer> {
    const spec = { ...this.info.input, size };
    const { tensor, ...prepared } = view
      ? prepare(crop(picture, view.x1, view.y1, view.x2, view.y2), { ...spec, size: view.size })
      : prepare(picture, spec);
    return { ...(await this.network.run(tensor, ...prepared.input)), prepared };
  }
}

/** Return the first 16 hexadecimal digits of a file's SHA-256; empty where the browser computes none. */
export async function hash_of(file: Uint8Array): Promise<string> {
  if (!globalThis.crypto?.subtle) return "";
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", file as Uint8Array<ArrayBuffer>));
  return Array.from(digest.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Return the runtime of a browser, or that of Node.js. */
export async function runtimeOfPlace(): Promise<Runtime> {
  // What package.json names has no types of its own.
  return (await import("#runtime" as string)) as Runtime;
}

function complete(options: Options): Required<Options> {
  return { confidence: null, input_size: null, tiles: "off", closer_look: true, ...defined(options) };
}

function defined(options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function check({ confidence, input_size: size, tiles }: Required<Options>): void {
  if (confidence !== null && !(confidence >= 0 && confidence <= 1)) {
    throw new UsageError(`confidence must be 0 to 1, not ${confidence}`);
  }
  if (size !== null && !(Number.isInteger(size) && size >= MIN_INPUT_PX && size <= MAX_INPUT_PX)) {
    throw new UsageError(`input size must be ${MIN_INPUT_PX} to ${MAX_INPUT_PX} pixels, not ${size}`);
  }
  check_setting(tiles);
}

function tooSmall(picture: Picture): boolean {
  return Math.min(picture.full_width ?? picture.width, picture.full_height ?? picture.height) < MIN_PICTURE_PX;
}
