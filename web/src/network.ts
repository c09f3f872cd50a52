/** The network of a model file in ONNX Runtime Web. */

import type * as Ort from "onnxruntime-web";

import { ModelError } from "./errors.ts";
import { with_alike_sums } from "./int8_sums.ts";
import { without_inner_shapes } from "./model_file.ts";

/** The part of ONNX Runtime Web that is used; it comes in several builds. */
export type Runtime = Pick<typeof Ort, "InferenceSession" | "Tensor" | "env">;

/** Where the network is computed. */
export type Device = "webgpu" | "wasm";

const INPUT = "picture";

/** A loaded network. */
export class Network {
  private constructor(
    private readonly runtime: Runtime,
    private readonly session: Ort.InferenceSession,
    readonly device: Device,
  ) {}

  /**
   * Load the network of a model file.
   *
   * @param device "webgpu" needs a build of the runtime with it; what it cannot do, WebAssembly does.
   */
  static async load(runtime: Runtime, file: Uint8Array, name: string, device: Device = "wasm"): Promise<Network> {
    const providers = device === "webgpu" ? ["webgpu", "wasm"] : ["wasm"];
    try {
      // A level above warnings: the runtime would tell which small operators stay on the processor.
      const options = { executionProviders: providers, logSeverityLevel: 3 } as const;
      const mended = with_alike_sums(without_inner_shapes(file, name));
      return new Network(runtime, await runtime.InferenceSession.create(mended, options), device);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new ModelError(`${name}: the network cannot be loaded (${reason}): reload the page or get it again`, {
        cause: error,
      });
    }
  }

  /**
   * Run the network.
   *
   * @param tensor batch times height times width times 3 bytes.
   */
  async run(tensor: Uint8Array, width: number, height: number, batch = 1): Promise<{ scores: Float32Array; deltas: Float32Array }> {
    const input = new this.runtime.Tensor("uint8", tensor, [batch, height, width, 3]);
    const answer = await this.session.run({ [INPUT]: input });
    try {
      const [scores, deltas] = await Promise.all([answer.scores.getData(), answer.deltas.getData()]);
      // Copied: the runtime's memory is used again.
      return { scores: (scores as Float32Array).slice(), deltas: (deltas as Float32Array).slice() };
    } finally {
      for (const each of Object.values(answer)) each.dispose();
    }
  }

  /** Give the memory back. */
  async release(): Promise<void> {
    await this.session.release();
  }
}
